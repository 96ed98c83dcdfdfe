"""Sales for the attacks on them: what honest peers do in one line each, through their owners."""

import asyncio
import tempfile
from pathlib import Path

from scenarios.lab.acting import Act
from scenarios.lab.world import Node

PROTOCOLS = ("escrow_commerce", "dht_micropayment")
PRICE = 3
SIZE = 2048
LISTED_SECONDS, LOOK_SECONDS = 30.0, 0.5
OFFER_SECONDS, DISPUTE_SECONDS = 61, 121
"""Just longer than a sale waits for both sides, and than a buyer may complain."""


async def offer(act: Act, seller: Node, price: int = PRICE, words: str = "a harbour") -> str:
    """Content of its own, drawn by the seed, registered (step 1); the content's id."""
    with tempfile.TemporaryDirectory(prefix="jangteo-attack-") as folder:
        path = Path(folder) / "content"
        path.write_bytes(act.random.randbytes(SIZE))
        content_id = str((await seller.upload(path))["content_id"])
    await seller.control("offer", content_id=content_id, description=words, price=price)
    return content_id


async def withdraw(node: Node, count: int) -> None:
    """Coins, all held when this returns."""
    taken = await node.control("withdraw", count=count)
    await node.until(taken["transaction"], "held")


async def order(buyer: Node, content_id: str) -> str:
    """Steps 2 to 6b: the sale, once the buyer holds the ciphertext."""
    found = await buyer.control("search", content_id=content_id)
    return await order_offer(buyer, str(found["selected"]["offer"]))


async def order_offer(buyer: Node, offered: str) -> str:
    """Steps 5 to 6b."""
    sale = str((await buyer.control("order", offer=offered))["transaction"])
    await buyer.until(sale, "ciphertext-held")
    return sale


async def pay(buyer: Node, sale: str) -> str:
    """Steps 7 to 8a: `opened`, or `garbage`."""
    await buyer.control("pay", transaction=sale)
    return str((await buyer.until(sale, "opened", "garbage"))["state"])


async def buy(act: Act, buyer: Node, seller: Node, content_id: str, value: int = 1) -> str:
    """A whole purchase, rated; the sale, once its seller is paid."""
    sale = await order(buyer, content_id)
    await pay(buyer, sale)
    await buyer.control("rate", transaction=sale, value=value)
    await seller.until(sale, "paid")
    return sale


async def trust_at(act: Act, seller: Node, ratings: int) -> float:
    """What the central server lists, as soon as it has so many ratings of this seller."""
    central_server = act.live.central_server
    async with asyncio.timeout(LISTED_SECONDS):
        while True:
            offers = (await central_server.get("/inspect/ledger"))["offers"]
            for row in offers:
                if row["seller"] == seller.id and row["ratings"] >= ratings:
                    return float(row["trust"])
            await act.live.recorder.follow(central_server, wait=LOOK_SECONDS)


async def void(act: Act, sale: str, *parties: Node) -> None:
    """Time passes until a sale that did not come about is over for all."""
    await act.live.advance(OFFER_SECONDS)
    for node in parties:
        await node.until(sale, "aborted", "refunded")
