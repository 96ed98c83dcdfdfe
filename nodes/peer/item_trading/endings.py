"""Steps V1 and V2 at a peer: the trade's time is over, or it is void.

Whoever waits for the other side longer than the deal allows asks the game server itself for its
word; a market that is gone keeps nobody from money or certificate.
"""

import contextlib
from typing import Any

from nodes.peer.item_trading.books import Books, is_over
from nodes.peer.item_trading.buying import Buying
from nodes.peer.item_trading.selling import Selling
from nodes.protocols.envelope import Opened
from nodes.protocols.errors import Refused
from nodes.protocols.item_trading import outcome
from nodes.protocols.item_trading.documents import VoidReason
from nodes.protocols.item_trading.messages import VoidNotice, VoidTrade
from nodes.protocols.item_trading.payment import Word
from nodes.protocols.item_trading.players import BuyerState, Purchase, Sale, SaleState
from nodes.protocols.item_trading.refusals import TooEarly, UnknownTrade, WrongState, WrongWord
from nodes.protocols.message import Message, Received, TransactionId
from nodes.runtime.deadlines import Deadlines
from nodes.runtime.log import get_log
from nodes.runtime.outbox import Entry
from nodes.runtime.party import Answer, Party
from nodes.runtime.service import Service
from nodes.runtime.store import Transaction

ASK_AGAIN_MILLISECONDS = 2_000
"""The game server's clock may be a little behind."""
WAITING = frozenset({SaleState.SHIPPED, SaleState.KEY_SENT})


class Endings:
    def __init__(self, service: Service, books: Books, selling: Selling, buying: Buying) -> None:
        self._party, self._books = service.party, books
        self._selling, self._buying = selling, buying
        self._deadlines = Deadlines(service, self._time_is_over)
        selling.changed = self._sale_changed
        buying.changed = self._purchase_changed
        service.handles(VoidNotice, self._void)
        service.on_answer(VoidTrade, self._ended)
        service.on_refusal(VoidTrade, self._not_ended)

    def _sale_changed(self, sale: Sale) -> None:
        at = sale.deal.until if sale.state in WAITING else None
        self._deadlines.set(sale.trade, at)

    def _purchase_changed(self, purchase: Purchase) -> None:
        waits = not is_over(purchase) and purchase.state is not BuyerState.VOID
        at = purchase.deadline if purchase.signed is None else purchase.deal.until
        self._deadlines.set(purchase.trade, at if waits else None)

    # V1

    async def _time_is_over(self, trade: TransactionId) -> None:
        now = self._party.now()
        with contextlib.suppress(TooEarly, WrongState):
            async with self._party.store.transaction() as tx:
                sale = self._books.sales.get(tx, trade)
                if sale is not None:
                    to = outcome.seller_asks(sale, now)
                    self._party.post(tx, to.recipient, to.message, trade)
                    return
                self._expire(tx, self._books.purchase(tx, trade), now)

    def _expire(self, tx: Transaction, purchase: Purchase, now: int) -> None:
        ended, to = outcome.expire_purchase(purchase, now)
        self._books.purchases.put(tx, ended.trade, ended)
        if to is not None:
            self._party.post(tx, to.recipient, to.message, ended.trade)
            return
        tx.after_commit.append(lambda: self._buying.look_at(ended))

    async def _not_ended(
        self, error: Refused, entry: Entry, message: Message, party: Party
    ) -> None:
        get_log().info("not_ended", trade=entry.transaction.hex(), code=error.code)
        self._deadlines.set(entry.transaction, party.now() + ASK_AGAIN_MILLISECONDS)

    async def _ended(self, answer: Opened[Any], message: Message, party: Party) -> None:
        """V1r: either word."""
        word, trade = answer.message.word, answer.transaction
        try:
            async with party.store.transaction() as tx:
                self._hear(tx, trade, word, VoidReason.TIME_OVER)
                self._books.evidence.keep_message(tx, answer)
        except (WrongState, WrongWord) as error:
            get_log().info("nothing_new", trade=trade.hex(), code=error.code)

    # V2

    async def _void(self, received: Opened[VoidNotice], party: Party) -> Answer:
        message, trade = received.message, received.transaction
        async with party.store.transaction() as tx:
            if self._books.sales.get(tx, trade) is not None:
                if message.word is None:
                    raise WrongWord("a sale that began ends with a word")
                self._hear(tx, trade, message.word, message.reason)
            else:
                purchase = self._books.purchase(tx, trade)
                ended = outcome.void_arrives(purchase, message, received.sender)
                self._keep(tx, ended)
            self._books.evidence.keep_message(tx, received)
            return party.answer(tx, received, Received())

    def _hear(self, tx: Transaction, trade: TransactionId, word: Word, reason: VoidReason) -> None:
        """Raises WrongState where it is known, WrongWord, UnknownTrade."""
        sale = self._books.sales.get(tx, trade)
        if sale is not None:
            offering = self._books.offering(tx, sale.listing)
            self._selling.keep_end(tx, *outcome.seller_hears(offering, sale, word, reason))
            return
        purchase = self._books.purchases.get(tx, trade)
        if purchase is None:
            raise UnknownTrade()
        self._keep(tx, outcome.buyer_hears(purchase, word, reason))

    def _keep(self, tx: Transaction, purchase: Purchase) -> None:
        self._books.purchases.put(tx, purchase.trade, purchase)
        tx.after_commit.append(lambda: self._buying.look_at(purchase))
