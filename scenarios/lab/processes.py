"""Processes by pid and start time, so that a pid that was given away again is never stopped.

Linux only: /proc, and descriptors of processes (pidfd_open(2)), which cannot name another process
later. A process that has ended but whose parent did not fetch its exit code counts as ended.
"""

import asyncio
import os
import select
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path

import msgspec

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
KILL_SECONDS = 5.0
"""After SIGKILL only the kernel's own work is left."""


class Process(msgspec.Struct, frozen=True):
    pid: int
    started: str
    """Boot of the machine and clock ticks since then."""


def identify(pid: int) -> Process | None:
    """The process that has this pid now; None if there is none or it has ended."""
    fields = stat_fields(pid)
    if fields is None or fields[0] in ("Z", "X"):
        return None
    return Process(pid, f"{_boot()}/{fields[19]}")


def stat_fields(pid: int) -> list[str] | None:
    """proc_pid_stat(5) from field 3, the state, on; None without such a process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()


@cache
def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def is_running(process: Process | None) -> bool:
    return process is not None and identify(process.pid) == process


def uptime_seconds(process: Process) -> float:
    """How long a running process has run."""
    ticks = int(process.started.rpartition("/")[2])
    return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / TICKS_PER_SECOND)


def program_of(pid: int) -> str:
    """The name people know a process by; empty if it cannot be read."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


@contextmanager
def _descriptors(processes: Iterable[Process]) -> Iterator[list[int]]:
    """One descriptor for each that runs. The identity is checked after opening, so it holds."""
    with ExitStack() as stack:
        opened = []
        for process in processes:
            try:
                descriptor = os.pidfd_open(process.pid)
            except OSError:
                continue
            stack.callback(os.close, descriptor)
            if is_running(process):
                opened.append(descriptor)
        yield opened


def end(
    processes: Iterable[Process],
    seconds: float,
    on_ended: Callable[[int], None] = lambda count: None,
) -> int:
    """Ask them to end, wait, kill those that did not; how many had to be killed.

    `on_ended` hears how many have ended so far.
    """
    with _descriptors(processes) as waiting:
        total = len(waiting)
        _send(waiting, signal.SIGTERM)
        left = _wait(waiting, seconds, lambda left: on_ended(total - left))
        _send(left, signal.SIGKILL)
        _wait(left, KILL_SECONDS, lambda still: on_ended(total - still))
        return len(left)


def kill(process: Process) -> bool:
    """End a process now (kill -9) and wait until it has ended; False if it did not run."""
    with _descriptors([process]) as found:
        _send(found, signal.SIGKILL)
        _wait(found, KILL_SECONDS, lambda left: None)
        return bool(found)


def _send(descriptors: Iterable[int], number: signal.Signals) -> None:
    for descriptor in descriptors:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, number)


def _wait(descriptors: list[int], seconds: float, on_change: Callable[[int], None]) -> list[int]:
    """Those that still run after so many seconds."""
    deadline = time.monotonic() + seconds
    left = set(descriptors)
    poll = select.poll()
    for descriptor in left:
        poll.register(descriptor, select.POLLIN)
    while left:
        milliseconds = int((deadline - time.monotonic()) * 1000)
        if milliseconds <= 0:
            break
        for descriptor, _ in poll.poll(milliseconds):
            poll.unregister(descriptor)
            left.discard(descriptor)
        on_change(len(left))
    return sorted(left)


async def end_of(pid: int) -> None:
    """Wait until a process has ended; a descriptor of it tells (pidfd_open(2))."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
