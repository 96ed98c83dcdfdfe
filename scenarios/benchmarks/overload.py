"""More messages than a node has hands for: it says so at once, and nothing is lost."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from typer import Option

from scenarios.lab.benchmark import Bench, benchmark
from scenarios.lab.market_costs import Market, market
from scenarios.lab.node_client import Json
from scenarios.lab.world import Node

USUAL_HANDS = 256
ALONE = 5
"""Orders one after the other, before and after the load."""


@dataclass(frozen=True)
class Run:
    """One market's broker under the load."""

    seconds: float
    turned_away: int
    served: int
    held: int
    paid: int
    serving: list[float]
    """Milliseconds from a message's arrival at the broker to its answer, of those it served."""
    alone: tuple[list[float], list[float]]
    """Milliseconds of an order while there is no other, before the load and after it."""

    @property
    def share(self) -> float:
        return 100 * self.turned_away / (self.turned_away + self.served)


@benchmark(question="What happens when a node is sent more than it has hands for?")
async def overload(
    bench: Bench,
    *,
    orders: Annotated[int, Option(min=2, max=2000, help="Withdrawals, all at once.")] = 320,
    hands: Annotated[int, Option(min=1, help="Messages a node serves at once.")] = 16,
    peers: Annotated[int, Option(min=5)] = 16,
) -> None:
    """Every peer's owner orders coins at the same moment, each order one message to the broker.

    Beyond `work_in_hand` a node answers 503 and has done nothing; who asked asks again, ever more
    slowly. Beside: the same load where the broker has hands enough. Then all ledgers are audited.
    """
    narrow = await _run(bench, peers, orders, hands)
    wide = await _run(bench, peers, orders, USUAL_HANDS)
    bench.figure(
        f"answered 503 with {hands} hands",
        [narrow.share],
        "%",
        beside=wide.share,
        beside_what=f"{USUAL_HANDS} hands",
        headline=True,
    )
    bench.figure(
        f"{orders} withdrawals at once, with {hands} hands: wall",
        [narrow.seconds],
        "s",
        beside=wide.seconds,
        beside_what=f"{USUAL_HANDS} hands",
        headline=True,
    )
    bench.figure(
        f"a message the broker serves, with {hands} hands: 99 of 100 within",
        [_p99(narrow.serving)],
        "ms",
        beside=_p99(wide.serving),
        beside_what=f"{USUAL_HANDS} hands",
        headline=True,
    )
    bench.figure(
        f"an order alone after the load, with {hands} hands: wall",
        narrow.alone[1],
        "ms",
        beside=statistics.median(narrow.alone[0]),
        beside_what="before the load",
        headline=True,
    )
    bench.note(
        f"{orders} withdrawals of one coin by {peers} peers; {narrow.turned_away} answers 503 for "
        f"{narrow.served} messages served."
    )
    bench.check("the broker was overloaded", narrow.turned_away > 0, f"{narrow.turned_away}")
    for run in (narrow, wide):
        bench.check("every order ended with its coin", run.held == orders, f"{run.held}")
        bench.check("each coin was paid for once", run.paid == orders, f"{run.paid}")


async def _run(bench: Bench, peers: int, orders: int, hands: int) -> Run:
    async with market(peers, work_in_hand=hands) as place:
        broker, all_peers = place.world.broker, place.world.peers
        quiet = [await _one_order(place, all_peers[0]) for _ in range(ALONE)]
        before = await _balances(place)
        seen = len(await broker.trace())
        turned_away, served = await _counted(place)
        began = time.monotonic()

        async def order(number: int) -> None:
            peer = all_peers[number % len(all_peers)]
            taken = await place.control(peer, "withdraw", count=1)
            await place.until(peer, taken["transaction"], "held")

        await asyncio.gather(*(order(number) for number in range(orders)))
        seconds = time.monotonic() - began
        serving = _serving(await broker.trace(after=seen))
        after = await _counted(place)
        assert broker.alive(), "it has served all of them"
        held = sum([await _held(place, peer.name) for peer in all_peers])
        paid = before - await _balances(place)
        held -= ALONE
        again = [await _one_order(place, all_peers[0]) for _ in range(ALONE)]
        await place.audit(bench)
    return Run(
        seconds, after[0] - turned_away, after[1] - served, held, paid, serving, (quiet, again)
    )


async def _one_order(place: Market, peer: Node) -> float:
    began = time.monotonic()
    taken = await place.control(peer, "withdraw", count=1)
    await place.until(peer, taken["transaction"], "held")
    return 1000 * (time.monotonic() - began)


def _serving(rows: Sequence[Json]) -> list[float]:
    """By the broker's own trace: a withdrawal's request, and the answer that is not a refusal."""
    arrived: dict[str, int] = {}
    found: list[float] = []
    for row in rows:
        if row["direction"] == "in" and row["kind"] == "request":
            arrived[row["transaction"]] = row["time"]
        elif row["direction"] == "out" and row["kind"] == "answer" and not row.get("outcome"):
            began = arrived.pop(row["transaction"], None)
            if began is not None:
                found.append(row["time"] - began)
    return found


def _p99(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=100)[-1]


async def _counted(place: Market) -> tuple[int, int]:
    """Messages the broker has turned away, and served."""
    shown = await place.world.broker.get("/inspect/counters")
    served = sum(int(step.get("messages", 0)) for step in shown["steps"])
    return int(shown["node"]["turned_away"]), served


async def _balances(place: Market) -> int:
    rows = (await place.world.broker.get("/inspect/ledger"))["accounts"]
    return sum(int(row["balance"]) for row in rows)


async def _held(place: Market, name: str) -> int:
    ledger = await place.world.node(name).get("/inspect/ledger")
    return sum(row["state"] == "held" for row in ledger.get("coins", []))
