"""Steps 5, 8, customer: an order, brought to its end whatever the vendor does.

ordered: step 5 is sent again until it is answered or its time is over. doubted: the broker is asked
to void the number, and says what has become of it. owed: the broker paid the vendor, which is asked
for the goods again; where it keeps them back, this goes on only when the owner says so.
"""

import asyncio
from typing import Annotated, Any

import msgspec

from crypto.meter import metering
from nodes.peer.anonymous_micropayment.books import PROTOCOL, UNSETTLED, Books
from nodes.peer.anonymous_micropayment.vouchers import wanted
from nodes.protocols.anonymous_micropayment import order as rule
from nodes.protocols.anonymous_micropayment import question, shop
from nodes.protocols.anonymous_micropayment.messages import (
    AskCatalogue,
    CatalogueGiven,
    GoodsSent,
    OrderStanding,
    VoidStanding,
)
from nodes.protocols.anonymous_micropayment.refusals import (
    NoSuchGoods,
    NoSuchVendor,
    NotFunded,
    PriceDiffers,
)
from nodes.protocols.anonymous_micropayment.state import Purchase, PurchaseState
from nodes.protocols.anonymous_micropayment.values import Catalogue, Goods, GoodsName, Price, Secret
from nodes.protocols.errors import MalformedMessage, OutcomeUnknown, Refused
from nodes.protocols.membership.messages import Card
from nodes.protocols.message import PartyId, Role, TransactionId
from nodes.runtime.control import Request, bytes_from_hex
from nodes.runtime.log import get_log
from nodes.runtime.party import Party
from nodes.runtime.service import Service
from nodes.runtime.store import Transaction
from nodes.wallet.asking import ask_until_answered, is_for_now

FIRST_DELAY_SECONDS = 0.1
LONGEST_DELAY_SECONDS = 2.0
CATALOGUE_SECONDS = 10.0
ASKED_FOR_GOODS = 5
"""So often a vendor that was paid is asked for the goods before the owner is left to decide."""


class AskedPurchase(Request, frozen=True):
    vendor: str
    """The party's name, or its id in hex."""
    goods: GoodsName
    price: Price
    pseudonym: str = ""
    """The newest, if left out."""
    within_seconds: Annotated[float, msgspec.Meta(gt=0, le=86_400)] | None = None
    """Then the vendor is doubted; the node's setting if left out."""


class AskedGoods(Request, frozen=True):
    vendor: str
    """The party's name, or its id in hex."""


class AskedAgain(Request, frozen=True):
    transaction: str


