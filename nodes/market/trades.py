"""From an order to its end: step 3, then 1.4 to 1.6 or 2.4 to 2.7, then 9, 10, V1 and V2.

Each step is one transaction, and what is to be sent waits in the outbox. A trade whose time is
over is voided; the game server's word, however it comes, ends it.
"""

import contextlib
from typing import Any

from nodes.items.certified import coin_server_of
from nodes.market.books import Books
from nodes.protocols.envelope import Opened
from nodes.protocols.errors import Refused
from nodes.protocols.item_trading import direct_sale, outcome, purchase, settlement
from nodes.protocols.item_trading.messages import (
    MoneyPaid,
    Moved,
    PurchaseRequest,
    Reserve,
    Settlement,
    VoidTrade,
)
from nodes.protocols.item_trading.reading import known_listing
from nodes.protocols.item_trading.refusals import (
    NoticeNotTheGameServers,
    NotReserved,
    TooEarly,
    WrongState,
)
from nodes.protocols.item_trading.state import (
    BROKERAGE_MOVES,
    Brokerage,
    BrokerageState,
)
from nodes.protocols.message import Message, Received, TransactionId
from nodes.runtime.deadlines import Deadlines
from nodes.runtime.log import get_log
from nodes.runtime.outbox import Entry
from nodes.runtime.party import Answer, Party
from nodes.runtime.service import Service


class Trades:
    def __init__(self, service: Service, books: Books) -> None:
        self._party, self._books = service.party, books
        self._deadlines = Deadlines(service, self._time_is_over)
        books.changed = self._look_at
        service.handles(PurchaseRequest, self._order)
        service.handles(Settlement, self._settle)
        service.handles(MoneyPaid, self._paid)
        service.handles(Moved, self._moved)
        service.on_answer(Reserve, self._reserved)
        service.on_refusal(Reserve, self._not_reserved)
        service.on_answer(VoidTrade, self._voided)
        service.at_start(self._resume)

    async def _resume(self) -> None:
        for brokerage in self._books.trades.values(self._party.store.committed):
            self._look_at(brokerage)

    def _look_at(self, brokerage: Brokerage) -> None:
        ends_alone = BrokerageState.VOIDING in BROKERAGE_MOVES[brokerage.state]
        self._deadlines.set(brokerage.trade, brokerage.deal.until if ends_alone else None)

    # 3

    async def _order(self, received: Opened[PurchaseRequest], party: Party) -> Answer:
        buyer = await party.directory.card(received.sender)
        message, books = received.message, self._books
        async with party.store.transaction() as tx:
            step = purchase.take_order(
                books.trades.get(tx, received.transaction),
                known_listing(books.listings.get(tx, message.listing)),
                message,
                sender=received.sender,
                buyer_key=buyer.sealing_key,
                trade=received.transaction,
                market=books.market(),
            )
            books.save(tx, step)
            books.evidence.keep_message(tx, received)
            return party.answer(tx, received, Received())

    # 1.4r

    async def _reserved(self, answer: Opened[Any], message: Message, party: Party) -> None:
        with contextlib.suppress(WrongState, NotReserved):  # it may be voided meanwhile
            async with party.store.transaction() as tx:
                brokerage, listing = self._books.load(tx, answer.transaction)
                market = self._books.market()
                step = purchase.reserved(brokerage, listing, answer.message, market)
                self._books.save(tx, step)
                self._books.evidence.keep_message(tx, answer)

    async def _not_reserved(
        self, error: Refused, entry: Entry, message: Message, party: Party
    ) -> None:
        with contextlib.suppress(WrongState):
            async with party.store.transaction() as tx:
                brokerage, listing = self._books.load(tx, entry.transaction)
                step = purchase.not_reserved(brokerage, listing, error.code)
                self._books.save(tx, step)

    # 1.5, 1.6

    async def _settle(self, received: Opened[Settlement], party: Party) -> Answer:
        coin_servers = await coin_server_of(party, received.message.paid)
        async with party.store.transaction() as tx:
            brokerage, listing = self._books.load(tx, received.transaction)
            step = settlement.take_settlement(
                brokerage,
                listing,
                received.message,
                sender=received.sender,
                coin_servers=coin_servers,
                market=self._books.market(),
            )
            self._books.save(tx, step)
            self._books.evidence.keep_message(tx, received)
            return party.answer(tx, received, Received())

    # 2.6, 2.7

    async def _paid(self, received: Opened[MoneyPaid], party: Party) -> Answer:
        coin_servers = await coin_server_of(party, received.message.paid)
        async with party.store.transaction() as tx:
            brokerage, _ = self._books.load(tx, received.transaction)
            step = direct_sale.take_money(
                brokerage,
                received.message,
                sender=received.sender,
                coin_servers=coin_servers,
                market=self._books.market(),
            )
            self._books.save(tx, step)
            self._books.evidence.keep_message(tx, received)
            return party.answer(tx, received, Received())

    # 9, V1r

    async def _moved(self, received: Opened[Moved], party: Party) -> Answer:
        async with party.store.transaction() as tx:
            brokerage, listing = self._books.load(tx, received.transaction)
            step = outcome.take_word(
                brokerage, listing, received.message.word, party.now(), party.guards
            )
            self._books.save(tx, step)
            self._books.evidence.keep_message(tx, received)
            return party.answer(tx, received, Received())

    async def _voided(self, answer: Opened[Any], message: Message, party: Party) -> None:
        try:
            async with party.store.transaction() as tx:
                brokerage, listing = self._books.load(tx, answer.transaction)
                step = outcome.take_word(
                    brokerage, listing, answer.message.word, party.now(), party.guards
                )
                self._books.save(tx, step)
                self._books.evidence.keep_message(tx, answer)
        except NoticeNotTheGameServers as error:
            get_log().warning("wrong_word", trade=answer.transaction.hex(), code=error.code)

    async def _time_is_over(self, trade: TransactionId) -> None:
        with contextlib.suppress(TooEarly, WrongState):
            async with self._party.store.transaction() as tx:
                brokerage, _ = self._books.load(tx, trade)
                self._books.save(tx, outcome.expire_brokerage(brokerage, self._party.now()))
