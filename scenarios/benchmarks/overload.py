"""More messages than a node has hands for: it says so at once, and nothing is lost."""

import asyncio
import time
from dataclasses import dataclass
from typing import Annotated

from typer import Option

from scenarios.lab.benchmark import Bench, benchmark
from scenarios.lab.market_costs import Market, market

USUAL_HANDS = 256


@dataclass(frozen=True)
class Run:
    """One market's broker under the load."""

    seconds: float
    turned_away: int
    served: int
    held: int
    paid: int

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
        before = await _balances(place)
        turned_away, served = await _counted(place)
        began = time.monotonic()

        async def order(number: int) -> None:
            peer = all_peers[number % len(all_peers)]
            taken = await place.control(peer, "withdraw", count=1)
            await place.until(peer, taken["transaction"], "held")

        await asyncio.gather(*(order(number) for number in range(orders)))
        seconds = time.monotonic() - began
        after = await _counted(place)
        assert broker.alive(), "it has served all of them"
        held = sum([await _held(place, peer.name) for peer in all_peers])
        paid = before - await _balances(place)
        await place.audit(bench)
    return Run(seconds, after[0] - turned_away, after[1] - served, held, paid)


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
