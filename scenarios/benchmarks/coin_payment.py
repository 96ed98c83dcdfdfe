"""A payment with DHT coins, peer to peer: one coin, and ten that travel together."""

import asyncio
from typing import Annotated

from typer import Option

from nodes.protocols.membership.roster import replicas_and_quorum
from scenarios.lab.benchmark import Bench, benchmark
from scenarios.lab.floors import WHAT, floor_of_all
from scenarios.lab.market_costs import Market, Spent, market, together
from scenarios.lab.yardsticks import Units, measure_units

HANDS = 4
"""Peers the coins go round; a coin has 63 steps at most."""
REQUESTS = 2
"""Q1 and P1, each with its answer."""


@benchmark(question="What does a payment with DHT coins cost?")
async def coin_payment(
    bench: Bench,
    *,
    count: Annotated[int, Option(min=1, max=16, help="Payments of each kind a repeat.")] = 12,
    repeats: Annotated[int, Option(min=1, max=3)] = 3,
    coins: Annotated[int, Option(min=2, max=64, help="In a payment of several.")] = 10,
    peers: Annotated[int, Option(min=5)] = 16,
) -> None:
    """Pays from peer to peer, one payment after the other: quote, probe, sign, certify, receipt.

    The floor of a register with k replicas and quorum q is 2S + k(S + (2 + q)V) + kV, with the
    signatures S and verifications V of this very run; an empty HTTP request, client and server,
    for each of the payment's two; and a COMMIT of each replica and of the payee. The second
    yardstick is everything that the nodes counted: each check of a signature, commit, datagram and
    message, at what it costs alone.
    """
    units = await measure_units()
    k, q = replicas_and_quorum(peers)
    async with market(peers) as place:
        one = await _pay_round(bench, place, units, 1, count, repeats, (k, q))
        many = await _pay_round(bench, place, units, coins, count, repeats, (k, q))
        await place.audit(bench)
    bench.note(
        f"{peers} peers, k = {k}, q = {q}; {repeats} x {count} payments of 1 and of {coins} coins."
    )
    bench.note(one.line(units, "1 coin"))
    bench.note(many.line(units, f"{coins} coins"))
    bench.note(one.operations("1 coin"))
    bench.note(units.line())
    saved = many.cpu / coins / one.cpu
    bench.note(f"A coin of a payment of {coins} costs {saved:.2f} of a coin paid alone.")


async def _pay_round(
    bench: Bench,
    place: Market,
    units: Units,
    coins: int,
    count: int,
    repeats: int,
    ring: tuple[int, int],
) -> Spent:
    hands = place.world.peers[:HANDS]
    await place.withdraw(hands[0], coins)
    walls: list[float] = []
    turn = 0

    async def pay() -> None:
        nonlocal turn
        payer, payee = hands[turn % HANDS], hands[(turn + 1) % HANDS]
        turn += 1
        began = asyncio.get_running_loop().time()
        asked = await place.control(payer, "transfer", to=payee.name, count=coins)
        await place.until(payer, asked["transaction"], "paid")
        walls.append(1000 * (asyncio.get_running_loop().time() - began))

    async def pay_all() -> None:
        for _ in range(count):
            await pay()

    for _ in range(HANDS):  # every card is known, and so is the way to every replica
        await pay()
    walls.clear()
    parts = [await place.measure(count, pay_all) for _ in range(repeats)]
    # What is left in these hands goes back, so that the next round starts with its own coins.
    holder = hands[turn % HANDS]
    redeemed = await place.control(holder, "redeem", count=coins)
    await place.until(holder, redeemed["transaction"], "credited")
    _report(bench, units, coins, walls, parts, ring)
    return together(parts)


def _report(
    bench: Bench,
    units: Units,
    coins: int,
    walls: list[float],
    parts: list[Spent],
    ring: tuple[int, int],
) -> None:
    spent = together(parts)
    commits = 1 + ring[0]
    floor = coins * units.put(*ring) + (REQUESTS * units.request + commits * units.commit) / 1000
    name = "a payment of 1 coin" if coins == 1 else f"a payment of {coins} coins"
    bench.figure(f"{name}: wall", walls, "ms", headline=True)
    bench.figure(
        f"{name}: CPU of all processes",
        [part.cpu for part in parts],
        "ms",
        beside=floor,
        beside_what="2S + k(S + (2+q)V) + kV a register + 2 empty requests + k+1 commits",
        headline=True,
    )
    bench.figure(
        f"{name}, by what was counted: CPU of all processes",
        [part.cpu for part in parts],
        "ms",
        beside=floor_of_all(spent, units),
        beside_what=f"{WHAT} + empty datagrams",
        headline=True,
    )
    bench.figure(f"{name}: messages", [part.each("messages") for part in parts], "")
    bench.figure(f"{name}: datagrams", [part.datagrams for part in parts], "")
    bench.check(f"{name}: at least two messages", spent.each("messages") >= REQUESTS)
    bench.check(
        f"{name}: {ring[1]} votes or more a coin",
        spent.each("votes_cast") >= ring[1] * coins,
        f"{spent.each('votes_cast'):.1f}",
    )
    bench.check(f"{name}: costs more than the signatures counted", spent.cpu > spent.floor(units))
