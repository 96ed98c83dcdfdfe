"""A purchase under a pseudonym, from the order to the goods: keyed hashes and four messages."""

import asyncio
from typing import Annotated

from typer import Option

from nodes.protocols.message import Role
from scenarios.lab.benchmark import Bench, benchmark
from scenarios.lab.floors import WHAT, floor, floor_of_node
from scenarios.lab.market_costs import Market, Spent, market, together
from scenarios.lab.world import Node
from scenarios.lab.yardsticks import Units, measure_units

PEERS = 5
GOODS, TEXT, PRICE = "poem", "A pseudonym went to the market\nand came home with a poem.", 1
MACS, REQUESTS, COMMITS = 4, 2, 2
"""What it could not do without: a keyed hash and its check for the order and for its claim, the
order's request and the claim's, and what vendor and broker have to keep."""
PRIVATE_KEY = ("sign", "seal", "open", "modular_exponentiation")


@benchmark(question="What does an anonymous purchase cost, from the order to the goods?")
async def anonymous_micropayment(
    bench: Bench,
    *,
    count: Annotated[int, Option(min=1, help="Purchases one after the other, each repeat.")] = 40,
    customers: Annotated[int, Option(min=1, max=4, help="That buy at the same time.")] = 4,
    repeats: Annotated[int, Option(min=1, help="Of both.")] = 3,
) -> None:
    """Buys for what was deposited before, under a pseudonym: steps 5 to 8, alone and together.

    The floor is 4 keyed hashes, 2 empty HTTP requests and 2 durable commits, at the unit costs of
    this very run; beside it stands what the nodes counted, at the same costs.
    """
    units = await measure_units()
    purchases = count * repeats * 2 + 2
    async with market(
        PEERS, protocols=("anonymous_micropayment",), opening_balance=10_000
    ) as place:
        vendor, *others = place.world.peers
        buyers = others[:customers]
        await place.control(vendor, "pid_sell", goods=GOODS, price=PRICE, text=TEXT)
        for buyer in buyers:
            await _fund(place, buyer, purchases * PRICE)
            await _buy(place, buyer, vendor)
        walls: list[float] = []

        async def in_turn() -> None:
            for _ in range(count):
                began = asyncio.get_running_loop().time()
                await _buy(place, buyers[0], vendor)
                walls.append(1000 * (asyncio.get_running_loop().time() - began))

        async def one_by_one(buyer: Node, times: int) -> None:
            for _ in range(times):
                await _buy(place, buyer, vendor)

        each = -(-count // len(buyers))

        async def at_once() -> None:
            await asyncio.gather(*(one_by_one(buyer, each) for buyer in buyers))

        alone = [await place.measure(count, in_turn) for _ in range(repeats)]
        crowd = [await place.measure(each * len(buyers), at_once) for _ in range(repeats)]
        await place.audit(bench)
        broker = place.world.of_role(Role.BROKER)[0].name
    _report(bench, units, walls, alone, crowd)
    _tell_broker(bench, units, broker, alone)
    bench.note(f"{repeats} x {count} purchases in turn, {repeats} x {each} of {len(buyers)} each.")


async def _fund(place: Market, customer: Node, amount: int) -> None:
    for operation, state, fields in (
        ("pid_pseudonym", "named", {}),
        ("pid_vouchers", "held", {"amount": amount}),
        ("pid_deposit", "confirmed", {"amount": amount}),
    ):
        asked = await place.control(customer, operation, **fields)
        await place.until(customer, str(asked["transaction"]), state)


async def _buy(place: Market, customer: Node, vendor: Node) -> None:
    placed = await place.control(customer, "pid_buy", vendor=vendor.name, goods=GOODS, price=PRICE)
    await place.until(customer, str(placed["transaction"]), "delivered")


def _report(
    bench: Bench, units: Units, walls: list[float], alone: list[Spent], crowd: list[Spent]
) -> None:
    one, many = together(alone), together(crowd)
    least = (MACS * units.mac + REQUESTS * units.request + COMMITS * units.commit) / 1000
    said = f"{MACS} MACs + {REQUESTS} empty requests + {COMMITS} commits"
    bench.figure("order to goods: wall", walls, "ms")
    bench.figure(
        "order to goods: CPU of all processes",
        [part.cpu for part in alone],
        "ms",
        beside=least,
        beside_what=said,
        headline=True,
    )
    bench.figure(
        "order to goods: the same",
        [part.cpu for part in alone],
        "ms",
        beside=floor(one, units),
        beside_what=f"as counted: {WHAT}",
    )
    if len(alone) > 1:
        bench.figure(
            "order to goods: CPU in the last repeat",
            [alone[-1].cpu],
            "ms",
            beside=alone[0].cpu,
            beside_what="in the first",
        )
    bench.figure(
        "order to goods, all customers at once: CPU of all processes",
        [part.cpu for part in crowd],
        "ms",
        beside=least,
        beside_what=said,
        headline=True,
    )
    bench.figure("messages of a purchase", [part.each("messages") for part in alone], "")
    bench.figure("commits of a purchase", [part.each("commits") for part in alone], "")
    bench.note(one.line(units, "a purchase"))
    bench.note(one.operations("a purchase"))
    bench.note(units.line())
    private = sum(one.counted[name] for name in PRIVATE_KEY)
    bench.check("no operation with a private key", private == 0, f"{private}")
    verified = one.each("verify")
    bench.check("at most the catalogue's signature is checked", verified <= 1, f"{verified:.2f}")
    bench.check("no purchase costs less than its floor", min(one.cpu, many.cpu) > least)


def _tell_broker(bench: Bench, units: Units, name: str, alone: list[Spent]) -> None:
    """What one more broker would be needed for: its own checks, messages served, and commits."""
    counted = together(alone).nodes[name][1]
    times = sum(part.times for part in alone)
    bench.figure(
        "order to goods: CPU of the broker",
        [1000 * part.nodes[name][0] / part.times for part in alone],
        "ms",
        beside=floor_of_node(counted, times, units),
        beside_what="its part, as counted",
        headline=True,
    )
    bench.note(
        f"The broker, a purchase: {counted['messages'] / times:.1f} messages, "
        f"{counted['commits'] / times:.2f} commits, {counted['mac'] / times:.1f} keyed hashes."
    )
