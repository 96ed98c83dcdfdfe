"""Which processor core a process may use (sched_setaffinity(2)), set from outside."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def on_a_core_of_its_own(pid: int, others: Iterable[int]) -> Iterator[bool]:
    """The last core for one process, all the rest for `others` and for this process.

    Whether that could be done: not where there is one core only. Afterwards this process may use
    them all again.
    """
    cores = os.sched_getaffinity(0)
    if len(cores) < 2:
        yield False
        return
    last = {max(cores)}
    _allow(pid, last)
    for other in (*others, os.getpid()):
        _allow(other, cores - last)
    try:
        yield True
    finally:
        _allow(os.getpid(), cores)


def _allow(pid: int, cores: set[int]) -> None:
    """All threads there are; those to come have it from the one that makes them."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread.name), cores)
