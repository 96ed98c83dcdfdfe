"""Steps D1-D4, bank: have the coins retired, then credit, once by the deposit's id."""

from typing import Any

from nodes.bank_account_server.ledger import Ledger
from nodes.bank_account_server.minting import Keys
from nodes.protocols.electronic_cash import deposit as rule
from nodes.protocols.electronic_cash.messages import Acknowledge, Deposit, Redeem, Redeemed
from nodes.protocols.electronic_cash.refusals import NotYours, WrongCoinServer
from nodes.protocols.electronic_cash.state import DEPOSIT_MOVES, BankDeposit, DepositPhase
from nodes.protocols.envelope import Opened
from nodes.protocols.errors import Refused
from nodes.protocols.message import TRANSACTION_BYTES, Message, Received, Role
from nodes.runtime.log import get_log
from nodes.runtime.outbox import Entry
from nodes.runtime.party import Answer, Party
from nodes.runtime.service import Service
from nodes.runtime.store import Transaction


class Deposits:
    def __init__(self, service: Service, keys: Keys, ledger: Ledger) -> None:
        self._party, self._keys, self._ledger = service.party, keys, ledger
        self._table = service.party.store.table("cash_deposits", BankDeposit)
        service.handles(Deposit, self._deposit)
        service.on_answer(Redeem, self._redeemed)
        service.on_refusal(Redeem, self._not_redeemed)
        service.shows(self)
        service.accounts_for(self._rows)

    async def _deposit(self, received: Opened[Deposit], party: Party) -> Answer:
        """Steps D1, D2."""
        request = received.message
        role = await party.directory.role_of(request.coin_server)
        if role is not Role.COIN_SERVER:
            raise WrongCoinServer(f"{role} has no coins")
        async with party.store.transaction() as tx:
            known = self._table.get(tx, request.deposit)
            if known is not None:
                if known.account != received.sender:
                    raise NotYours()
                return party.answer(tx, received, Received())
            record, outstanding, message = rule.accept_deposit(
                request,
                received.sender,
                self._ledger.outstanding(tx, request.coin_server),
                bank=party.id,
                guards=party.guards,
                transaction=received.transaction,
            )
            self._table.put(tx, record.deposit, record)
            self._ledger.save_outstanding(tx, request.coin_server, outstanding)
            party.post(tx, request.coin_server, message, request.deposit[:TRANSACTION_BYTES])
            return party.answer(tx, received, Received())

    async def _redeemed(self, answer: Opened[Redeemed], message: Message, party: Party) -> None:
        """Steps D3, D4."""
        assert isinstance(message, Redeem), "registered for this type"
        bank = await self._keys.until_there()
        async with party.store.transaction() as tx:
            record = self._load(tx, message.deposit)
            if record.state is not DepositPhase.PRESENTED:
                return
            server = record.coin_server
            try:
                done, account, outstanding, told = rule.credit(
                    record,
                    answer.message,
                    answer.sender,
                    self._ledger.account(tx, record.account),
                    self._ledger.outstanding(tx, server),
                    bank,
                )
            except Refused as error:
                get_log().error("coin_server_erred", server=server.hex(), code=error.code)
                self._refuse(tx, record, error)
                return
            self._table.put(tx, done.deposit, done)
            self._ledger.save_account(tx, account)
            self._ledger.save_outstanding(tx, server, outstanding)
            party.post(tx, done.account, told, done.transaction)
            acknowledgement = Acknowledge(answer.message.entry)
            party.post(tx, server, acknowledgement, done.deposit[:TRANSACTION_BYTES])

    async def _not_redeemed(
        self, error: Refused, entry: Entry, message: Message, party: Party
    ) -> None:
        assert isinstance(message, Redeem), "registered for this type"
        async with party.store.transaction() as tx:
            record = self._load(tx, message.deposit)
            if record.state is DepositPhase.PRESENTED:
                self._refuse(tx, record, error)

    def _refuse(self, tx: Transaction, record: BankDeposit, error: Refused) -> None:
        outstanding = self._ledger.outstanding(tx, record.coin_server)
        done, freed, told = rule.refuse(record, outstanding, error)
        self._table.put(tx, done.deposit, done)
        self._ledger.save_outstanding(tx, record.coin_server, freed)
        self._party.post(tx, done.account, told, done.transaction)

    def _load(self, tx: Transaction, deposit: bytes) -> BankDeposit:
        record = self._table.get(tx, deposit)
        assert record is not None, "saved before its coins were presented"
        return record

    # inspection

    def summaries(self) -> list[dict[str, Any]]:
        return [self._row(d) for d in self._table.values(self._party.store.committed)]

    def details(self, transaction: bytes) -> list[dict[str, Any]]:
        return [row for row in self.summaries() if row["id"] == transaction.hex()]

    def _row(self, record: BankDeposit) -> dict[str, Any]:
        return {
            "id": record.transaction.hex(),
            "protocol": "electronic_cash",
            "side": "bank",
            "what": "deposit",
            "state": record.state.value,
            "final": not DEPOSIT_MOVES[record.state],
            "account": record.account.hex(),
            "coin_server": record.coin_server.hex(),
            "amount": record.amount,
        }

    def _rows(self) -> dict[str, Any]:
        return {
            "cash_deposits": [
                {
                    "deposit": d.deposit.hex(),
                    "owner": d.account.hex(),
                    "coin_server": d.coin_server.hex(),
                    "amount": d.amount,
                    "state": d.state.value,
                }
                for d in self._table.values(self._party.store.committed)
            ]
        }
