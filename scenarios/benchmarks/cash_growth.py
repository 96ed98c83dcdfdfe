"""A payment with e-cash from a full wallet, and after many others."""

import asyncio
from typing import Annotated

from typer import Option

from nodes.protocols.message import Role
from scenarios.lab.benchmark import Bench, benchmark
from scenarios.lab.growth import Point, measured_at, powers, tell
from scenarios.lab.market_costs import Market, market
from scenarios.lab.world import Node

WHAT = "an e-cash payment"
LARGEST = 512
"""What the bank's largest coin is worth."""
MOST_COINS = 64
"""Of one withdrawal."""
MADE_AT_ONCE = 7
"""New coins that one exchange makes."""
AT_ONCE = 10
"""Payments under way at the same time while a history is made."""
PROTOCOL = "electronic_cash"


@benchmark(question="Does a payment with e-cash cost more with the wallet's past?")
async def cash_growth(
    bench: Bench,
    *,
    wallet: Annotated[int, Option(min=10, help="Coins in the wallet, at most.")] = 1000,
    payments: Annotated[int, Option(min=10, help="Payments made before, at most.")] = 1000,
    count: Annotated[int, Option(min=2, max=10, help="Payments of each repeat.")] = 10,
    repeats: Annotated[int, Option(min=1, help="At each point.")] = 3,
    peers: Annotated[int, Option(min=5)] = 5,
) -> None:
    """Pays from peer to peer, one payment after the other, as something grows by powers of ten.

    Beside each point stands the first one of its curve, of the same run.
    """
    async with market(peers, protocols=(PROTOCOL,), opening_balance=1_000_000) as place:
        one, two, three, four = place.world.peers[:4]
        pair = await _start(place, (one, two))
        full = await _by_wallet(place, pair, wallet, count, repeats)
        tell(bench, WHAT, "coins in the wallet", full, log_x=True)
        pair = await _start(place, (three, four))
        old = await _by_payments(place, pair, payments, count, repeats)
        tell(bench, WHAT, "payments made before", old, log_x=True)
        await place.audit(bench)
    bench.note(f"{peers} peers; {repeats} x {count} payments at each point, one at a time.")


async def _start(place: Market, pair: tuple[Node, Node]) -> tuple[Node, Node]:
    """They use one coin server; the first has coins."""
    server = place.world.of_role(Role.COIN_SERVER)[0].name
    for node in pair:
        await place.control(node, "cash_use", coin_server=server)
    await _withdraw(place, pair[0], 2 * LARGEST)
    await _ones(place, pair[0])
    return pair


async def _withdraw(place: Market, node: Node, amount: int) -> None:
    server = place.world.of_role(Role.COIN_SERVER)[0].name
    await _order(place, node, "cash_withdraw", "completed", amount=amount, coin_server=server)


async def _order(place: Market, node: Node, operation: str, ends: str, **fields: object) -> None:
    asked = await place.control(node, operation, **fields)
    await place.until(node, str(asked["transaction"]), ends)


async def _pay(place: Market, payer: Node, payee: Node) -> None:
    await _order(place, payer, "cash_pay", "settled", to=payee.name, amount=1)


async def _ones(place: Market, node: Node) -> None:
    """Coins worth 1 for the payments to come, made of large ones."""
    for _ in range(-(-AT_ONCE // (MADE_AT_ONCE - 1))):
        # As much as the largest coin is worth: so that one is taken, and no small ones.
        amounts = [1] * (MADE_AT_ONCE - 1) + [max(await _held(node)) - (MADE_AT_ONCE - 1)]
        await _order(place, node, "cash_exchange", "settled", amounts=amounts)


async def _fill(place: Market, node: Node, count: int) -> None:
    """So many coins more, of the largest denomination."""
    while count > 0:
        coins = min(MOST_COINS, count)
        await _withdraw(place, node, coins * LARGEST)
        count -= coins


async def _held(node: Node) -> list[int]:
    """What each coin is worth."""
    coins = (await node.get("/inspect/ledger"))["cash_wallet"]
    return [coin["amount"] for coin in coins if coin["state"] == "held"]


async def _by_wallet(
    place: Market, pair: tuple[Node, Node], most: int, count: int, repeats: int
) -> list[Point]:
    payer, payee = pair
    points: list[Point] = []

    async def pay() -> None:
        for _ in range(count):
            await _pay(place, payer, payee)

    async def back() -> None:
        for _ in range(count):
            await _pay(place, payee, payer)

    for size in powers(10, most):
        await _fill(place, payer, size - len(await _held(payer)))
        await pay()
        points.append(await measured_at(place, size, count, repeats, pay, prepare=back))
        await back()
    return points


async def _by_payments(
    place: Market, pair: tuple[Node, Node], most: int, count: int, repeats: int
) -> list[Point]:
    """Coins worth 1 go to and fro; the wallets stay as large as they are."""
    points, made = [], 0

    async def there_and_back() -> None:
        for _ in range(count // 2):
            await _pay(place, *pair)
            await _pay(place, pair[1], pair[0])

    for before in powers(10, most):
        while made < before:
            for payer, payee in (pair, pair[::-1]):
                await asyncio.gather(*(_pay(place, payer, payee) for _ in range(AT_ONCE)))
            made += 2 * AT_ONCE
        points.append(await measured_at(place, before, count // 2 * 2, repeats, there_and_back))
        made += count // 2 * 2 * repeats
    return points
