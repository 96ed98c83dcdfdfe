"""The buying side of a peer: look, order, pay, read the goods, register."""

import contextlib
from collections.abc import Callable
from typing import Any

from crypto import codec
from crypto.codec import MalformedEncoding
from crypto.content import generate_content_key
from nodes.items.keys import GameKeys
from nodes.peer.item_trading.books import PROTOCOL, Books
from nodes.peer.item_trading.money import TradeCash
from nodes.protocols.envelope import Opened
from nodes.protocols.errors import ProtocolError, Refused
from nodes.protocols.item_trading import complaint, direct_sale, outcome, purchase, settlement
from nodes.protocols.item_trading.documents import ListedItem
from nodes.protocols.item_trading.messages import (
    EncryptedCertificate,
    GoodsSent,
    KeyForwarded,
    KeyInfo,
    ListQuery,
    MarketList,
    PurchaseRequest,
    ReadyToSell,
    Register,
)
from nodes.protocols.item_trading.players import BuyerState, Purchase
from nodes.protocols.item_trading.refusals import (
    CertificateForged,
    UnknownListing,
    WrongState,
    WrongWord,
)
from nodes.protocols.message import Message, PartyId, Received, Role, ShortText, TransactionId
from nodes.runtime.control import Request, bytes_from_hex
from nodes.runtime.log import get_log
from nodes.runtime.outbox import Entry
from nodes.runtime.party import Answer, Party
from nodes.runtime.refusals import InvalidRequest, UnknownParty
from nodes.runtime.service import Service


class ListItems(Request, frozen=True):
    market: str
    """Its name."""
    words: ShortText = ""


class OrderItem(Request, frozen=True):
    market: str
    listed: str
    """A line of its list as `item_list` showed it, hex."""


class PayItem(Request, frozen=True):
    transaction: str


class ComplainOfItem(Request, frozen=True):
    transaction: str


