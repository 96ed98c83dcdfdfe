"""E-cash under a condition, for a trade: TradeMoney of this peer (steps C1-C4 of the e-cash).

Both keys of a trade come from the wallet's seed. Which index each was made from is on disk before
anybody is told the key, so the coin that a game server's word makes under it is always found.
"""

import asyncio

from nodes.cash_wallet.purse import ORDER_MILLISECONDS, Purse
from nodes.peer.electronic_cash import Cash
from nodes.protocols.electronic_cash.condition import condition_digest
from nodes.protocols.electronic_cash.documents import PendingCoin
from nodes.protocols.electronic_cash.holding import Path, Spending, SpendingPhase
from nodes.protocols.electronic_cash.messages import Resolve, Resolved
from nodes.protocols.electronic_cash.spending import Wanted
from nodes.protocols.item_trading.documents import Deal, OneTimeKey
from nodes.protocols.item_trading.payment import PaidIn, Word, condition_of
from nodes.protocols.item_trading.reading import opened
from nodes.protocols.item_trading.refusals import NotPaidIn
from nodes.protocols.message import TransactionId
from nodes.runtime.service import Service
from nodes.runtime.store import Transaction
from nodes.wallet.asking import (
    FIRST_DELAY_SECONDS,
    LONGEST_DELAY_SECONDS,
    ask_until_answered,
    is_for_now,
)

_PAYEE, _REFUND = b"payee", b"refund"


class TradeCash:
    def __init__(self, service: Service, cash: Cash) -> None:
        self._party = service.party
        self._cash = cash
        store = service.party.store
        self._paths = store.table("item_money_paths", Path)
        """By purpose: a listing whose proceeds, or a trade whose refund, is wanted."""
        self._of_key = store.table("item_money_keys", Path)
        """By one-time key."""
        self._paying = asyncio.Lock()

    @property
    def _purse(self) -> Purse:
        return self._cash.purse

    async def payee_key(self, listing: TransactionId) -> OneTimeKey:
        async with self._party.store.transaction() as tx:
            return self._key(tx, _PAYEE + listing)

    def _key(self, tx: Transaction, purpose: bytes) -> OneTimeKey:
        path = self._paths.get(tx, purpose)
        if path is None:
            path = Path(self._purse.next_index(tx), 0)
            self._paths.put(tx, purpose, path)
        key = self._purse.wallet.one_time_key(path).public_key
        self._of_key.put(tx, key, path)
        return key

    # C1, C2

    async def sign(self, trade: TransactionId, deal: Deal, payee_key: OneTimeKey) -> Spending:
        """Pledge coins to a deal: on disk when this returns, once for each trade.

        Raises NotEnoughCoins.
        """
        async with self._paying:
            signed = self._signed(trade)
            if signed is not None:
                return signed
            async with self._party.store.transaction() as tx:
                refund_key = self._key(tx, _REFUND + trade)
            condition = condition_of(deal, payee_key, refund_key)
            wanted = Wanted(
                kind="pend",
                amount=deal.price,
                payee=None,
                reference=condition_digest(condition),
                valid_until=self._party.now() + ORDER_MILLISECONDS,
                condition=condition,
            )
            return await self._purse.order(wanted, transaction=trade)

    def _signed(self, trade: TransactionId) -> Spending | None:
        """The order that was signed for a trade, unless its coins were taken back."""
        for made in self._purse.of_transaction(trade):
            if made.kind == "pend" and made.state is not SpendingPhase.CANCELLED:
                return made
        return None

    async def pay_in(self, trade: TransactionId) -> PaidIn:
        """What was signed goes to its coin server: the receipt, once it has answered.

        Raises NotPaidIn where nothing was signed, or the coin server did not take the coins.
        """
        order = self._signed(trade)
        if order is not None and order.state is SpendingPhase.SIGNED:
            order = await self._purse.pend(order)
        if order is None or order.pending is None:
            raise NotPaidIn("nothing was signed" if order is None else order.state.value)
        return order.pending

    # C3, C4

    async def collect(self, trade: TransactionId, paid: PaidIn, word: Word) -> int:
        """Until the coin server has answered. Raises its refusal."""
        waiting = opened(PendingCoin, paid)
        answer = await ask_until_answered(
            self._party,
            waiting.coin_server,
            Resolve(waiting.request, word),
            self._party.fresh_transaction(),
            Resolved,
        )
        path = self._of_key.get(self._party.store.committed, answer.message.key)
        if path is None:
            return 0
        return waiting.amount if await self._fetch(waiting, path) else 0

    async def _fetch(self, waiting: PendingCoin, path: Path) -> bool:
        """The coin under our key; spent already, it was fetched before."""
        delay = FIRST_DELAY_SECONDS
        while not any(held.path == path for held in self._purse.coins.all()):
            try:
                return await self._purse.collect(waiting.coin_server, path) is not None
            except Exception as error:
                if not is_for_now(error):
                    raise
            await asyncio.sleep(delay)
            delay = min(2 * delay, LONGEST_DELAY_SECONDS)
        return True
