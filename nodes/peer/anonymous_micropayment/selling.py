"""S1, G2, 5-8, vendor: a stall, what is on it, and orders for it.

What the broker has answered is on disk before the goods leave; they leave again whenever the same
order comes. Until then nothing is written: the order is on its customer's disk and comes until it
is answered, the decision is on the broker's, whose answer to the same claim is the same. So an
order that nobody vouches for costs no disk.
"""

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
from nodes.protocols.message import Name, PartyId
from nodes.runtime.control import Request
from nodes.runtime.party import Answer, Party
from nodes.runtime.refusals import InvalidRequest
from nodes.runtime.service import Service
from nodes.runtime.store import Reader, Transaction
from nodes.wallet.asking import ask_until_answered

REGISTER_SECONDS = 10.0


class AskedSale(Request, frozen=True):
    goods: GoodsName
    price: Price
    text: Annotated[str, msgspec.Meta(max_length=MAX_GOODS_BYTES // 4)]
    """What the customer gets."""
    vendor_name: Name | None = None
    """What to be paid under; chosen once, this node's own name if left out."""


class Seller:
    def __init__(self, service: Service, books: Books) -> None:
        self._party = service.party
        self._books = books
        service.handles(AskCatalogue, self._show)
        service.handles(PlaceOrder, self._sell)
        service.operation("pid_sell", AskedSale, self._offer, "Put goods on the stall")

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
        message, books, reader = received.message, self._books, party.store.committed
        key = rule.order_digest(message.order)
        ware = books.wares.get(reader, message.goods.encode())
        if ware is None:
            raise NoSuchGoods(message.goods)
        stall = self._own(reader)
        sale = rule.take_order(
            message,
            stall.name,
            ware,
            books.sales.get(reader, key),
            received.transaction,
            party.guards,
        )
        if sale.state is SaleState.RECEIVED:
            sale = await self._claim(key, sale, stall)
        return party.reply(received, rule.send_goods(sale, ware.content))

    async def _claim(self, key: bytes, sale: Sale, stall: Stall) -> Sale:
        """Steps 6, 7. What the broker refuses was no good order, and leaves nothing."""
        party, books = self._party, self._books
        message = settlement.claim(sale.order, stall.key, party.id)
        answer = await party.send(stall.broker, message, sale.transaction, OrderAnswered)
        async with party.store.transaction() as tx:
            known = books.sales.get(tx, key) or sale
            answered = settlement.take_answer(known, answer.message, stall.key, party.guards)
            books.save_sale(tx, key, answered)
        return answered