class Buyer:
    def __init__(self, service: Service, books: Books) -> None:
        self._service = service
        self._party = service.party
        self._books = books
        self._following: set[TransactionId] = set()
        service.operation("pid_catalogue", AskedGoods, self._browse, "What does a vendor sell?")
        service.operation("pid_buy", AskedPurchase, self._buy, "Order from a vendor")
        service.operation("pid_ask", AskedAgain, self._again, "Ask for owed goods again")
        service.at_start(self._resume)

    async def _resume(self) -> None:
        for purchase in self._books.purchases.values(self._party.store.committed):
            if purchase.state in (*UNSETTLED, PurchaseState.OWED):
                self._follow(purchase.transaction)

    def _load(self, transaction: TransactionId) -> Purchase:
        purchase = self._books.purchases.get(self._party.store.committed, transaction)
        if purchase is None:
            raise NoSuchGoods("there is no such purchase")
        return purchase

    # step 5

    async def _buy(self, asked: AskedPurchase, party: Party) -> dict[str, Any]:
        vendor = await self._find(asked.vendor)
        catalogue, goods = await self._select(vendor.id, asked)
        seconds = asked.within_seconds or party.settings.offer_seconds
        transaction = party.fresh_transaction()
        with metering() as meter:
            async with party.store.transaction() as tx:
                wallet = self._books.wallet(tx, wanted(asked.pseudonym))
                wallet, purchase = rule.place_order(
                    wallet,
                    catalogue,
                    goods,
                    transaction,
                    now=party.now(),
                    answer_within=round(seconds * 1000),
                    deposit_open=self._books.deposit_open(tx, wallet.pseudonym),
                    guards=party.guards,
                )
                self._books.wallets.put(tx, wallet.pseudonym, wallet)
                self._books.add_purchase(tx, purchase)
        party.observer.count(PROTOCOL, "5", meter)
        self._follow(transaction)
        return {"transaction": transaction.hex()}

    async def _find(self, vendor: str) -> Card:
        """All peers are looked up, so the authority does not learn which one is meant."""
        directory = self._party.directory
        for cards in (directory.kept(Role.PEER), None):
            for card in await directory.find(Role.PEER) if cards is None else cards:
                if vendor in (card.name, card.id.hex()):
                    return card
        raise NoSuchVendor(vendor)

    async def _select(self, vendor: PartyId, asked: AskedPurchase) -> tuple[Catalogue, Goods]:
        """G1, G2 only where the catalogue that is kept does not serve."""
        signed = self._books.catalogues.get(self._party.store.committed, vendor)
        if signed is not None:
            catalogue = shop.read_catalogue(signed, vendor)
            try:
                return catalogue, shop.select(catalogue, asked.goods, asked.price)
            except (NoSuchGoods, PriceDiffers):
                pass  # it may have changed
        catalogue = await self._fetch(vendor)
        return catalogue, shop.select(catalogue, asked.goods, asked.price)

    async def _fetch(self, vendor: PartyId) -> Catalogue:
        """G1, G2."""
        party = self._party
        answer = await ask_until_answered(
            party,
            vendor,
            AskCatalogue(),
            party.fresh_transaction(),
            CatalogueGiven,
            seconds=CATALOGUE_SECONDS,
        )
        catalogue = shop.read_catalogue(answer.message.catalogue, vendor)
        async with party.store.transaction() as tx:
            self._books.catalogues.put(tx, vendor, answer.message.catalogue)
        return catalogue

    async def _browse(self, asked: AskedGoods, party: Party) -> dict[str, Any]:
        catalogue = await self._fetch((await self._find(asked.vendor)).id)
        goods = [{"name": g.name, "price": g.price, "size": g.size} for g in catalogue.goods]
        return {"vendor": catalogue.vendor_name, "goods": goods}

    async def _again(self, asked: AskedAgain, party: Party) -> dict[str, Any]:
        purchase = self._load(bytes_from_hex(asked.transaction, "transaction", 16))
        self._follow(purchase.transaction)
        return {"transaction": asked.transaction}

    # until its end

    def _follow(self, transaction: TransactionId) -> None:
        if transaction not in self._following:
            self._following.add(transaction)
            self._service.spawn(self._bring_to_end(transaction))

    async def _bring_to_end(self, transaction: TransactionId) -> None:
        delay, asked_for_goods = FIRST_DELAY_SECONDS, 0
        try:
            while (purchase := self._load(transaction)).state in (*UNSETTLED, PurchaseState.OWED):
                asked_for_goods += purchase.state is PurchaseState.OWED
                if asked_for_goods > ASKED_FOR_GOODS:
                    return
                if not await self._go_on(purchase):
                    await asyncio.sleep(delay)
                    delay = min(2 * delay, LONGEST_DELAY_SECONDS)
        finally:
            self._following.discard(transaction)

    async def _go_on(self, purchase: Purchase) -> bool:
        """Whether anything has changed."""
        match purchase.state:
            case PurchaseState.ORDERED if self._party.now() > purchase.deadline:
                return await self._save(purchase, rule.expire(purchase, self._party.now()))
            case PurchaseState.ORDERED:
                with metering() as meter:
                    went_on = await self._order(purchase)
                self._party.observer.count(PROTOCOL, "5", meter)
                return went_on
            case PurchaseState.DOUBTED:
                return await self._void(purchase)
            case _:
                return await self._order(purchase) or await self._ask(purchase)

    async def _order(self, purchase: Purchase) -> bool:
        """Steps 5, 8."""
        party = self._party
        try:
            answer = await party.send(
                purchase.vendor, rule.order_message(purchase), purchase.transaction, GoodsSent
            )
            after = rule.take_goods(purchase, answer.message, party.guards)
        except OutcomeUnknown:
            return False
        except (Refused, MalformedMessage) as error:
            if is_for_now(error) or purchase.state is PurchaseState.OWED:
                return False
            return await self._save(purchase, rule.doubt(purchase, error.code))
        goods = answer.message.goods
        return await self._save(purchase, after, goods)

    def _secret(self, purchase: Purchase) -> Secret:
        """The pseudonym's present key: a top-up may have renewed it since."""
        wallet = self._books.wallet(self._party.store.committed, purchase.pseudonym)
        if wallet.secret is None:
            raise NotFunded()
        return wallet.secret

    async def _void(self, purchase: Purchase) -> bool:
        """Q2: the number is void, or what became of it is known."""
        party, secret = self._party, self._secret(purchase)
        asked = question.void(purchase, secret, party.now())
        broker = await self._books.broker()
        try:
            answer = await party.send(broker, asked, purchase.transaction, VoidStanding)
            after = question.take_standing(purchase, asked, answer.message, secret, party.guards)
        except OutcomeUnknown:
            return False
        except (Refused, MalformedMessage) as error:
            get_log().warning("order_not_voided", code=error.code)
            return False
        return await self._save(purchase, after)

    async def _ask(self, purchase: Purchase) -> bool:
        """Q1: the vendor may have given the money back."""
        party, secret = self._party, self._secret(purchase)
        asked = question.ask(purchase, secret, party.now())
        broker = await self._books.broker()
        try:
            answer = await party.send(broker, asked, purchase.transaction, OrderStanding)
            after = question.take_standing(purchase, asked, answer.message, secret, party.guards)
        except (OutcomeUnknown, Refused, MalformedMessage):
            return False
        return await self._save(purchase, after)

    async def _save(self, before: Purchase, after: Purchase, goods: bytes | None = None) -> bool:
        """One task follows a purchase, so it is still as it was loaded."""
        async with self._party.store.transaction() as tx:
            self._put(tx, before, after, goods)
        return after.state is not before.state

    def _put(self, tx: Transaction, before: Purchase, after: Purchase, goods: bytes | None) -> None:
        self._books.save_purchase(tx, before, after)
        if goods is not None and after.state is PurchaseState.DELIVERED:
            self._books.goods.put(tx, after.transaction, goods)
