"""What a process used so far: processor time and memory, as Linux accounts for them."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from scenarios.lab.processes import TICKS_PER_SECOND, stat_fields

CPUCLOCK_SCHED = 2
"""clock_getcpuclockid(3): the clock of a process is its pid, inverted, beside this kind."""


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
    try:
        memory = _kibibytes(pid, "smaps_rollup", "Pss:")
        return Usage(cpu_seconds(pid), memory, peak_bytes(pid))
    except OSError:
        return None


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, all threads it ever had. Raises OSError if it is gone."""
    return time.clock_gettime(~pid << 3 | CPUCLOCK_SCHED)


def peak_bytes(pid: int) -> int:
    """The highest resident set since the process began or since `forget_peak`."""
    return _kibibytes(pid, "status", "VmHWM:")


def forget_peak(pid: int) -> int:
    """The peak starts again from what is resident now; that, in bytes (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return peak_bytes(pid)


async def cores_in_use(seconds: float) -> float:
    """How many cores the whole machine keeps busy meanwhile, other guests of its host included."""
    busy, began = _busy_seconds(), time.monotonic()
    await asyncio.sleep(seconds)
    return (_busy_seconds() - busy) / (time.monotonic() - began)


def processor() -> str:
    """The machine's processor, as /proc/cpuinfo calls it; empty where it does not say."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip().lower() in ("model name", "cpu model", "hardware"):
            return value.strip()
    return ""


def _busy_seconds() -> float:
    """proc_stat(5): user, nice, system, and after idle and iowait irq, softirq, steal."""
    fields = [int(word) for word in Path("/proc/stat").read_text().split(maxsplit=9)[1:9]]
    return (sum(fields[:3]) + sum(fields[5:8])) / TICKS_PER_SECOND


def _kibibytes(pid: int, file: str, label: str) -> int:
    """A line `Label:  123 kB` of a file in /proc, in bytes."""
    for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
        if line.startswith(label):
            return int(line.split()[1]) * 1024
    return 0
