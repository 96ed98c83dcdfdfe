"""What one more payment costs when there have been many, or many coins: points of a curve."""

import sqlite3
import statistics
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import dataclass

from scenarios.lab.benchmark import Bench
from scenarios.lab.market_costs import Market, Spent, together
from scenarios.lab.offline import STORE
from scenarios.lab.world import World

FLAT = 1.3
"""Costs at most so many times as much at the end of a curve as at its beginning."""


@dataclass(frozen=True)
class Point:
    at: int
    """How much there was of what grows."""
    parts: list[Spent]
    rows: float
    """Added to all databases together by a payment."""

    @property
    def cpu(self) -> float:
        return statistics.median(part.cpu for part in self.parts)

    @property
    def size(self) -> float:
        """Bytes received in messages and datagrams, a payment."""
        return together(self.parts).each("bytes_in")


async def measured_at(
    place: Market,
    at: int,
    times: int,
    repeats: int,
    pay: Callable[[], Awaitable[None]],
    *,
    prepare: Callable[[], Awaitable[None]] | None = None,
) -> Point:
    """`pay` makes `times` payments each time it is called; before each, unmeasured, `prepare`."""
    parts: list[Spent] = []
    rows = 0
    for _ in range(repeats):
        if prepare is not None:
            await prepare()
        await place.rest()
        before = count_rows(place.world)
        parts.append(await place.measure(times, pay))
        rows += count_rows(place.world) - before
    return Point(at, parts, rows / (times * repeats))


def count_rows(world: World) -> int:
    """Of every table of every node, read beside the nodes."""
    assert world.folder is not None, "a market of one's own has a folder"
    total = 0
    for name in world.nodes:
        path = world.folder.data(name) / STORE
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            for (table,) in found.fetchall():
                total += int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
    return total


def tell(bench: Bench, what: str, noun: str, points: Sequence[Point], *, log_x: bool) -> None:
    """Each point beside the first, and three curves: processor time, bytes, rows.

    `what`: a payment of which kind; `noun`: what grows.
    """
    first, last = points[0], points[-1]
    for point in points:
        bench.figure(
            f"{what}, {point.at:,} {noun}: CPU of all processes",
            [part.cpu for part in point.parts],
            "ms",
            beside=first.cpu,
            beside_what=f"{first.at:,} {noun}",
            headline=point is last,
        )
    for point in points[:: len(points) - 1] if len(points) > 1 else points:
        bench.figure(
            f"{what}, {point.at:,} {noun}: bytes",
            [point.size],
            "B",
            beside=first.size,
            beside_what=f"{first.at:,} {noun}",
        )
        bench.figure(
            f"{what}, {point.at:,} {noun}: rows added",
            [point.rows],
            "",
            beside=first.rows,
            beside_what=f"{first.at:,} {noun}",
        )
    bench.note(f"{what}, by {noun}: {verdict(points)}")
    curves: dict[tuple[str, str], list[float]] = {
        ("CPU", "ms of all processes"): [point.cpu for point in points],
        ("bytes", "bytes received"): [point.size for point in points],
        ("rows", "rows added to all databases"): [point.rows for point in points],
    }
    at = [float(point.at) for point in points]
    for (title, unit), values in curves.items():
        curve = {what: list(zip(at, values, strict=True))}
        bench.plot(f"{what} by {noun}: {title}", noun, unit, curve, log_x=log_x)


def verdict(points: Sequence[Point]) -> str:
    """In words; how much each thing more costs, where it is not flat."""
    first, last = points[0], points[-1]
    ratio, more = last.cpu / first.cpu, last.at - first.at
    if ratio <= FLAT:
        return f"flat (x {ratio:.2f} from {first.at:,} to {last.at:,})"
    each = 1000 * (last.cpu - first.cpu) / more if more else 0.0
    return f"grows x {ratio:.2f} from {first.at:,} to {last.at:,}: {each:.1f} us CPU for each more"


def powers(first: int, most: int) -> list[int]:
    """`first`, ten times as many, and so on, up to `most`."""
    found = []
    while first <= most:
        found.append(first)
        first *= 10
    return found
