"""Payments with DHT coins by ever more payers at once: how many a second, and how long each."""

import asyncio
import statistics
from dataclasses import dataclass
from typing import Annotated

from typer import Option

from scenarios.lab.benchmark import Bench, benchmark
from scenarios.lab.market_costs import Market, Spent, market
from scenarios.lab.world import Node

COINS = 4
"""In each peer's wallet; they go round, and none goes more than a generation's steps."""


@dataclass(frozen=True)
class Level:
    payers: int
    spent: Spent
    walls: list[float]
    """Milliseconds, of each payment."""
    a_second: float

    @property
    def p99(self) -> float:
        return statistics.quantiles(self.walls, n=100)[-1]


@benchmark(question="How many payments a second, and how long does each take, as payers get more?")
async def load(
    bench: Bench,
    *,
    count: Annotated[int, Option(min=2, max=25, help="Payments of each payer a level.")] = 10,
    peers: Annotated[int, Option(min=5, max=64)] = 16,
) -> None:
    """1, 2, 4 ... payers, each paying its neighbour one coin at a time, all at the same time.

    Client, sixteen peers and their disks share this machine, so a payment a second more is
    processor time until there is none left. Beside each level stands the first, one payer.
    """
    levels: list[Level] = []
    async with market(peers, protocols=("dht_micropayment",)) as place:
        for peer in place.world.peers:
            await place.withdraw(peer, COINS)
        await _level(place, peers, 1)  # every card is known, and so is the way to every replica
        asked = await _broker_messages(place)
        payers = 1
        while payers <= peers:
            levels.append(await _level(place, payers, count))
            payers *= 2
        asked = await _broker_messages(place) - asked
        await place.audit(bench)
    first = levels[0]
    for level in levels:
        name = "1 payer" if level.payers == 1 else f"{level.payers} payers"
        bench.figure(
            f"{name}: payments a second",
            [level.a_second],
            "1/s",
            beside=first.a_second,
            beside_what="1 payer",
            headline=level is levels[-1],
        )
        bench.figure(
            f"{name}: wall of a payment, median",
            level.walls,
            "ms",
            beside=statistics.median(first.walls),
            beside_what="1 payer",
        )
        bench.figure(
            f"{name}: wall of a payment, 99 of 100 within",
            [level.p99],
            "ms",
            beside=first.p99,
            beside_what="1 payer",
            headline=level.payers == 8,
        )
        bench.figure(
            f"{name}: CPU of a payment, all processes",
            [level.spent.cpu],
            "ms",
            beside=first.spent.cpu,
            beside_what="1 payer",
            headline=level is levels[-1],
        )
    at = [float(level.payers) for level in levels]
    bench.plot(
        "Payments a second by payers at once",
        "payers",
        "payments a second",
        {"1 coin": list(zip(at, [level.a_second for level in levels], strict=True))},
        log_x=True,
    )
    bench.plot(
        "Wall of a payment by payers at once",
        "payers",
        "ms",
        {
            "median": list(zip(at, [statistics.median(one.walls) for one in levels], strict=True)),
            "99 of 100": list(zip(at, [level.p99 for level in levels], strict=True)),
        },
        log_x=True,
    )
    bench.check("no message to the broker", asked == 0, f"{asked} messages")
    bench.note(f"{peers} peers; {count} payments of 1 coin by each payer at each level.")


async def _level(place: Market, payers: int, count: int) -> Level:
    """Whoever pays is paid by another, if all do."""
    peers = place.world.peers
    stride = len(peers) // payers
    pairs = [
        (peers[number * stride], peers[(number * stride + 1) % len(peers)])
        for number in range(payers)
    ]
    walls: list[float] = []

    async def pay_from(payer: Node, payee: Node) -> None:
        for turn in range(count):
            giving, taking = (payee, payer) if turn % 2 else (payer, payee)
            began = asyncio.get_running_loop().time()
            asked = await place.control(giving, "transfer", to=taking.name, count=1)
            await place.until(giving, str(asked["transaction"]), "paid")
            walls.append(1000 * (asyncio.get_running_loop().time() - began))

    async def all_pay() -> None:
        await asyncio.gather(*(pay_from(payer, payee) for payer, payee in pairs))

    spent = await place.measure(payers * count, all_pay)
    return Level(payers, spent, walls, 1000 / spent.wall)


async def _broker_messages(place: Market) -> int:
    shown = await place.world.broker.get("/inspect/counters")
    return sum(int(step.get("messages", 0)) for step in shown["steps"])
