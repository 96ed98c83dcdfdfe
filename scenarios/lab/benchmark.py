"""How a benchmark is declared, what it measures, and where that is kept.

    @benchmark(question="What does a payment cost?")
    async def coin_payment(bench: Bench, *, count: Annotated[int, Option(min=1)] = 30) -> None:
        \"\"\"Peers pay each other, one after the other.\"\"\"
        bench.figure("CPU of a payment", spent, "ms", beside=floor, beside_what="floor")

A figure is every repeat of one thing that was measured, beside one other number of the same run:
the ratio tells more than either, for it stays when the machine changes. A check says whether what
was measured had also been done right; a benchmark that is quick and wrong has failed.
"""

import contextlib
import datetime
import importlib
import inspect
import os
import pkgutil
import statistics
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

import msgspec

import scenarios.benchmarks
from scenarios.lab.failures import LabFailure, did_you_mean
from scenarios.lab.measure import cores_in_use, processor
from scenarios.lab.plot import Curve, Plot, draw
from scenarios.lab.run import Check
from scenarios.lab.run_folder import check_writable, versions

KEPT_IN = "bench"
BUSY_SHARE = 0.15
LOOK_SECONDS = 0.5


class NoSuchBenchmark(LabFailure):
    code = "lab/no-such-benchmark"


class NotAMeasurement(LabFailure):
    code = "lab/not-a-measurement"


class Figure(msgspec.Struct, kw_only=True):
    """One thing measured, as often as it was repeated."""

    what: str
    unit: str
    values: list[float]
    beside: float | None = None
    """What it is to be compared with, in the same unit, measured in the same run."""
    beside_what: str = ""
    headline: bool = False
    """Stands in the README's table."""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def ratio(self) -> float | None:
        return self.median / self.beside if self.beside else None


class Measured(msgspec.Struct, kw_only=True):
    """One run of one benchmark: what is kept of it."""

    name: str
    question: str
    command: str
    started: str
    seconds: float
    cores: int
    others: float
    """Cores in use by others just before it began."""
    load: list[float]
    """Processes that wanted a core, on average over the minute before the start and the end."""
    others_after: float = 0.0
    """Cores in use by others just after it had ended."""
    processor: str = ""
    """As the machine calls it."""
    versions: dict[str, str]
    notes: list[str]
    """What was run, and beside what."""
    figures: list[Figure]
    checks: list[Check]
    plots: list[Plot] = msgspec.field(default_factory=list)

    @property
    def holds(self) -> bool:
        return all(check.holds is True for check in self.checks)

    @property
    def busy(self) -> bool:
        """Others wanted the cores too: the figures are too high, the ratios less so."""
        return max(self.others, self.others_after) > BUSY_SHARE * self.cores


class Bench:
    """What a benchmark hands its results to."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.figures: list[Figure] = []
        self.checks: list[Check] = []
        self.plots: list[Plot] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def figure(
        self,
        what: str,
        values: Iterable[float],
        unit: str,
        *,
        beside: float | None = None,
        beside_what: str = "",
        headline: bool = False,
    ) -> Figure:
        made = Figure(
            what=what,
            unit=unit,
            values=[float(value) for value in values],
            beside=beside,
            beside_what=beside_what,
            headline=headline,
        )
        self.figures.append(made)
        return made

    def plot(
        self,
        title: str,
        x: str,
        y: str,
        curves: Mapping[str, Sequence[tuple[float, float]]],
        *,
        log_x: bool = False,
    ) -> None:
        """Kept beside the figures as a drawing, where a curve is the answer."""
        drawn = [Curve(name=name, points=list(points)) for name, points in curves.items()]
        self.plots.append(Plot(title=title, x=x, y=y, curves=drawn, log_x=log_x))

    def check(self, name: str, holds: bool | None, detail: str = "") -> None:
        self.checks.append(Check(name, holds, detail))

    def audited(self, checks: Sequence[Check]) -> None:
        """The auditor's rules in one line; what does not hold has its own."""
        wrong = [check for check in checks if check.holds is not True]
        self.check("every ledger agrees", not wrong, f"{len(checks)} rules of the auditor")
        self.checks += wrong


Measure = Callable[..., Awaitable[None]]


