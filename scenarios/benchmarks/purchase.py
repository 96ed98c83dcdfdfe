"""A whole purchase through the escrow server: what it costs everybody together."""

import asyncio
import secrets
import tempfile
from pathlib import Path
from typing import Annotated, Any

from typer import Option

from scenarios.lab.benchmark import Bench, benchmark
from scenarios.lab.floors import WHAT, floor
from scenarios.lab.market_costs import Market, Spent, market, together
from scenarios.lab.world import Node
from scenarios.lab.yardsticks import Units, measure_units

ROLES = ("peer", "escrow_server", "central_server", "broker", "certificate_authority")
KEY = "transaction"


@benchmark(question="What does a purchase through the escrow server cost?")
async def purchase(
    bench: Bench,
    *,
    count: Annotated[int, Option(min=1, help="Purchases one after the other, each repeat.")] = 10,
    buyers: Annotated[int, Option(min=1, max=32, help="That buy at the same time.")] = 8,
    repeats: Annotated[int, Option(min=1, help="Of both.")] = 3,
    kibibytes: Annotated[int, Option(min=1, help="Of the content, in KiB.")] = 100,
    price: Annotated[int, Option(min=1, max=64, help="In coins.")] = 3,
    peers: Annotated[int, Option(min=5, help="Half of them sell.")] = 16,
) -> None:
    """Buys a file for coins withdrawn before: from the search to the closed sale.

    The floor is the cryptography that the nodes counted, an empty HTTP request for each message and
    a durable commit for each that was made, at the unit costs of this very run.
    """
    with tempfile.TemporaryDirectory(prefix="jangteo-purchase-") as folder:
        content = Path(folder) / "content.bin"
        content.write_bytes(secrets.token_bytes(1024 * kibibytes))
        await _measure(bench, content, kibibytes, (count, buyers, repeats), price, peers)


async def _measure(
    bench: Bench,
    content: Path,
    kibibytes: int,
    wanted: tuple[int, int, int],
    price: int,
    peers: int,
) -> None:
    count, buyers, repeats = wanted
    units = await measure_units(1024 * kibibytes)
    async with market(peers, offer_seconds=3600, dispute_seconds=3600) as place:
        shops = await _open_shops(place, content, price)
        places = [_pair(place, shops, number) for number in range(buyers)]
        rounds = 1 + repeats * (1 + -(-count // buyers))
        for buyer in {buyer for buyer, _ in places}:
            times = sum(1 for other, _ in places if other is buyer)
            await place.withdraw(buyer, price * rounds * times)
        for buyer, offer in places:  # nobody asks for an address any more after this
            await _buy(place, buyer, offer)
        walls: list[float] = []

        async def in_turn() -> None:
            for number in range(count):
                began = asyncio.get_running_loop().time()
                await _buy(place, *places[number % buyers])
                walls.append(1000 * (asyncio.get_running_loop().time() - began))

        async def at_once() -> None:
            await asyncio.gather(*(_buy(place, *pair) for pair in places))

        alone = [await place.measure(count, in_turn) for _ in range(repeats)]
        crowd = [await place.measure(buyers, at_once) for _ in range(repeats)]
        await place.audit(bench)
    _report(bench, units, walls, alone, crowd, buyers)
    bench.note(
        f"{kibibytes} KiB for {price} coins; {peers} peers; {repeats} x "
        f"{count} in turn, {repeats} x {buyers} at once."
    )


def _pair(place: Market, shops: list[tuple[Node, dict[str, Any]]], number: int) -> Any:
    """A buyer and what it buys, for good."""
    others = place.world.peers[len(shops) :]
    return others[number % len(others)], shops[number % len(shops)][1]


async def _open_shops(
    place: Market, content: Path, price: int
) -> list[tuple[Node, dict[str, Any]]]:
    """Half of the peers offer the content, each under a name of its own."""
    shops = []
    for seller in place.world.peers[: len(place.world.peers) // 2]:
        own = await seller.upload(content)
        await place.control(
            seller,
            "offer",
            content_id=own["content_id"],
            description=f"content of {seller.name}",
            price=price,
        )
        shops.append((seller, {"seller": seller, **own}))
    return shops


async def _buy(place: Market, buyer: Node, offered: dict[str, Any]) -> None:
    seller: Node = offered["seller"]
    found = await place.control(buyer, "search", content_id=offered["content_id"])
    offer = next(one["offer"] for one in found["listings"] if one["peer"] == seller.id)
    sale = str((await place.control(buyer, "order", offer=offer))[KEY])
    await place.until(buyer, sale, "ciphertext-held")
    await place.control(buyer, "pay", transaction=sale)
    await place.until(buyer, sale, "opened")
    await place.control(buyer, "accept", transaction=sale)
    await place.until(seller, sale, "paid")
    await place.until(place.world.escrow_server, sale, "closed")


def _report(
    bench: Bench,
    units: Units,
    walls: list[float],
    alone: list[Spent],
    crowd: list[Spent],
    buyers: int,
) -> None:
    one, many = together(alone), together(crowd)
    least, least_many = floor(one, units), floor(many, units)
    bench.figure("a purchase, one at a time: wall", walls, "ms", headline=True)
    bench.figure(
        "a purchase, one at a time: CPU of all processes",
        [part.cpu for part in alone],
        "ms",
        beside=least,
        beside_what=WHAT,
        headline=True,
    )
    for role in ROLES:
        bench.figure(f"  of which {role}", [part.cpu_of(role) for part in alone], "ms")
    bench.figure(
        f"a purchase, {buyers} at once: wall of each round / {buyers}",
        [part.wall for part in crowd],
        "ms",
        beside=one.wall,
        beside_what="one at a time",
    )
    bench.figure(
        f"a purchase, {buyers} at once: CPU of all processes",
        [part.cpu for part in crowd],
        "ms",
        beside=least_many,
        beside_what=WHAT,
        headline=True,
    )
    bench.figure("messages of a purchase", [part.each("messages") for part in alone], "")
    bench.figure("datagrams of a purchase", [part.datagrams for part in alone], "")
    bench.note(one.line(units, "a purchase"))
    bench.note(one.operations("a purchase"))
    bench.note(units.line())
    bench.check("messages, signatures and datagrams were counted", _is_counted(one))
    bench.check("no purchase costs less than its floor", one.cpu > least and many.cpu > least_many)


def _is_counted(spent: Spent) -> bool:
    return all(spent.counted[name] > 0 for name in ("messages", "sign", "verify", "datagrams_out"))
