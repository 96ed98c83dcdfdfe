"""Coins and sales in a soak: each deed is brought to its end whatever happens meanwhile.

A deed that the rules refuse (no coins left, a party busy with another) has ended, too: what
matters is what stands in the books afterwards.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from scenarios.content import HARBOUR
from scenarios.lab.dramas import BUYS, LEAVES
from scenarios.lab.failures import ControlRefused, Unanswered
from scenarios.lab.owners import PAUSE_SECONDS, Owners
from scenarios.lab.world import Node, World
from scenarios.soak.history import Happening

PURSE = 12
PRICE = 2
SPENT_TWICE_SECONDS = 60.0
Deed = Callable[["Hands", Happening], Awaitable[str]]


class Hands:
    """The owners of all parties of a world, and what they know of each other."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.owners = Owners(world)
        self._content: dict[str, str] = {}
        self._one_at_a_time: dict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)

    def node(self, name: str) -> Node:
        return self.world.node(name)

    async def begin(self, node: Node, side: str, operation: str, **fields: Any) -> str:
        """Something new. One of a kind at a time, so that a lost answer is known by its fruit."""
        async with self._one_at_a_time[node.name, side]:
            return await self.owners.begin(node, side, operation, **fields)

    async def end_of(
        self,
        node: Node,
        transaction: str,
        decisions: Mapping[str, str] | None = None,
        side: str = "",
    ) -> str:
        record = await self.owners.see_through(node, transaction, decisions, side=side)
        return str(record["state"])

    async def ledger(self, node: Node) -> dict[str, Any]:
        """As soon as it answers."""
        while True:
            try:
                return await node.get("/inspect/ledger")
            except Unanswered:
                await asyncio.sleep(PAUSE_SECONDS)

    async def content_of(self, seller: Node) -> str:
        """What it sells, given to it once."""
        async with self._one_at_a_time[seller.name, "content"]:
            while seller.name not in self._content:
                try:
                    self._content[seller.name] = str((await seller.upload(HARBOUR))["content_id"])
                except Unanswered:
                    await asyncio.sleep(PAUSE_SECONDS)
            return self._content[seller.name]

    async def fill_purse(self, node: Node, wanted: int) -> None:
        held = [c for c in (await self.ledger(node))["coins"] if c["state"] == "held"]
        if len(held) < wanted:
            taken = await self.begin(node, "owner", "withdraw", count=PURSE)
            await self.end_of(node, taken)


async def withdraw(hands: Hands, h: Happening) -> str:
    node = hands.node(h.who[0])
    return await hands.end_of(node, await hands.begin(node, "owner", "withdraw", count=h.amount))


async def pay(hands: Hands, h: Happening) -> str:
    payer, payee = map(hands.node, h.who)
    await hands.fill_purse(payer, h.amount)
    paid = await hands.begin(payer, "payer", "transfer", to=payee.name, count=h.amount)
    return await hands.end_of(payer, paid)


async def reissue(hands: Hands, h: Happening) -> str:
    holder = hands.node(h.who[0])
    await hands.fill_purse(holder, 1)
    held = [c for c in (await hands.ledger(holder))["coins"] if c["state"] == "held"]
    oldest = min(held, key=lambda coin: (int(coin["generation"]), coin["serial"]), default=None)
    if oldest is None:
        return "nothing to renew"
    renewed = await hands.begin(holder, "holder", "reissue", chain=oldest["chain"])
    return await hands.end_of(holder, renewed)


async def redeem(hands: Hands, h: Happening) -> str:
    holder = hands.node(h.who[0])
    await hands.fill_purse(holder, h.amount)
    return await hands.end_of(holder, await hands.begin(holder, "holder", "redeem", count=h.amount))


async def purchase(hands: Hands, h: Happening, decisions: Mapping[str, str] = BUYS) -> str:
    """Steps 1 to 10, or as far as the buyer goes; through a dispute where it got garbage."""
    buyer, seller = map(hands.node, h.who)
    await hands.fill_purse(buyer, PRICE)
    content = await hands.content_of(seller)
    told = {"content_id": content, "description": HARBOUR.stem, "price": PRICE}
    offered = await hands.begin(seller, "offer", "offer", **told)
    await hands.end_of(seller, offered)
    found = await hands.owners.ask(buyer, "search", content_id=content)
    offers = [row["offer"] for row in found["listings"] if row["peer"] == seller.id]
    if not offers:
        return "not on offer"
    sale = await hands.begin(buyer, "buyer", "order", offer=offers[0])
    return await hands.end_of(buyer, sale, decisions)


async def walk_away(hands: Hands, h: Happening) -> str:
    return await purchase(hands, h, LEAVES)


async def double_spend(hands: Hands, h: Happening) -> str:
    """A cheat pays one coin to two payees at once; its owner does not ask twice."""
    cheat, v, w = map(hands.node, h.who)
    await hands.fill_purse(cheat, 1)
    try:
        async with asyncio.timeout(SPENT_TWICE_SECONDS):
            spent = await cheat.control("spend_twice", payees=[v.name, w.name])
    except (Unanswered, TimeoutError):
        return "nobody knows"
    return ", ".join(payment["outcome"] for payment in spent["payments"])


DEEDS: dict[str, Deed] = {
    "withdraw": withdraw,
    "pay": pay,
    "reissue": reissue,
    "redeem": redeem,
    "purchase": purchase,
    "walk_away": walk_away,
    "buy_garbage": purchase,
    "double_spend": double_spend,
}


async def do(deeds: Mapping[str, Deed], hands: Hands, h: Happening) -> str:
    """How it ended. What the rules refused is named."""
    try:
        return await deeds[h.what](hands, h)
    except ControlRefused as refusal:
        return f"refused: {refusal.code}"
