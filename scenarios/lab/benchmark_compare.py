"""Two saved measurements of one benchmark, figure by figure, and the ratios."""

from pathlib import Path
from typing import Any

import msgspec

from scenarios.lab.benchmark import Figure, Measured, NotAMeasurement, read
from scenarios.lab.benchmark_table import conditions, number
from scenarios.lab.console import say, show_table

COLUMNS = ["what", ">A", ">B", "", ">B / A", ">A beside", ">B beside", ">B / A beside"]


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """One figure in both. The ratios to what stood beside it are more to be trusted."""

    what: str
    unit: str
    first: float
    second: float
    ratio: float | None
    first_beside: float | None
    second_beside: float | None
    ratio_beside: float | None


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    first: Measured
    second: Measured
    pairs: list[Pair]
    only: list[str]
    """Figures that one of the two has."""


def compare(first: Path, second: Path) -> Comparison:
    """Raises NotAMeasurement, also for two different benchmarks."""
    one, other = read(first), read(second)
    if one.name != other.name:
        raise NotAMeasurement(f"{first} measured {one.name}, {second} measured {other.name}.")
    here, there = ({(f.what, f.unit): f for f in each.figures} for each in (one, other))
    pairs = [_pair(figure, there[name]) for name, figure in here.items() if name in there]
    only = [what for what, _ in [*here, *there] if ((what, _) in here) != ((what, _) in there)]
    return Comparison(first=one, second=other, pairs=pairs, only=only)


def _pair(first: Figure, second: Figure) -> Pair:
    return Pair(
        what=first.what,
        unit=first.unit,
        first=first.median,
        second=second.median,
        ratio=_ratio(second.median, first.median),
        first_beside=first.ratio,
        second_beside=second.ratio,
        ratio_beside=_ratio(second.ratio, first.ratio),
    )


def _ratio(above: float | None, below: float | None) -> float | None:
    return above / below if above is not None and below else None


def show(found: Comparison) -> None:
    rows = [
        [
            pair.what,
            number(pair.first),
            number(pair.second),
            pair.unit,
            *(
                "" if ratio is None else f"{ratio:.2f}"
                for ratio in (
                    pair.ratio,
                    pair.first_beside,
                    pair.second_beside,
                    pair.ratio_beside,
                )
            ),
        ]
        for pair in found.pairs
    ]
    show_table(COLUMNS, rows)
    for letter, measured in (("A", found.first), ("B", found.second)):
        say(f"  {letter}: {measured.command}, {measured.started}; {conditions(measured)}")
    for what in found.only:
        say(f"  only one of them has: {what}")


def as_plain(found: Comparison) -> dict[str, Any]:
    """For programs."""
    sides = {"first": found.first, "second": found.second}
    told = {
        name: {"command": measured.command, "started": measured.started}
        for name, measured in sides.items()
    }
    return {**told, "figures": msgspec.to_builtins(found.pairs), "only": found.only}
