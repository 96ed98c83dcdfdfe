"""Item trades for the crash sweep: a sale by the market, and one by the owner.

Whatever dies, an item has one owner, and the price is with the buyer or with the seller: the item
and the price change hands together or not at all.
"""

import asyncio
from collections.abc import Mapping

from nodes.protocols.electronic_cash.holding import CoinPhase
from nodes.protocols.item_trading.documents import Model
from nodes.protocols.item_trading.players import BuyerState, OfferingState
from nodes.protocols.item_trading.refusals import UnknownItem
from nodes.protocols.message import Role
from scenarios.lab.drama import Drama, Ended, differences, whole_books
from scenarios.lab.failures import ControlRefused
from scenarios.lab.owners import PAUSE_SECONDS, Owners
from scenarios.lab.world import Node, World

PRICE, PURSE = 3, 64
ITEM = "Sword of dawn"
PAYS: Mapping[str, str] = {BuyerState.READY.value: "item_pay"}


class ItemSale:
    """Certificate, listing, order, payment, registration, proceeds."""

    def __init__(
        self, world: World, owners: Owners, seller: Node, buyer: Node, model: Model
    ) -> None:
        self.world, self.owners = world, owners
        self.seller, self.buyer, self._model = seller, buyer, model
        self.game = world.of_role(Role.GAME_SERVER)[0]
        self.market = world.of_role(Role.MARKET)[0]
        self.home = world.of_role(Role.COIN_SERVER)[0]
        self.parties: Mapping[str, Node] = {
            "seller": seller,
            "buyer": buyer,
            "game_server": self.game,
            "market": self.market,
            "coin_server": self.home,
        }
        self._item = ""
        self._before: dict[str, int] = {}

    async def prepare(self) -> None:
        """The buyer has money, and the seller an item without a certificate."""
        if (await self.now())["buyer's coins"] < PRICE:
            asked = {"amount": PURSE, "coin_server": self.home.name}
            taken = await self.owners.begin(self.buyer, "user", "cash_withdraw", **asked)
            await self.owners.see_through(self.buyer, taken)
        found = await self.owners.ask(self.game, "item_found", owner=self.seller.name, item=ITEM)
        self._item = str(found["item"])
        self._before = await self.now()

    async def now(self) -> dict[str, int]:
        """E-cash and items in the game of both."""
        books = await whole_books(self.world)
        found: dict[str, int] = {}
        for who, node in (("seller", self.seller), ("buyer", self.buyer)):
            wallet = books.ledgers[node.name].cash_wallet
            held = [coin.amount for coin in wallet if coin.state == CoinPhase.HELD]
            items = [item for item in books.ledgers[self.game.name].world if item.owner == node.id]
            found |= {f"{who}'s coins": sum(held), f"{who}'s items": len(items)}
        return found

    async def play(self) -> Ended:
        listing = await self._offer()
        offered = str((await self.owners.see_through(self.seller, listing))["state"])
        if offered != OfferingState.LISTED.value:
            return await self._ended(f"offer {offered}", 0)
        trade = await self._order(listing)
        purchase = await self.owners.see_through(self.buyer, trade, PAYS, side="buyer")
        bought = str(purchase["state"])
        if bought != BuyerState.REGISTERED.value:
            return await self._ended(bought, 0)
        return await self._ended(f"{bought} and {await self._proceeds(trade)}", 1)

    async def _offer(self) -> str:
        serial = await self._certified()
        return await self.owners.begin(
            self.seller,
            "offering",
            "item_sell",
            serial=serial,
            market=self.market.name,
            price=PRICE,
            model=self._model,
        )

    async def _certified(self) -> str:
        """Step 0. With its certificate an item has another name: whoever lost the answer looks."""
        while True:
            asked = {"game_server": self.game.name, "item": await self._name_in_game()}
            try:
                return str(
                    (await self.owners.ask(self.seller, "item_certificate", **asked))["serial"]
                )
            except ControlRefused as error:
                if error.code != UnknownItem.code:
                    raise

    async def _name_in_game(self) -> str:
        known = (await whole_books(self.world)).ledgers[self.game.name].items
        certified = [item.serial for item in known if item.replaces == self._item]
        return certified[0] if certified else self._item

    async def _order(self, listing: str) -> str:
        shown = await self.owners.ask(self.buyer, "item_list", market=self.market.name)
        line = next(item["listed"] for item in shown["items"] if item["listing"] == listing)
        asked = {"market": self.market.name, "listed": line}
        return await self.owners.begin(self.buyer, "buyer", "item_order", **asked)

    async def _proceeds(self, trade: str) -> str:
        """The seller of model 1 hears of the trade when it is over."""
        while True:
            if await self.owners.knows(self.seller, trade):
                sale = await self.owners.see_through(self.seller, trade, side="seller")
                return str(sale["state"])
            await asyncio.sleep(PAUSE_SECONDS)

    async def _ended(self, how: str, sold: int) -> Ended:
        """`sold`: whether it was, 0 or 1."""
        change = {
            "seller's coins": sold * PRICE,
            "buyer's coins": -sold * PRICE,
            "seller's items": -sold,
            "buyer's items": sold,
        }
        return Ended(how, differences(self._before, await self.now(), change))


def item_dramas(world: World, owners: Owners, seller: Node, buyer: Node) -> dict[str, Drama]:
    return {
        "item sale": ItemSale(world, owners, seller, buyer, 1),
        "direct sale": ItemSale(world, owners, seller, buyer, 2),
    }
