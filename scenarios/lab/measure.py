"""What a process used so far: processor time and memory, as Linux accounts for them."""

from dataclasses import dataclass
from pathlib import Path

from scenarios.lab.processes import TICKS_PER_SECOND, stat_fields


@dataclass(frozen=True)
class Usage:
    cpu_seconds: float
    """User and system time of all its threads, since it was forked."""
    memory_bytes: int
    """Proportional set size: pages shared by n processes count for one n-th in each."""
    peak_bytes: int
    """The highest resident set so far, shared pages counted in full."""


def usage(pid: int) -> Usage | None:
    """None if there is no such process or it has ended."""
    fields = stat_fields(pid)
    if fields is None or fields[0] in ("Z", "X"):
        return None
    cpu = (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND
    try:
        return Usage(cpu, _kibibytes(pid, "smaps_rollup", "Pss:"), _peak(pid))
    except OSError:
        return None


def _peak(pid: int) -> int:
    return _kibibytes(pid, "status", "VmHWM:")


def _kibibytes(pid: int, file: str, label: str) -> int:
    """A line `Label:  123 kB` of a file in /proc, in bytes."""
    for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
        if line.startswith(label):
            return int(line.split()[1]) * 1024
    return 0
