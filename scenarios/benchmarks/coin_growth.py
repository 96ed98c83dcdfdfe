"""A payment with a DHT coin that has gone far, from a full wallet, and after many others."""

import asyncio
from typing import Annotated

from typer import Option

from scenarios.lab.benchmark import Bench, benchmark
from scenarios.lab.growth import Point, measured_at, powers, tell
from scenarios.lab.market_costs import Market, market
from scenarios.lab.world import Node

WHAT = "a payment of 1 coin"
STEPS_AT_ONCE = 10
LAST_STEP = 60
"""A generation of a coin has 64 steps."""
PAYMENTS_OF_TWO_COINS = 100
"""One of each party; a coin goes about 60 steps."""
AT_ONCE = 8
"""Coins on their way at the same time while a history is made."""


@benchmark(
    question="Does a payment with DHT coins cost more with the coin's, or the wallet's, past?"
)
async def coin_growth(
    bench: Bench,
    *,
    steps: Annotated[int, Option(min=10, max=LAST_STEP, help="A coin goes.")] = LAST_STEP,
    wallet: Annotated[int, Option(min=10, help="Coins in the wallet, at most.")] = 1000,
    payments: Annotated[int, Option(min=10, help="Payments made before, at most.")] = 1000,
    count: Annotated[int, Option(min=2, max=10, help="Payments of each repeat.")] = 10,
    repeats: Annotated[int, Option(min=1, help="At each point.")] = 3,
    peers: Annotated[int, Option(min=8, help="Each curve has payers of its own.")] = 8,
) -> None:
    """Pays from peer to peer, one payment after the other, as something grows by powers of ten.

    Beside each point stands the first one of its curve, of the same run.
    """
    async with market(peers, protocols=("dht_micropayment",), opening_balance=100_000) as place:
        tell(bench, WHAT, "steps of the coin", await _by_steps(place, steps), log_x=False)
        full = await _by_wallet(place, wallet, count, repeats)
        tell(bench, WHAT, "coins in the wallet", full, log_x=True)
        old = await _by_payments(place, payments, count, repeats)
        tell(bench, WHAT, "payments made before", old, log_x=True)
        await place.audit(bench)
    bench.note(f"{peers} peers; {repeats} x {count} payments at each point, one at a time.")


async def _pay(place: Market, payer: Node, payee: Node, count: int = 1) -> None:
    asked = await place.control(payer, "transfer", to=payee.name, count=count)
    await place.until(payer, str(asked["transaction"]), "paid")


async def _by_steps(place: Market, steps: int) -> list[Point]:
    """Two coins, each between two peers that hold no other."""
    one, two, three, four = place.world.peers[:4]
    pairs = [(one, two), (three, four)]
    for payer, _ in pairs:
        await place.withdraw(payer, 1)

    async def go() -> None:
        for turn in range(STEPS_AT_ONCE):
            for first, second in pairs:
                payer, payee = (second, first) if turn % 2 else (first, second)
                await _pay(place, payer, payee)

    times = STEPS_AT_ONCE * len(pairs)
    ends = range(STEPS_AT_ONCE, steps + 1, STEPS_AT_ONCE)
    return [await measured_at(place, end, times, 1, go) for end in ends]


async def _by_wallet(place: Market, most: int, count: int, repeats: int) -> list[Point]:
    payer, payee = place.world.peers[4:6]
    points, held = [], 0

    async def pay() -> None:
        for _ in range(count):
            await _pay(place, payer, payee)

    async def back() -> None:
        await _pay(place, payee, payer, count)

    for size in powers(10, most):
        await place.withdraw(payer, size - held)
        held = size
        await pay()  # cards and ways are known from now on
        points.append(await measured_at(place, size, count, repeats, pay, prepare=back))
        await back()
    return points


async def _by_payments(place: Market, most: int, count: int, repeats: int) -> list[Point]:
    """Coins go to and fro, and others take the place of those that have gone all their steps."""
    one, other = place.world.peers[6:8]
    for node in (one, other):
        await place.withdraw(node, max(64, most // PAYMENTS_OF_TWO_COINS))
    points, made = [], 0

    async def there_and_back() -> None:
        for _ in range(count // 2):
            await _pay(place, one, other)
            await _pay(place, other, one)

    for before in powers(10, most):
        while made < before:
            for payer, payee in ((one, other), (other, one)):
                await asyncio.gather(*(_pay(place, payer, payee) for _ in range(AT_ONCE)))
            made += 2 * AT_ONCE
        points.append(await measured_at(place, before, count // 2 * 2, repeats, there_and_back))
        made += count // 2 * 2 * repeats
    return points
