"""Steps D1, D2, holder: coins back to the broker, each as the last step of its chain."""

import asyncio
from typing import Any

from nodes.protocols.dht_micropayment.coin import CoinCount
from nodes.protocols.dht_micropayment.messages import Credit, Redeem, Redeemed
from nodes.protocols.dht_micropayment.redemption import HandedIn, HandedInState, take_redeemed
from nodes.protocols.errors import Refused
from nodes.protocols.message import Role, TransactionId
from nodes.runtime.control import Request
from nodes.runtime.log import get_log
from nodes.runtime.party import Party
from nodes.wallet.asking import FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS, ask_until_answered
from nodes.wallet.wallet import Wallet


class AskedRedemption(Request, frozen=True):
    count: CoinCount


class Redeemer:
    def __init__(self, wallet: Wallet) -> None:
        self._wallet = wallet
        self._party = wallet.party
        self.table = wallet.party.store.table("handed_in", HandedIn)
        service = wallet.service
        service.operation("redeem", AskedRedemption, self._redeem, "Pay coins in at the broker")
        service.at_start(self._resume)

    async def _redeem(self, asked: AskedRedemption, party: Party) -> dict[str, Any]:
        wallet, transaction = self._wallet, party.fresh_transaction()
        broker = (await party.directory.one(Role.BROKER)).id
        coins = await wallet.reserve(asked.count, wallet.can_redeem(), transaction)
        keys = tuple(coin.key for coin in coins)
        try:
            async with party.store.transaction() as tx:
                wallet.commit(tx, keys, broker, transaction, transaction, redeem=True)
                record = HandedIn(HandedInState.HANDED_IN, transaction, broker, keys)
                self.table.put(tx, transaction, record)
        finally:
            wallet.purse.let_go(coins)
        wallet.service.spawn(self._run(transaction))
        return {"transaction": transaction.hex()}

    async def _resume(self) -> None:
        for record in self.table.values(self._party.store.committed):
            if record.state is HandedInState.HANDED_IN:
                self._wallet.service.spawn(self._run(record.transaction))

    async def _run(self, transaction: TransactionId) -> None:
        """D1 until no coin is pending at the broker: the same message each time."""
        record = self.table.get(self._party.store.committed, transaction)
        assert record is not None, "saved before it runs"
        message = Redeem(transaction, self._wallet.committed(record.coins))
        delay = FIRST_DELAY_SECONDS
        try:
            while True:
                answer = await ask_until_answered(
                    self._party, record.broker, message, transaction, Redeemed
                )
                credits = self._read(answer.message, len(record.coins))
                if Credit.PENDING not in credits:
                    break
                await asyncio.sleep(delay)
                delay = min(2 * delay, LONGEST_DELAY_SECONDS)
        except Refused as error:
            await self._end(record.moved(HandedInState.REFUSED, reason=error.code), ())
            return
        done = record.moved(HandedInState.CREDITED, credited=credits.count(Credit.CREDITED))
        await self._end(done, record.coins)

    @staticmethod
    def _read(answer: Redeemed, coins: int) -> tuple[Credit, ...]:
        """A D2 that does not fit is no answer: the coins may have been credited all the same."""
        try:
            return take_redeemed(answer, coins)
        except Refused as error:
            get_log().warning("wrong_answer", step="D2", code=error.code)
            return (Credit.PENDING,)

    async def _end(self, ended: HandedIn, gone: tuple[bytes, ...]) -> None:
        async with self._party.store.transaction() as tx:
            self.table.put(tx, ended.transaction, ended)
            self._wallet.hand_over(tx, gone)