@dataclass(frozen=True)
class Benchmark:
    name: str
    question: str
    help: str
    measure: Measure

    def options(self) -> list[inspect.Parameter]:
        hints = get_type_hints(self.measure, include_extras=True)
        return [
            parameter.replace(annotation=hints[parameter.name])
            for parameter in inspect.signature(self.measure).parameters.values()
            if parameter.kind is parameter.KEYWORD_ONLY
        ]

    def command(self, given: Mapping[str, Any]) -> str:
        words = ["jangteo", "bench", self.name]
        for parameter in self.options():
            value = given.get(parameter.name, parameter.default)
            if value != parameter.default:
                words.append(f"--{parameter.name.replace('_', '-')} {value}")
        return " ".join(words)

    async def run(self, given: Mapping[str, Any], runs: Path) -> tuple[Measured, Path]:
        """Measure once, with what it was told, and keep that in `runs`. Raises CannotWrite."""
        check_writable(runs)
        bench = Bench()
        others = await cores_in_use(LOOK_SECONDS)
        started = datetime.datetime.now(datetime.UTC)
        began, load = time.monotonic(), os.getloadavg()[0]
        await self.measure(bench, **given)
        seconds, load_after = time.monotonic() - began, os.getloadavg()[0]
        measured = Measured(
            name=self.name,
            question=self.question,
            command=self.command(given),
            started=started.isoformat(timespec="seconds").replace("+00:00", "Z"),
            seconds=round(seconds, 3),
            cores=len(os.sched_getaffinity(0)),
            others=round(others, 2),
            others_after=round(await cores_in_use(LOOK_SECONDS), 2),
            load=[round(load, 2), round(load_after, 2)],
            processor=processor(),
            versions=versions(),
            notes=bench.notes,
            figures=bench.figures,
            checks=bench.checks,
            plots=bench.plots,
        )
        return measured, keep(runs, measured)


def keep(runs: Path, measured: Measured) -> Path:
    """`runs/bench/<name>/<time>.json`, a file of its own, and beside it a drawing of each plot."""
    folder = runs / KEPT_IN / measured.name
    folder.mkdir(parents=True, exist_ok=True)
    stamp = measured.started.replace(":", ".").removesuffix("Z")
    text = msgspec.json.format(msgspec.json.encode(as_plain(measured)), indent=2)
    for number in range(1, 1000):
        path = folder / (f"{stamp}.json" if number == 1 else f"{stamp}-{number}.json")
        with contextlib.suppress(FileExistsError), path.open("xb") as file:
            file.write(text + b"\n")
            for count, plot in enumerate(measured.plots, 1):
                path.with_name(f"{path.stem}-plot-{count}.svg").write_text(draw(plot) + "\n")
            return path
    raise FileExistsError(path)


def read(path: Path) -> Measured:
    """What was kept. Raises NotAMeasurement."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Measured)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise NotAMeasurement(f"Cannot read {path}: {reason}.") from error
    except msgspec.DecodeError as error:
        raise NotAMeasurement(f"{path} is no saved measurement: {error}") from error


def as_plain(measured: Measured) -> dict[str, Any]:
    """For programs: medians and ratios too."""
    plain: dict[str, Any] = msgspec.to_builtins(measured)
    for shown, figure in zip(plain["figures"], measured.figures, strict=True):
        shown |= {
            "median": figure.median,
            "least": min(figure.values),
            "most": max(figure.values),
            "ratio": figure.ratio,
        }
    return plain


def benchmark(*, question: str) -> Callable[[Measure], Benchmark]:
    """Declare a benchmark; its name is the function's."""

    def declare(measure: Measure) -> Benchmark:
        return Benchmark(measure.__name__, question, inspect.getdoc(measure) or "", measure)

    return declare


@cache
def names() -> tuple[str, ...]:
    """Every module in scenarios/benchmarks; none is imported for this."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(scenarios.benchmarks.__path__)))


def find(name: str) -> Benchmark:
    """Raises NoSuchBenchmark, with the nearest name there is."""
    wanted = name.replace("-", "_")
    if wanted not in names():
        raise NoSuchBenchmark(
            f"There is no benchmark '{name}'.{did_you_mean(wanted, names())}      (jangteo bench)"
        )
    found = getattr(importlib.import_module(f"scenarios.benchmarks.{wanted}"), wanted, None)
    if not isinstance(found, Benchmark):
        raise NoSuchBenchmark(f"scenarios/benchmarks/{wanted}.py declares no benchmark {wanted}.")
    return found
