"""A payment with a DHT coin on a ring of 16, 32 and 64 peers: who takes part is still k of them."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Annotated

from typer import Option

from nodes.protocols.membership.roster import replicas_and_quorum
from scenarios.lab.benchmark import Bench, benchmark
from scenarios.lab.growth import Point, measured_at, tell
from scenarios.lab.market_costs import Market, Spent, market, together

WHAT = "a payment of 1 coin"
SIZES = (16, 32, 64)
HANDS = 4
"""Peers the coin goes round, in a ring of any size. It has 63 steps, which all repeats fit into."""


@benchmark(question="Does a payment with DHT coins cost more when there are more peers?")
async def peers_growth(
    bench: Bench,
    *,
    most: Annotated[int, Option(min=16, help="Peers, at most.")] = 64,
    count: Annotated[int, Option(min=1, max=16, help="Payments of each repeat.")] = 12,
    repeats: Annotated[int, Option(min=1, max=3, help="In each market.")] = 3,
) -> None:
    """Pays round four peers, one payment after the other, in a market of each size.

    The markets run beside each other and are measured in turn; each holds one coin. Beside each
    stands the smallest. Processor time is that of all its processes, so what they use while nobody
    pays is in it; that is measured over as long a time, and told apart.
    """
    sizes = [size for size in SIZES if size <= most]
    async with AsyncExitStack() as stack:
        markets = [
            await stack.enter_async_context(market(size, protocols=("dht_micropayment",)))
            for size in sizes
        ]
        rounds = [_Round(place) for place in markets]
        for each in rounds:
            await each.begin()
        points = [Point(size, [], 0.0) for size in sizes]
        for _ in range(repeats):
            points = [
                _added(point, await measured_at(each.place, point.at, count, 1, each.pay(count)))
                for point, each in zip(points, rounds, strict=True)
            ]
        for place, point in zip(markets, points, strict=True):
            await _tell_idle(bench, place, point)
            await place.audit(bench)
    tell(bench, WHAT, "peers", points, log_x=True)
    _tell_traffic(bench, points)
    rings = {replicas_and_quorum(size) for size in sizes}
    bench.check("as many replicas and votes in each market", len(rings) == 1, f"{rings}")
    bench.note(f"{HANDS} hands, {repeats} x {count} payments in each market, one at a time.")


def _added(point: Point, next_: Point) -> Point:
    """Both measured as often in each part."""
    before = len(point.parts)
    rows = (point.rows * before + next_.rows) / (before + 1)
    return Point(point.at, point.parts + next_.parts, rows)


class _Round:
    """A coin that goes round the hands of one market."""

    def __init__(self, place: Market) -> None:
        self.place = place
        self._hands = place.world.peers[:HANDS]
        self._turn = 0

    async def begin(self) -> None:
        """Once round: every card is known, and so is the way to most replicas."""
        await self.place.withdraw(self._hands[0], 1)
        await self._pay(HANDS)

    def pay(self, times: int) -> Callable[[], Awaitable[None]]:
        return lambda: self._pay(times)

    async def _pay(self, times: int) -> None:
        for _ in range(times):
            payer, payee = (self._hands[(self._turn + side) % HANDS] for side in (0, 1))
            self._turn += 1
            asked = await self.place.control(payer, "transfer", to=payee.name, count=1)
            await self.place.until(payer, str(asked["transaction"]), "paid")


async def _tell_idle(bench: Bench, place: Market, point: Point) -> None:
    spent = together(point.parts)
    used = await _idle(place, spent.rested_seconds)
    bench.note(
        f"{point.at} peers: while nobody pays all processes use {used:.1f} ms CPU a second, that "
        f"is {used * spent.rested_seconds / spent.times:.2f} ms of a payment's {spent.cpu:.1f} "
        "(not taken off)."
    )
    bench.note(spent.operations(f"{point.at} peers"))


async def _idle(place: Market, seconds: float) -> float:
    """Milliseconds of processor time a second of all processes, while nobody asks them anything."""
    await place.rest()
    before = sum(place.cpu().values())
    await asyncio.sleep(seconds)
    return 1000 * (sum(place.cpu().values()) - before) / seconds


def _tell_traffic(bench: Bench, points: list[Point]) -> None:
    first = together(points[0].parts)
    for point in points:
        beside_what = f"{points[0].at} peers"
        name, spent = f"{WHAT}, {point.at} peers", together(point.parts)
        kinds: dict[str, tuple[str, Callable[[Spent], float]]] = {
            "messages": ("", lambda part: part.each("messages")),
            "datagrams": ("", lambda part: part.datagrams),
            "wall": ("ms", lambda part: part.wall),
        }
        for kind, (unit, of) in kinds.items():
            bench.figure(
                f"{name}: {kind}",
                [of(part) for part in point.parts],
                unit,
                beside=of(first),
                beside_what=beside_what,
            )
        bench.check(f"{name}: at least two messages", spent.each("messages") >= 2)
