"""A purchase in three lines, for scenarios that are about what comes of it.

`escrow_purchase` has every step of it one by one.
"""

from pathlib import Path
from typing import Any

from scenarios.lab.live import LiveRun
from scenarios.lab.wording import count as counted
from scenarios.lab.world import Node

COINS = "dht_micropayment"
MOST_AT_ONCE = 64


async def withdraw(run: LiveRun, node: Node, count: int) -> None:
    """Coins from the broker, all held when this returns."""
    orders = [MOST_AT_ONCE] * (count // MOST_AT_ONCE) + [count % MOST_AT_ONCE]
    for amount in filter(None, orders):
        taken = (await node.control("withdraw", count=amount))["transaction"]
        await run.step("W1", node, counted(amount, "coin"), of=taken, protocol=COINS)
        await node.until(taken, "held", seconds=60)


async def offer_content(run: LiveRun, seller: Node, content: Path, price: int) -> dict[str, Any]:
    """Step 1: what is offered, with its content_id."""
    own = await seller.upload(content)
    content_id = str(own["content_id"])
    offered = await seller.control(
        "offer", content_id=content_id, description=content.stem, price=price
    )
    await run.step("1", seller, f'"{content.stem}", {price} coins', of=offered["transaction"])
    return own


async def find_offer(run: LiveRun, buyer: Node, seller: Node, own: dict[str, Any]) -> str:
    """Steps 2 and 3: this seller's offer of it, whoever else sells it."""
    found = await buyer.control("search", content_id=own["content_id"])
    await run.step("2", buyer, of=found["transaction"])
    return next(
        str(listing["offer"]) for listing in found["listings"] if listing["peer"] == seller.id
    )


async def order_and_pay(
    run: LiveRun, buyer: Node, seller: Node, own: dict[str, Any], instrument: str = "dht-coins"
) -> str:
    """Steps 2 to 8a: the sale's id, as soon as the buyer has the key."""
    offer = await find_offer(run, buyer, seller, own)
    sale = str((await buyer.control("order", offer=offer))["transaction"])
    await run.step("5", buyer, "contract signed by both", of=sale)
    await run.step("6a", seller, "digest and key, sealed", of=sale)
    await run.step("6b", buyer, "encrypted", of=sale)
    await buyer.until(sale, "ciphertext-held")
    await buyer.control("pay", transaction=sale, instrument=instrument)
    await run.step("7", buyer, "digest and coins, sealed", of=sale)
    await run.step("8a", buyer, "the key, sealed", of=sale)
    return sale
