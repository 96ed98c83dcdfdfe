"""S1, G2, 5-8, vendor: a stall, what is on it, and orders for it.

An order is on disk before it is claimed; the goods leave when the broker has paid, and again
whenever the same order comes.
"""

import asyncio
from typing import Annotated, Any

import msgspec

from crypto.documents import sign_document
from nodes.peer.anonymous_micropayment.books import OWN, Books
from nodes.protocols.accounts.messages import AccountOpened, OpenAccount
from nodes.protocols.anonymous_micropayment import order as rule
from nodes.protocols.anonymous_micropayment import settlement, shop
from nodes.protocols.anonymous_micropayment.messages import (
    AskCatalogue,
    CatalogueGiven,
    OrderAnswered,
    PlaceOrder,
    RegisterVendor,
    VendorRegistered,
)
from nodes.protocols.anonymous_micropayment.refusals import NoSuchGoods, NoSuchVendor
from nodes.protocols.anonymous_micropayment.state import Sale, SaleState, Stall
from nodes.protocols.anonymous_micropayment.values import (
    MAX_CATALOGUE,
    MAX_GOODS_BYTES,
    Catalogue,
    GoodsName,
    Price,
    Secret,
    VendorName,
)
from nodes.protocols.envelope import Opened
from nodes.protocols.errors import OutcomeUnknown, Refused
from nodes.protocols.message import Name, PartyId
from nodes.runtime.control import Request
from nodes.runtime.log import get_log
from nodes.runtime.party import Answer, Party
from nodes.runtime.refusals import InvalidRequest
from nodes.runtime.service import Service
from nodes.runtime.store import Reader, Transaction
from nodes.wallet.asking import ask_until_answered, is_for_now

REGISTER_SECONDS = 10.0
FIRST_DELAY_SECONDS = 0.1
LONGEST_DELAY_SECONDS = 2.0


class AskedSale(Request, frozen=True):
    goods: GoodsName
    price: Price
    text: Annotated[str, msgspec.Meta(max_length=MAX_GOODS_BYTES // 4)]
    """What the customer gets."""
    vendor_name: Name | None = None
    """What to be paid under; chosen once, this node's own name if left out."""


class Seller:
    def __init__(self, service: Service, books: Books) -> None:
        self._service = service
        self._party = service.party
        self._books = books
        service.handles(AskCatalogue, self._show)
        service.handles(PlaceOrder, self._sell)
        service.operation("pid_sell", AskedSale, self._offer, "Put goods on the stall")
        service.at_start(self._resume)

    # S1, S2 and the stall

    async def _offer(self, asked: AskedSale, party: Party) -> dict[str, Any]:
        books = self._books
        ware = shop.ware(asked.goods, asked.price, asked.text.encode())
        stall = books.stall.get(party.store.committed, OWN)
        name = asked.vendor_name or (stall.name if stall else party.name)
        if stall is not None and stall.name != name:
            raise InvalidRequest(f"this stall is {stall.name}'s")
        broker = stall.broker if stall else await books.broker()
        key = stall.key if stall else await self._register(name, broker)
        async with party.store.transaction() as tx:
            books.wares.put(tx, asked.goods.encode(), ware)
            if books.wares.count(tx) > MAX_CATALOGUE:
                raise InvalidRequest(f"a catalogue has at most {MAX_CATALOGUE} goods")
            books.stall.put(tx, OWN, self._stall(tx, name, broker, key))
        return {"vendor": name, "goods": asked.goods, "digest": ware.goods.digest.hex()}

    async def _register(self, name: VendorName, broker: PartyId) -> Secret:
        """S1, S2, with an account to be paid into. Asked again, the key is the same."""
        party, transaction = self._party, self._party.fresh_transaction()
        await ask_until_answered(
            party, broker, OpenAccount(), transaction, AccountOpened, seconds=REGISTER_SECONDS
        )
        answer = await ask_until_answered(
            party,
            broker,
            RegisterVendor(name),
            transaction,
            VendorRegistered,
            seconds=REGISTER_SECONDS,
        )
        return shop.take_registration(answer.message, name)

    def _stall(self, tx: Transaction, name: VendorName, broker: PartyId, key: Secret) -> Stall:
        party = self._party
        goods = tuple(ware.goods for ware in self._books.wares.values(tx))
        catalogue = Catalogue(party.id, name, broker, goods, party.now())
        return Stall(name, broker, key, sign_document(catalogue, party.key))

    def _own(self, reader: Reader) -> Stall:
        stall = self._books.stall.get(reader, OWN)
        if stall is None:
            raise NoSuchVendor("this party sells nothing")
        return stall

    # G1, G2

    async def _show(self, received: Opened[AskCatalogue], party: Party) -> Answer:
        stall = self._own(party.store.committed)
        return party.reply(received, CatalogueGiven(stall.catalogue))

    # 5-8

    async def _sell(self, received: Opened[PlaceOrder], party: Party) -> Answer:
        """Step 5 -> 8. What is answered follows from the record, also the next time."""
        message, books = received.message, self._books
        key = rule.order_digest(message.order)
        async with party.store.transaction() as tx:
            ware = books.wares.get(tx, message.goods.encode())
            if ware is None:
                raise NoSuchGoods(message.goods)
            sale = rule.take_order(
                message,
                self._own(tx).name,
                ware,
                books.sales.get(tx, key),
                received.transaction,
                party.guards,
            )
            books.save_sale(tx, key, sale)
        if sale.state is SaleState.RECEIVED:
            sale = await self._claim(sale)
        return party.reply(received, rule.send_goods(sale, ware.content))

    async def _claim(self, sale: Sale) -> Sale:
        """Steps 6, 7. What the broker refuses was no good order, and is forgotten."""
        party, stall = self._party, self._own(self._party.store.committed)
        message = settlement.claim(sale.order, stall.key, party.id)
        try:
            answer = await party.send(stall.broker, message, sale.transaction, OrderAnswered)
        except Refused as error:
            if not is_for_now(error):
                await self._forget(sale)
            raise
        key = rule.order_digest(sale.order)
        async with party.store.transaction() as tx:
            known = self._books.sales.get(tx, key) or sale
            answered = settlement.take_answer(known, answer.message, stall.key, party.guards)
            self._books.save_sale(tx, key, answered)
        return answered

    async def _forget(self, sale: Sale) -> None:
        key = rule.order_digest(sale.order)
        async with self._party.store.transaction() as tx:
            known = self._books.sales.get(tx, key)
            if known is not None and known.state is SaleState.RECEIVED:
                self._books.forget_sale(tx, key, sale)

    async def _resume(self) -> None:
        """Orders that were on disk and not answered when this node ended."""
        for sale in self._books.sales.values(self._party.store.committed):
            if sale.state is SaleState.RECEIVED:
                self._service.spawn(self._claim_until_answered(sale))

    async def _claim_until_answered(self, sale: Sale) -> None:
        delay = FIRST_DELAY_SECONDS
        while True:
            try:
                await self._claim(sale)
                return
            except (OutcomeUnknown, Refused) as error:
                if not is_for_now(error):
                    get_log().info("order_refused", code=error.code)
                    return
            await asyncio.sleep(delay)
            delay = min(2 * delay, LONGEST_DELAY_SECONDS)
