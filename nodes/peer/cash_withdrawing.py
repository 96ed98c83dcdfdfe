"""Steps W1-W6, user: the coins come when the bank has signed, whoever was away meanwhile."""

import asyncio
from typing import Any

from crypto.hashing import Digest
from nodes.cash_wallet.keys import PublishedKeys
from nodes.cash_wallet.purse import Purse
from nodes.protocols.electronic_cash import withdrawal as rule
from nodes.protocols.electronic_cash.coin import MAX_COINS, CoinAmount, KeyList, split
from nodes.protocols.electronic_cash.holding import (
    WITHDRAWING_MOVES,
    HeldCoin,
    Withdrawing,
    WithdrawingPhase,
)
from nodes.protocols.electronic_cash.messages import (
    AccountQuery,
    AccountStatement,
    Deliver,
    WithdrawalAccepted,
    WithdrawalQuery,
    WithdrawalState,
)
from nodes.protocols.electronic_cash.reading import require_sender
from nodes.protocols.electronic_cash.refusals import (
    TooManyCoins,
    UnknownWithdrawal,
    WrongDenominations,
)
from nodes.protocols.electronic_cash.state import WithdrawalPhase
from nodes.protocols.electronic_cash.wallet import balance
from nodes.protocols.electronic_cash.wronged import shown_secrets
from nodes.protocols.envelope import Opened
from nodes.protocols.errors import Refused
from nodes.protocols.membership.messages import Card
from nodes.protocols.message import Received, Role
from nodes.runtime.control import Request
from nodes.runtime.evidence import shown
from nodes.runtime.log import get_log
from nodes.runtime.party import Answer, Party
from nodes.runtime.refusals import UnknownParty
from nodes.runtime.service import Service
from nodes.wallet.asking import ask_until_answered

ASK_AGAIN_SECONDS = 3.0
"""How long W4 may take before the bank is asked what became of the withdrawal."""


class AskedWithdrawal(Request, frozen=True):
    amount: CoinAmount
    coin_server: str = ""
    """Its name; the first by name where empty."""


class AskedBalance(Request, frozen=True):
    pass


async def coin_server_named(party: Party, name: str) -> Card:
    if not name:
        return await party.directory.one(Role.COIN_SERVER)
    card = await party.directory.named(name)
    if card.role is not Role.COIN_SERVER:
        raise UnknownParty(f"{name} is no coin server")
    return card


