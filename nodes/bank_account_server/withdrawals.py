"""Steps W1-W6, bank: debit, order, sign, deliver; the outbox carries each step over a crash."""

from typing import Any

from nodes.bank_account_server.ledger import Ledger
from nodes.bank_account_server.minting import Keys
from nodes.protocols.electronic_cash import withdrawal as rule
from nodes.protocols.electronic_cash.blinding import withdrawal_id
from nodes.protocols.electronic_cash.messages import (
    Acknowledge,
    Issue,
    Issued,
    Withdraw,
    WithdrawalQuery,
    WithdrawalState,
)
from nodes.protocols.electronic_cash.refusals import UnknownWithdrawal, WrongCoinServer
from nodes.protocols.electronic_cash.state import (
    WITHDRAWAL_MOVES,
    Withdrawal,
    WithdrawalPhase,
)
from nodes.protocols.envelope import Opened
from nodes.protocols.errors import Refused
from nodes.protocols.message import TRANSACTION_BYTES, Message, Role
from nodes.runtime.log import get_log
from nodes.runtime.outbox import Entry
from nodes.runtime.party import Answer, Party
from nodes.runtime.service import Service
from nodes.runtime.store import Transaction


class Withdrawals:
    def __init__(self, service: Service, keys: Keys, ledger: Ledger) -> None:
        self._party, self._keys, self._ledger = service.party, keys, ledger
        self._table = service.party.store.table("cash_withdrawals", Withdrawal)
        service.handles(Withdraw, self._withdraw)
        service.handles(WithdrawalQuery, self._tell)
        service.on_answer(Issue, self._issued)
        service.on_refusal(Issue, self._not_issued)
        service.shows(self)
        service.accounts_for(self._rows)

    async def _withdraw(self, received: Opened[Withdraw], party: Party) -> Answer:
        """Step W1: from here on the amount is the bank's to deliver or to give back."""
        request, bank = received.message, self._keys.bank
        role = await party.directory.role_of(request.coin_server)
        if role is not Role.COIN_SERVER:
            raise WrongCoinServer(f"{role} makes no coins")
        async with party.store.transaction() as tx:
            made = rule.accept(
                request,
                self._ledger.account(tx, received.sender),
                self._ledger.outstanding(tx, request.coin_server),
                nonce_used=self._is_used(tx, received),
                bank=bank,
                transaction=received.transaction,
            )
            wid = made.withdrawal.withdrawal
            self._table.put(tx, wid, made.withdrawal)
            self._ledger.save_account(tx, made.account)
            self._ledger.save_outstanding(tx, request.coin_server, made.outstanding)
            party.post(tx, request.coin_server, made.issue, wid[:TRANSACTION_BYTES])
            return party.answer(tx, received, made.answer)

    def _is_used(self, tx: Transaction, received: Opened[Withdraw]) -> bool:
        nonce = received.message.nonce
        if nonce is None:
            return False
        wid = withdrawal_id(self._party.id, received.sender, nonce)
        return self._table.get(tx, wid) is not None

    async def _issued(self, answer: Opened[Issued], message: Message, party: Party) -> None:
        """Steps W3, W4. A repeat finds the withdrawal signed already."""
        assert isinstance(message, Issue), "registered for this type"
        order, bank = rule.order_of(message), await self._keys.until_there()
        async with party.store.transaction() as tx:
            withdrawal = self._table.get(tx, order.withdrawal)
            assert withdrawal is not None, "saved before it was ordered"
            if withdrawal.state is not WithdrawalPhase.HELD:
                return
            server = withdrawal.coin_server
            try:
                done, outstanding, delivery = rule.sign(
                    withdrawal,
                    answer.message,
                    answer.sender,
                    self._ledger.outstanding(tx, server),
                    self._keys.private,
                    bank,
                )
            except Refused as error:
                get_log().error("coin_server_erred", server=server.hex(), code=error.code)
                self._give_back(tx, withdrawal, error)
                return
            self._table.put(tx, done.withdrawal, done)
            self._ledger.save_outstanding(tx, server, outstanding)
            party.post(tx, done.account, delivery, done.transaction)
            party.post(
                tx, server, Acknowledge(done.withdrawal), done.withdrawal[:TRANSACTION_BYTES]
            )

    async def _not_issued(
        self, error: Refused, entry: Entry, message: Message, party: Party
    ) -> None:
        assert isinstance(message, Issue), "registered for this type"
        async with party.store.transaction() as tx:
            withdrawal = self._table.get(tx, rule.order_of(message).withdrawal)
            assert withdrawal is not None, "saved before it was ordered"
            if withdrawal.state is WithdrawalPhase.HELD:
                self._give_back(tx, withdrawal, error)

    def _give_back(self, tx: Transaction, withdrawal: Withdrawal, error: Refused) -> None:
        account = self._ledger.account(tx, withdrawal.account)
        done, credited = rule.void(withdrawal, account, error)
        self._table.put(tx, done.withdrawal, done)
        self._ledger.save_account(tx, credited)

    async def _tell(self, received: Opened[WithdrawalQuery], party: Party) -> Answer:
        """Steps W5, W6."""
        wid = withdrawal_id(party.id, received.sender, received.message.nonce)
        withdrawal = self._table.get(party.store.committed, wid)
        if withdrawal is None:
            raise UnknownWithdrawal()
        answer: WithdrawalState = rule.state_of(withdrawal)
        return party.reply(received, answer)

    # inspection

    def summaries(self) -> list[dict[str, Any]]:
        return [self._row(w) for w in self._table.values(self._party.store.committed)]

    def details(self, transaction: bytes) -> list[dict[str, Any]]:
        return [row for row in self.summaries() if row["id"] == transaction.hex()]

    def _row(self, withdrawal: Withdrawal) -> dict[str, Any]:
        return {
            "id": withdrawal.transaction.hex(),
            "protocol": "electronic_cash",
            "side": "bank",
            "what": "withdrawal",
            "state": withdrawal.state.value,
            "final": not WITHDRAWAL_MOVES[withdrawal.state],
            "account": withdrawal.account.hex(),
            "coin_server": withdrawal.coin_server.hex(),
            "amount": withdrawal.amount,
        }

    def _rows(self) -> dict[str, Any]:
        """Every withdrawal, and apart the money that has left an account and is not signed for."""
        withdrawals = self._table.values(self._party.store.committed)
        held = (w for w in withdrawals if w.state is WithdrawalPhase.HELD)
        return {
            "cash_withdrawals": [
                {
                    "withdrawal": w.withdrawal.hex(),
                    "owner": w.account.hex(),
                    "coin_server": w.coin_server.hex(),
                    "amount": w.amount,
                    "state": w.state.value,
                }
                for w in withdrawals
            ],
            "cash_held": [
                {
                    "withdrawal": w.withdrawal.hex(),
                    "owner": w.account.hex(),
                    "coin_server": w.coin_server.hex(),
                    "amount": w.amount,
                }
                for w in held
            ],
        }
