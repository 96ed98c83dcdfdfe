"""Processes by pid and start time: who runs, how they are ended, what they used."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from scenarios.lab.measure import usage
from scenarios.lab.processes import (
    Process,
    end,
    identify,
    is_running,
    kill,
    program_of,
    uptime_seconds,
)

pytestmark = pytest.mark.timeout(30)

OBEDIENT = "import sys; print('here', flush=True); sys.stdin.read()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + OBEDIENT


@pytest.fixture
def children() -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for child in started:
        child.kill()
        child.communicate()


def start(children: list[subprocess.Popen[bytes]], program: str) -> Process:
    """A process that has come so far as to say it is here."""
    child = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    children.append(child)
    assert child.stdout is not None
    assert child.stdout.readline() == b"here\n"
    process = identify(child.pid)
    assert process is not None
    return process


def test_a_process_is_known_by_its_start_and_not_by_its_pid_alone() -> None:
    mine = identify(os.getpid())

    assert mine is not None
    assert is_running(mine)
    assert not is_running(Process(os.getpid(), "an earlier process with this pid"))


def test_a_process_with_a_recycled_pid_is_left_alone() -> None:
    stranger = Process(os.getpid(), "an earlier process with this pid")
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        assert end([stranger], seconds=0.2) == 0
        assert not kill(stranger)
    finally:
        signal.signal(signal.SIGTERM, before)

    assert heard == []


def test_a_process_that_obeys_is_asked_and_not_killed(
    children: list[subprocess.Popen[bytes]],
) -> None:
    process = start(children, OBEDIENT)

    assert end([process], seconds=10) == 0
    assert children[0].wait() == -signal.SIGTERM


def test_a_process_that_ignores_the_request_is_killed_after_the_limit(
    children: list[subprocess.Popen[bytes]],
) -> None:
    processes = [start(children, STUBBORN), start(children, OBEDIENT)]

    assert end(processes, seconds=0.3) == 1
    assert [child.wait() for child in children] == [-signal.SIGKILL, -signal.SIGTERM]


def test_who_waits_hears_how_many_have_ended(children: list[subprocess.Popen[bytes]]) -> None:
    processes = [start(children, OBEDIENT) for _ in range(3)]
    heard: list[int] = []

    end(processes, seconds=10, on_ended=heard.append)

    assert heard[-1] == 3
    assert heard == sorted(heard)


def test_a_process_whose_exit_code_nobody_fetched_has_ended(
    children: list[subprocess.Popen[bytes]],
) -> None:
    process = start(children, OBEDIENT)

    assert kill(process)
    # Its parent, this test, has not waited for it: it is a zombie now.
    assert not is_running(process)
    assert usage(process.pid) is None
    assert not kill(process)


def test_a_new_process_has_run_for_a_short_time(children: list[subprocess.Popen[bytes]]) -> None:
    before = time.monotonic()
    process = start(children, OBEDIENT)

    assert 0 <= uptime_seconds(process) <= time.monotonic() - before + 0.02


def test_processor_time_grows_with_work_and_memory_with_what_is_held() -> None:
    before = usage(os.getpid())
    held = bytearray(os.urandom(1)) * (32 << 20)
    deadline = time.process_time() + 0.2
    while time.process_time() < deadline:
        pass
    after = usage(os.getpid())

    assert before is not None
    assert after is not None
    assert after.cpu_seconds - before.cpu_seconds >= 0.15
    assert after.memory_bytes - before.memory_bytes >= len(held) // 2
    assert after.peak_bytes >= len(held)


def test_programs_are_called_what_the_system_calls_them() -> None:
    assert program_of(os.getpid()) != ""
    assert program_of(2**22 + 1) == ""
