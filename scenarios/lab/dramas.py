"""The transactions that a crash sweep plays, each through to its end by owners who do not give up.

A drama's `play` returns how the transaction ended and what was not as it must be (G2, G5): an
honest party that has neither its goods nor its money, or both.
"""

import asyncio
import contextlib
from collections.abc import Mapping

from nodes.protocols.message import Role
from scenarios.content import HARBOUR
from scenarios.lab.cash_dramas import cash_dramas
from scenarios.lab.drama import Drama, Ended, whole_books
from scenarios.lab.item_dramas import item_dramas
from scenarios.lab.owners import PAUSE_SECONDS, Owners
from scenarios.lab.parties import owned
from scenarios.lab.prepaid_dramas import prepaid_dramas
from scenarios.lab.world import Node, World

PRICE = 2
LATE_SECONDS = 2.0
PURSE = 64
"""Coins a payer has before it plays; fetched again when they run out."""
GIVEN_BACK_SECONDS = 20.0


class _Played:
    def __init__(self, world: World, owners: Owners) -> None:
        self.world = world
        self.owners = owners

    async def coins_of(self, node: Node) -> int:
        """By the registers: what is certified for this party, as soon as all parties answer."""
        return owned(await whole_books(self.world))[node.id]

    async def fill_purse(self, node: Node) -> None:
        ledger = await node.get("/inspect/ledger")
        if sum(coin["state"] == "held" for coin in ledger["coins"]) < PRICE:
            taken = await self.owners.begin(node, "owner", "withdraw", count=PURSE)
            await self.owners.see_through(node, taken)


BUYS: Mapping[str, str] = {"ciphertext-held": "pay", "opened": "accept", "garbage": "dispute"}
"""What a buyer decides, by the state of its purchase."""
LEAVES: Mapping[str, str] = {}
"""It never pays: the sale is void at its deadline."""


class Purchase(_Played):
    """Steps 1 to 10; with a seller of garbage, through a dispute to a refund."""

    def __init__(
        self,
        world: World,
        owners: Owners,
        buyer: Node,
        seller: Node,
        decisions: Mapping[str, str] = BUYS,
    ) -> None:
        super().__init__(world, owners)
        self.buyer, self.seller = buyer, seller
        self._decisions = decisions
        self.parties: Mapping[str, Node] = {
            "buyer": buyer,
            "seller": seller,
            "escrow_server": world.escrow_server,
            "central_server": world.central_server,
        }
        self._content_id = ""
        self._before = (0, 0)

    async def prepare(self) -> None:
        await self.fill_purse(self.buyer)
        if not self._content_id:
            self._content_id = str((await self.seller.upload(HARBOUR))["content_id"])
        self._before = await self.coins_of(self.buyer), await self.coins_of(self.seller)

    async def play(self) -> Ended:
        owners, buyer, seller = self.owners, self.buyer, self.seller
        offered = await owners.begin(
            seller,
            "offer",
            "offer",
            content_id=self._content_id,
            description=HARBOUR.stem,
            price=PRICE,
        )
        await owners.see_through(seller, offered)
        found = await owners.ask(buyer, "search", content_id=self._content_id)
        offer = next(row["offer"] for row in found["listings"] if row["peer"] == seller.id)
        sale = await owners.begin(buyer, "buyer", "order", offer=offer)
        bought = str((await owners.see_through(buyer, sale, self._decisions))["state"])
        if bought == "aborted" and not await owners.knows(self.world.escrow_server, sale):
            return Ended("aborted before it began", await self._faults(bought, sale))
        sold = str((await owners.see_through(seller, sale))["state"])
        kept = str((await owners.see_through(self.world.escrow_server, sale))["state"])
        return Ended(f"{bought}, {sold}, {kept}", await self._faults(bought, sale))

    async def _faults(self, bought: str, sale: str) -> tuple[str, ...]:
        """Either content and payment have both changed hands, or neither has."""
        paid = PRICE if bought == "accepted" else 0
        faults = [
            *await changed(self, self.buyer, self._before[0], -paid),
            *await changed(self, self.seller, self._before[1], paid),
        ]
        if bought == "accepted" and not await self._has_content(sale):
            faults.append("the buyer paid and has not the content")
        return tuple(faults)

    async def _has_content(self, sale: str) -> bool:
        return await self.owners.content_of(self.buyer, sale) == HARBOUR.read_bytes()


class Withdrawal(_Played):
    def __init__(self, world: World, owners: Owners, owner: Node) -> None:
        super().__init__(world, owners)
        self.owner = owner
        self.parties: Mapping[str, Node] = {"owner": owner, "broker": world.broker}
        self._before = 0

    async def prepare(self) -> None:
        self._before = await self.coins_of(self.owner)

    async def play(self) -> Ended:
        taken = await self.owners.begin(self.owner, "owner", "withdraw", count=PRICE)
        ended = str((await self.owners.see_through(self.owner, taken))["state"])
        return Ended(ended, await changed(self, self.owner, self._before, PRICE))