class Withdrawer:
    def __init__(self, service: Service, purse: Purse, keys: PublishedKeys) -> None:
        self._service, self._party = service, service.party
        self._purse, self._keys = purse, keys
        self.table = service.party.store.table("cash_withdrawing", Withdrawing)
        self._by_transaction = service.party.store.table("cash_withdrawing_of", Digest)
        service.handles(Deliver, self._deliver)
        service.operation(
            "cash_withdraw", AskedWithdrawal, self._withdraw, "Take e-cash from the account"
        )
        service.operation("cash_balance", AskedBalance, self._balance, "How much e-cash is there?")
        service.at_start(self._resume)
        service.shows(self)

    async def _withdraw(self, asked: AskedWithdrawal, party: Party) -> dict[str, Any]:
        keys = await self._keys.load()
        denominations = split(asked.amount, keys.keys)
        if not denominations:
            raise WrongDenominations(f"no coins add up to {asked.amount}")
        if len(denominations) > MAX_COINS:
            raise TooManyCoins()
        server = await coin_server_named(party, asked.coin_server)
        parties = rule.Parties(party.id, keys.bank, server.id, server.sealing_key)
        transaction = party.fresh_transaction()
        async with party.store.transaction() as tx:
            index = self._purse.next_index(tx)
            record, _ = rule.ask(self._purse.wallet, index, parties, denominations, transaction)
            self.table.put(tx, record.withdrawal, record)
            self._by_transaction.put(tx, transaction, record.withdrawal)
        self._service.spawn(self._run(record.withdrawal))
        return {"transaction": transaction.hex()}

    async def _resume(self) -> None:
        for record in self.table.values(self._party.store.committed):
            if self._is_running(record):
                self._service.spawn(self._run(record.withdrawal))

    def _is_running(self, record: Withdrawing) -> bool:
        return record.state in (WithdrawingPhase.ASKED, WithdrawingPhase.ACCEPTED)

    def _load(self, withdrawal: bytes) -> Withdrawing:
        record = self.table.get(self._party.store.committed, withdrawal)
        assert record is not None, "saved before it is asked for"
        return record

    async def _run(self, withdrawal: bytes) -> None:
        """W1 until it is answered; then W4 comes, or W5 tells why not."""
        keys = await self._keys.until_there()
        record, party = self._load(withdrawal), self._party
        if record.state is WithdrawingPhase.ASKED:
            message = rule.request_of(record, self._purse.wallet)
            try:
                answer = await ask_until_answered(
                    party, record.bank, message, record.transaction, WithdrawalAccepted
                )
                await self._accepted(withdrawal, answer.message)
            except Refused as error:
                await self._end(withdrawal, WithdrawingPhase.VOID, error)
                return
        while self._is_running(self._load(withdrawal)):
            if not await self._has_ended(withdrawal, ASK_AGAIN_SECONDS):
                await self._ask_state(self._load(withdrawal), keys)

    async def _has_ended(self, withdrawal: bytes, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                while self._is_running(self._load(withdrawal)):
                    await self._committed()
        except TimeoutError:
            return False
        return True

    async def _committed(self) -> None:
        """Until something has changed on disk."""
        store = self._party.store
        seen = store.commits
        while store.commits == seen:
            await self._party.observer.changed()

    async def _accepted(self, withdrawal: bytes, answer: WithdrawalAccepted) -> None:
        async with self._party.store.transaction() as tx:
            record = self.table.get(tx, withdrawal)
            assert record is not None, "saved before it is asked for"
            self.table.put(tx, withdrawal, rule.accepted(record, answer, self._purse.wallet))

    async def _end(self, withdrawal: bytes, state: WithdrawingPhase, error: Refused) -> None:
        get_log().info("withdrawal_ended", state=state.value, code=error.code)
        async with self._party.store.transaction() as tx:
            record = self.table.get(tx, withdrawal)
            assert record is not None, "saved before it is asked for"
            if self._is_running(record):
                self.table.put(tx, withdrawal, record.moved(state, wrong=error.code))

    async def ask_bank(self, nonce: bytes, keys: KeyList) -> WithdrawalState | None:
        """Steps W5, W6; None for a nonce the bank has never seen."""
        party, message = self._party, WithdrawalQuery(nonce)
        try:
            answer = await ask_until_answered(
                party, keys.bank, message, party.fresh_transaction(), WithdrawalState
            )
        except UnknownWithdrawal:
            return None
        return answer.message

    async def _ask_state(self, record: Withdrawing, keys: KeyList) -> None:
        told = await self.ask_bank(record.nonce, keys)
        if told is None:
            return
        if told.state == WithdrawalPhase.VOID:
            error = UnknownWithdrawal("the coin server refused, and the money is back")
            await self._end(record.withdrawal, WithdrawingPhase.VOID, error)
        elif told.delivery is not None:
            try:
                await self.receive(record.withdrawal, told.delivery, keys)
            except Refused as error:
                get_log().error("wronged", code=error.code)

    # W4

    async def _deliver(self, received: Opened[Deliver], party: Party) -> Answer:
        delivery, keys = received.message, await self._keys.load()
        require_sender(received.sender, keys.bank)
        async with party.store.transaction() as tx:
            self._purse.evidence.keep_message(tx, received)
        await self.receive(delivery.withdrawal, delivery, keys)
        async with party.store.transaction() as tx:
            return party.answer(tx, received, Received())

    async def receive(self, withdrawal: bytes, delivery: Deliver, keys: KeyList) -> None:
        """Unblind and keep. Raises what convicts bank or coin server, with the papers kept."""
        party = self._party
        async with party.store.transaction() as tx:
            record = self.table.get(tx, withdrawal)
            if record is None:
                raise UnknownWithdrawal()
            if record.state is WithdrawingPhase.COMPLETED:
                return
            wrong: Refused | None = None
            coins: tuple[HeldCoin, ...] = ()
            try:
                done, coins = rule.receive(record, delivery, self._purse.wallet, keys, party.guards)
            except Refused as error:
                wrong = error
                if record.state is WithdrawingPhase.WRONGED:
                    raise
                done = record.moved(WithdrawingPhase.WRONGED, evidence=delivery, wrong=error.code)
            self.table.put(tx, withdrawal, done)
            self._purse.coins.add(tx, coins)
        if wrong is not None:
            raise wrong
        made = [held.coin for held in coins]
        party.observer.read("electronic_cash", "W4", record.transaction, "coins", made)

    # the owner

    async def _balance(self, asked: AskedBalance, party: Party) -> dict[str, Any]:
        keys = await self._keys.load()
        answer = await party.send(
            keys.bank, AccountQuery(), party.fresh_transaction(), AccountStatement
        )
        return {"account": answer.message.balance, "coins": balance(self._purse.coins)}

    def summaries(self) -> list[dict[str, Any]]:
        return [self._row(r) for r in self.table.values(self._party.store.committed)]

    def details(self, transaction: bytes) -> list[dict[str, Any]]:
        reader = self._party.store.committed
        name = self._by_transaction.get(reader, transaction)
        if name is None:
            return []
        record = self._load(name)
        kept = self._purse.evidence.of(reader, transaction)
        return [{**self._row(record), "evidence": kept + self._shown(record)}]

    def _shown(self, record: Withdrawing) -> list[dict[str, str]]:
        """Who was wronged shows its secrets of this withdrawal too, and the keys it goes by."""
        papers = shown(receipt=record.receipt)
        if record.state is not WithdrawingPhase.WRONGED or record.evidence is None:
            return papers
        try:
            secrets = shown_secrets(record, record.evidence, self._purse.wallet)
        except Refused:
            return papers
        return papers + shown(secrets=secrets, keys=self._keys.signed)

    def _row(self, record: Withdrawing) -> dict[str, Any]:
        return {
            "id": record.transaction.hex(),
            "protocol": "electronic_cash",
            "side": "user",
            "what": "withdrawal",
            "state": record.state.value,
            "final": not WITHDRAWING_MOVES[record.state],
            "amount": record.amount,
            "coin_server": record.coin_server.hex(),
            "refusal": record.wrong or "",
        }
