"""Whether anything of a world still runs, as the system tells it and not the lab."""

import os
import select
import time
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from pathlib import Path


def holders_of_pipe(descriptor: int) -> set[int]:
    """Every process but this one that holds an end of a pipe, such as a lifeline."""
    pipe = os.readlink(f"/proc/self/fd/{descriptor}")
    found = set()
    for entry in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            if os.readlink(entry) == pipe:
                found.add(int(entry.parts[2]))
    return found - {os.getpid()}


def processes_of(folder: Path) -> set[int]:
    """Every process that names a world's folder on its command line: its keeper and nodes."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = entry.read_bytes().split(b"\0")
            if b"scenarios.lab.keeper" in words and str(folder).encode() in words:
                found.add(int(entry.parts[2]))
    return found


def wait_until_ended(pids: Iterable[int], seconds: float = 10) -> list[int]:
    """Those that still run after so many seconds."""
    with ExitStack() as stack:
        waiting = {}
        for pid in pids:
            with suppress(ProcessLookupError):
                descriptor = os.pidfd_open(pid)
                stack.callback(os.close, descriptor)
                waiting[descriptor] = pid
        poll = select.poll()
        for descriptor in waiting:
            poll.register(descriptor, select.POLLIN)
        deadline = time.monotonic() + seconds
        while waiting and (left := deadline - time.monotonic()) > 0:
            for descriptor, _ in poll.poll(int(left * 1000)):
                poll.unregister(descriptor)
                del waiting[descriptor]
        return sorted(waiting.values())