class Payment(_Played):
    def __init__(self, world: World, owners: Owners, payer: Node, payee: Node) -> None:
        super().__init__(world, owners)
        self.payer, self.payee = payer, payee
        self.parties: Mapping[str, Node] = {"payer": payer, "payee": payee}
        self._before = (0, 0)

    async def prepare(self) -> None:
        await self.fill_purse(self.payer)
        self._before = await self.coins_of(self.payer), await self.coins_of(self.payee)

    async def play(self) -> Ended:
        owners = self.owners
        paid = await owners.begin(self.payer, "payer", "transfer", to=self.payee.name, count=PRICE)
        ended = str((await owners.see_through(self.payer, paid))["state"])
        moved = PRICE if ended == "paid" else 0
        payer, payee = self._before
        if not moved:
            await self._given_back(payer)
        faults = await changed(self, self.payer, payer, -moved)
        return Ended(ended, faults + await changed(self, self.payee, payee, moved))

    async def _given_back(self, before: int) -> None:
        """B1: what was certified of a payment that came to nothing is the payer's again."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GIVEN_BACK_SECONDS):
                while True:
                    if await self.coins_of(self.payer) == before:
                        return
                    await asyncio.sleep(PAUSE_SECONDS)


class Reissue(_Played):
    def __init__(self, world: World, owners: Owners, holder: Node) -> None:
        super().__init__(world, owners)
        self.holder = holder
        self.parties: Mapping[str, Node] = {"holder": holder}
        self._before = 0

    async def prepare(self) -> None:
        await self.fill_purse(self.holder)
        self._before = await self.coins_of(self.holder)

    async def play(self) -> Ended:
        ledger = await self.holder.get("/inspect/ledger")
        held = [coin for coin in ledger["coins"] if coin["state"] == "held"]
        oldest = min(held, key=lambda coin: int(coin["generation"]))
        renewed = await self.owners.begin(self.holder, "holder", "reissue", chain=oldest["chain"])
        ended = str((await self.owners.see_through(self.holder, renewed))["state"])
        return Ended(ended, await changed(self, self.holder, self._before, 0))


class Redemption(_Played):
    def __init__(self, world: World, owners: Owners, holder: Node) -> None:
        super().__init__(world, owners)
        self.holder = holder
        self.parties: Mapping[str, Node] = {"holder": holder, "broker": world.broker}
        self._before = 0

    async def prepare(self) -> None:
        await self.fill_purse(self.holder)
        self._before = await self.coins_of(self.holder)

    async def play(self) -> Ended:
        handed = await self.owners.begin(self.holder, "holder", "redeem", count=PRICE)
        record = await self.owners.see_through(self.holder, handed)
        ended = str(record["state"])
        gone = PRICE if ended == "credited" else 0
        return Ended(ended, await changed(self, self.holder, self._before, -gone))


async def changed(drama: _Played, node: Node, before: int, change: int) -> tuple[str, ...]:
    """A certificate may still wait at its replicas for a write to ride with: looked for again."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + LATE_SECONDS
    while (now := await drama.coins_of(node)) != before + change:
        if loop.time() > deadline:
            return (f"{node.name} has {now} coins, not {before} {change:+d}",)
        await asyncio.sleep(PAUSE_SECONDS)
    return ()


GARBAGE_SELLER = "peer-06"
PROGRAMS = {GARBAGE_SELLER: "scenarios.adversaries.garbage_seller"}


def dramas(world: World, owners: Owners) -> dict[str, Drama]:
    """All that this world has the servers for, each with peers of its own where there are any."""
    four, five, seven, eight = (world.node(f"peer-0{n}") for n in (4, 5, 7, 8))
    found = coin_dramas(world, owners)
    if world.of_role(Role.CENTRAL_SERVER):
        found |= sale_dramas(world, owners)
    if world.of_role(Role.COIN_SERVER):
        found |= cash_dramas(world, owners, seven, eight)
        found |= prepaid_dramas(world, owners, seven, eight)
    if world.of_role(Role.MARKET):
        found |= item_dramas(world, owners, four, five)
    return found


def coin_dramas(world: World, owners: Owners) -> dict[str, Drama]:
    three, four, five = (world.node(f"peer-0{n}") for n in (3, 4, 5))
    return {
        "withdrawal": Withdrawal(world, owners, three),
        "payment": Payment(world, owners, three, four),
        "reissue": Reissue(world, owners, five),
        "redemption": Redemption(world, owners, three),
    }


def sale_dramas(world: World, owners: Owners) -> dict[str, Drama]:
    one, two = (world.node(f"peer-0{n}") for n in (1, 2))
    return {
        "purchase": Purchase(world, owners, one, two),
        "dispute": Purchase(world, owners, one, world.node(GARBAGE_SELLER)),
        "abandonment": Purchase(world, owners, one, two, LEAVES),
    }
