"""What the tests of a sale do over and over, at real nodes over HTTP."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenarios.lab.node_client import Node
from scenarios.lab.world import World

PRICE = 2


@dataclass
class Deal:
    world: World
    seller: Node
    buyer: Node
    content: Path
    content_id: str
    sale: str

    @property
    def escrow_server(self) -> Node:
        return self.world.escrow_server

    async def pay(self) -> None:
        await self.buyer.until(self.sale, "ciphertext-held")
        await self.buyer.control("pay", transaction=self.sale)

    async def accepted(self) -> None:
        """From the payment to the end of an honest sale."""
        await self.buyer.until(self.sale, "opened")
        await self.buyer.control("accept", transaction=self.sale)
        await self.closed()

    async def closed(self) -> None:
        await self.escrow_server.until(self.sale, "closed")
        await self.seller.until(self.sale, "paid")

    async def bought(self) -> bytes:
        """What the buyer's owner gets."""
        target = self.content.with_suffix(".bought")
        await self.buyer.download(self.sale, target)
        return target.read_bytes()

    async def details(self, node: Node, side: str) -> dict[str, Any]:
        found = (await node.get(f"/inspect/transactions/{self.sale}"))["found"]
        (record,) = (one for one in found if one.get("side") == side)
        return dict(record)


async def agreed(
    world: World,
    folder: Path,
    *,
    seller: Node | None = None,
    buyer: Node | None = None,
    size: int = 50_000,
    coins: int = PRICE,
    **order: Any,
) -> Deal:
    """Content is offered and ordered, and the buyer has coins."""
    seller, buyer = seller or world.peers[0], buyer or world.peers[1]
    if coins:
        taken = await buyer.control("withdraw", count=coins)
        await buyer.until(taken["transaction"], "held")
    content = folder / os.urandom(4).hex()
    content.write_bytes(os.urandom(size))
    own = await seller.upload(content)
    await seller.control(
        "offer", content_id=own["content_id"], description=content.name, price=PRICE
    )
    found = await buyer.control("search", content_id=own["content_id"])
    ordered = await buyer.control("order", offer=found["selected"]["offer"], **order)
    return Deal(world, seller, buyer, content, own["content_id"], ordered["transaction"])


async def held_coins(node: Node) -> int:
    """Coins this node can still spend."""
    coins = (await node.get("/inspect/ledger")).get("coins", [])
    return sum(coin["state"] == "held" for coin in coins)


async def steps(deal: Deal) -> list[str]:
    """The steps of a sale that were said, in the order their senders wrote them."""
    rows = [
        row
        for node in deal.world.nodes.values()
        for row in await node.trace(transaction=deal.sale)
        if row["protocol"] == "escrow_commerce"
        if row["direction"] == "out" or row["kind"] == "decision"
    ]
    return [row["step"] for row in sorted(rows, key=lambda row: row["time"])]


def in_peer_folder(world: World, node: Node, *parts: str) -> list[Path]:
    assert world.folder is not None
    return sorted(world.folder.data(node.name).joinpath("content", *parts).iterdir())
