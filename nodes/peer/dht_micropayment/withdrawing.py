"""Steps W1-W3, owner: coins from the broker, each opened in the DHT before it can be spent."""

import asyncio
from typing import Any

from nodes.peer.accounts import AccountAtBroker
from nodes.protocols.dht_micropayment.coin import CoinCount, Evidence
from nodes.protocols.dht_micropayment.messages import Withdraw, Withdrawn
from nodes.protocols.dht_micropayment.withdrawal import Asked, AskedState, take_withdrawn
from nodes.protocols.errors import Refused
from nodes.protocols.message import PartyId, TransactionId
from nodes.runtime.control import Request
from nodes.runtime.log import get_log
from nodes.runtime.party import Party
from nodes.wallet.asking import FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS, ask_until_answered
from nodes.wallet.wallet import Wallet


class AskedWithdrawal(Request, frozen=True):
    count: CoinCount


class Withdrawer:
    def __init__(self, wallet: Wallet, account: AccountAtBroker) -> None:
        self._wallet = wallet
        self._party = wallet.party
        self._account = account
        self.table = wallet.party.store.table("withdrawals", Asked)
        service = wallet.service
        service.operation("withdraw", AskedWithdrawal, self._withdraw, "Take coins out")
        service.at_start(self._resume)

    async def _withdraw(self, asked: AskedWithdrawal, party: Party) -> dict[str, Any]:
        record = Asked(AskedState.ASKED, party.fresh_transaction(), asked.count)
        async with party.store.transaction() as tx:
            self.table.put(tx, record.transaction, record)
        self._wallet.service.spawn(self._run(record.transaction))
        return {"transaction": record.transaction.hex()}

    async def _resume(self) -> None:
        for record in self.table.values(self._party.store.committed):
            if record.state in (AskedState.ASKED, AskedState.ISSUED):
                self._wallet.service.spawn(self._run(record.transaction))

    def _load(self, transaction: TransactionId) -> Asked:
        record = self.table.get(self._party.store.committed, transaction)
        assert record is not None, "saved before it runs"
        return record

    async def _run(self, transaction: TransactionId) -> None:
        if self._load(transaction).state is AskedState.ASKED:
            try:
                await self._take(self._load(transaction))
            except Refused as error:
                await self._move(transaction, AskedState.REFUSED, reason=error.code)
                return
        keys = self._load(transaction).coins
        self._wallet.follower.follow(keys)
        await self._wallet.until_resolved(keys, None)
        if all(coin.certificate is not None for coin in self._wallet.coins(keys)):
            await self._move(transaction, AskedState.HELD)

    async def _take(self, record: Asked) -> None:
        """W1, W2: repeated after a crash, the broker gives the same coins."""
        party, asked = self._party, Withdraw(record.count)
        broker = await self._account.opened()
        evidence = await self._issued(broker, asked, record.transaction)
        async with party.store.transaction() as tx:
            keys = self._wallet.open(tx, evidence, record.transaction)
            issued = record.moved(AskedState.ISSUED, coins=keys)
            self.table.put(tx, record.transaction, issued)

    async def _issued(
        self, broker: PartyId, asked: Withdraw, transaction: TransactionId
    ) -> tuple[Evidence, ...]:
        """A W2 that does not fit is no answer: the account may have been debited all the same."""
        party, delay = self._party, FIRST_DELAY_SECONDS
        while True:
            answer = await ask_until_answered(party, broker, asked, transaction, Withdrawn)
            try:
                return take_withdrawn(
                    answer.message, asked, party.id, party.now(), self._wallet.trust.now()
                )
            except Refused as error:
                get_log().warning("wrong_answer", step="W2", code=error.code)
            await asyncio.sleep(delay)
            delay = min(2 * delay, LONGEST_DELAY_SECONDS)

    async def _move(self, transaction: TransactionId, to: AskedState, **changes: object) -> None:
        async with self._party.store.transaction() as tx:
            record = self.table.get(tx, transaction)
            assert record is not None, "a withdrawal is never forgotten"
            self.table.put(tx, transaction, record.moved(to, **changes))