class Buying:
    def __init__(self, service: Service, books: Books, keys: GameKeys, money: TradeCash) -> None:
        self._service, self._party = service, service.party
        self._books, self._keys, self._money = books, keys, money
        self._paying: set[TransactionId] = set()
        self._collecting: set[TransactionId] = set()
        self.changed: Callable[[Purchase], None] = lambda record: None
        """Hears of each purchase as it stands; set by whoever watches deadlines."""
        service.operation("item_list", ListItems, self.look, "Ask a market what it sells")
        service.operation("item_order", OrderItem, self.order, "Order a listed item")
        service.operation("item_pay", PayItem, self.pay, "Pay for an item with e-cash")
        service.operation(
            "item_complain", ComplainOfItem, self.complain, "Paid, and no readable certificate"
        )
        service.on_answer(Register, self._registered)
        service.on_refusal(PurchaseRequest, self._not_ordered)
        service.handles(ReadyToSell, self._ready)
        service.handles(GoodsSent, self._goods)
        service.handles(EncryptedCertificate, self._ciphertext)
        service.handles(KeyInfo, self._key)
        service.handles(KeyForwarded, self._forwarded)

    async def resume(self) -> None:
        for record in self._books.purchases.values(self._books.reader):
            self.look_at(record)

    def look_at(self, record: Purchase) -> None:
        """What goes on by itself from a saved purchase."""
        void = record.state is BuyerState.VOID
        if record.state is BuyerState.PAYING or (
            void and record.paid is None and record.session_key is not None
        ):
            self._start_paying(record)
        if void and record.paid is not None and record.word is not None:
            self._start_collecting(record)
        self.changed(record)

    async def change(self, trade: TransactionId, rule: Any, note: Any = None) -> Purchase:
        """Load, decide, save, and go on from there."""
        after = await self._books.change_purchase(trade, rule, note or (lambda tx: None))
        self.look_at(after)
        return after

    # L1

    async def look(self, asked: ListItems, party: Party) -> dict[str, Any]:
        market = await self._market(asked.market)
        question, transaction = ListQuery(asked.words), party.fresh_transaction()
        answer = await party.send(market, question, transaction, MarketList)
        return {
            "items": [
                {
                    "listing": it.listing.hex(),
                    "model": it.model,
                    "game_server": party.directory.name_of(it.game_server),
                    "item": it.item,
                    "price": it.price,
                    "listed": codec.encode(it).hex(),
                }
                for it in answer.message.items
            ]
        }

    async def _market(self, name: str) -> PartyId:
        card = await self._party.directory.named(name)
        if card.role is not Role.MARKET:
            raise UnknownParty(f"{name} is no market")
        return card.id

    # 3

    async def order(self, asked: OrderItem, party: Party) -> dict[str, Any]:
        market = await self._market(asked.market)
        listed = _listed(asked.listed)
        if self._books.offerings.get(self._books.reader, listed.listing) is not None:
            raise InvalidRequest("nobody buys from itself")
        await self._keys.of(listed.game_server)
        record, message = purchase.order(
            listed,
            buyer=party.key,
            market=market,
            trade=party.fresh_transaction(),
            deadline=party.now() + round(party.settings.offer_seconds * 1000),
        )
        async with party.store.transaction() as tx:
            self._books.purchases.put(tx, record.trade, record)
            party.post(tx, market, message, record.trade)
        self.changed(record)
        return {"transaction": record.trade.hex()}

    async def _not_ordered(
        self, error: Refused, entry: Entry, message: Message, party: Party
    ) -> None:
        get_log().info("order_refused", trade=entry.transaction.hex(), code=error.code)
        with contextlib.suppress(WrongState):
            await self.change(entry.transaction, purchase.not_ordered)

    # 1.4n, 2.5

    async def _ready(self, received: Opened[ReadyToSell], party: Party) -> Answer:
        return await self._take(
            received,
            lambda it: purchase.ready_to_pay(it, received.message, received.sender, party.now()),
        )

    async def _ciphertext(self, received: Opened[EncryptedCertificate], party: Party) -> Answer:
        return await self._take(
            received,
            lambda it: direct_sale.ciphertext_arrives(
                it, received.message, received.sender, party.now(), party.guards
            ),
        )

    async def _take(self, received: Opened[Any], rule: Any) -> Answer:
        """Load, decide, save, answer; what is to be registered goes with it."""
        party = self._party
        async with party.store.transaction() as tx:
            after = rule(self._books.purchase(tx, received.transaction))
            after, register = after if isinstance(after, tuple) else (after, None)
            self._books.purchases.put(tx, after.trade, after)
            self._books.evidence.keep_message(tx, received)
            if register is not None:
                party.post(tx, after.game_server, register, after.trade)
            answer = party.answer(tx, received, Received())
        if register is not None:
            step = received.declaration.step
            party.observer.read(PROTOCOL, step, after.trade, "goods", register.goods)
        self.look_at(after)
        return answer

    # 1.5, 2.6

    async def pay(self, asked: PayItem, party: Party) -> dict[str, Any]:
        """Returns once the coins are signed over. Raises NotEnoughCoins."""
        trade = bytes_from_hex(asked.transaction, "transaction", 16)
        key, now = generate_content_key(), party.now()
        self._paying.add(trade)
        try:
            record = await self._books.change_purchase(
                trade, lambda it: settlement.start_paying(it, key, now)
            )
            await self._sign(record)
        except BaseException:
            self._paying.discard(trade)
            raise
        self._service.spawn(self._pay_in(record))
        return {"transaction": asked.transaction}

    async def _sign(self, record: Purchase) -> None:
        """The coins are pledged to this deal, on disk."""
        assert record.payee_key is not None, "the deal comes with the payee's key"
        try:
            await self._money.sign(record.trade, record.deal, record.payee_key)
        except ProtocolError:
            await self.change(record.trade, settlement.cannot_pay)
            raise

    def _start_paying(self, record: Purchase) -> None:
        """After a restart: what was signed goes on, what was not never will."""
        if record.trade not in self._paying:
            self._paying.add(record.trade)
            self._service.spawn(self._pay_in(record))

    async def _pay_in(self, record: Purchase) -> None:
        """The money is put under its condition, and the market hears of it, in that order."""
        trade, party = record.trade, self._party
        try:
            paid = await self._money.pay_in(trade)
            async with party.store.transaction() as tx:
                done, message = settlement.paid_in(self._books.purchase(tx, trade), paid)
                self._books.purchases.put(tx, trade, done)
                if message is not None:
                    party.post(tx, done.market, message, trade)
            self.look_at(done)
        except Refused as error:
            get_log().warning("cannot_pay", trade=trade.hex(), code=error.code)
            await self.change(trade, settlement.cannot_pay)
        finally:
            self._paying.discard(trade)

    # 1.6, 2.8, C3

    async def _goods(self, received: Opened[GoodsSent], party: Party) -> Answer:
        game_key = await self._game_key(received.transaction)
        return await self._take(
            received,
            lambda it: settlement.goods_arrive(
                it, received.message, received.sender, game_key, party.guards
            ),
        )

    async def _key(self, received: Opened[KeyInfo], party: Party) -> Answer:
        game_key = await self._game_key(received.transaction)
        return await self._take(
            received,
            lambda it: direct_sale.key_arrives(
                it, received.message, received.sender, party.sealing_key, game_key
            ),
        )

    async def _forwarded(self, received: Opened[KeyForwarded], party: Party) -> Answer:
        game_key = await self._game_key(received.transaction)
        return await self._take(
            received,
            lambda it: complaint.key_forwarded(it, received.message, received.sender, game_key),
        )

    async def _game_key(self, trade: TransactionId) -> Any:
        return await self._keys.of(self._books.purchase(self._books.reader, trade).game_server)

    # C1

    async def complain(self, asked: ComplainOfItem, party: Party) -> dict[str, Any]:
        trade = bytes_from_hex(asked.transaction, "transaction", 16)
        async with party.store.transaction() as tx:
            record, message = complaint.complain(self._books.purchase(tx, trade))
            self._books.purchases.put(tx, trade, record)
            party.post(tx, record.market, message, trade)
        return {"transaction": asked.transaction}

    # 8

    async def _registered(self, answer: Opened[Any], message: Message, party: Party) -> None:
        trade = answer.transaction
        game_key = await self._game_key(trade)
        try:
            async with party.store.transaction() as tx:
                before = self._books.purchase(tx, trade)
                after = outcome.registered(before, answer.message, game_key)
                self._books.purchases.put(tx, trade, after)
                self._books.evidence.keep_message(tx, answer)
                if after.certificate is not None:
                    self._books.keep_item(tx, after.certificate)
        except WrongState:
            return  # heard before
        except (WrongWord, CertificateForged) as error:
            get_log().warning("not_registered", trade=trade.hex(), code=error.code)
            return
        self.look_at(after)

    # a void trade's money

    def _start_collecting(self, record: Purchase) -> None:
        if record.trade not in self._collecting:
            self._collecting.add(record.trade)
            self._service.spawn(self._collect(record))

    async def _collect(self, record: Purchase) -> None:
        assert record.paid is not None, "money waits"
        assert record.word is not None, "and the word is here"
        try:
            amount = await self._money.collect(record.trade, record.paid, record.word)
        except Refused as error:
            get_log().warning("not_refunded", trade=record.trade.hex(), code=error.code)
            return
        finally:
            self._collecting.discard(record.trade)
        with contextlib.suppress(WrongState):
            await self.change(record.trade, lambda it: outcome.refunded(it, amount))


def _listed(text: str) -> ListedItem:
    try:
        return codec.decode(bytes_from_hex(text, "listed"), ListedItem)
    except MalformedEncoding as error:
        raise UnknownListing(str(error)) from error
