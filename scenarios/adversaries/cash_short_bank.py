"""A bank that credits less than was deposited, and gives the rest when that is noticed (BS-A10)."""

import msgspec

from crypto.documents import sign_document
from nodes.bank_account_server.deposits import Deposits
from nodes.bank_account_server.ledger import Ledger
from nodes.bank_account_server.minting import Keys
from nodes.protocols.electronic_cash import deposit as rule
from nodes.protocols.electronic_cash.documents import DepositReceipt
from nodes.protocols.electronic_cash.messages import Acknowledge, Deposited, Redeem, Redeemed
from nodes.protocols.envelope import Opened
from nodes.protocols.errors import Refused
from nodes.protocols.message import TRANSACTION_BYTES, Message
from nodes.runtime.outbox import Entry
from nodes.runtime.party import Party
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings
from scenarios.adversaries.cash_bank import build_bank

KEPT = 1


class ShortDeposits(Deposits):
    def __init__(self, service: Service, keys: Keys, ledger: Ledger) -> None:
        super().__init__(service, keys, ledger)
        service.on_refusal(Deposited, self._noticed)

    async def _redeemed(self, answer: Opened[Redeemed], message: Message, party: Party) -> None:
        """Steps D3, D4: one less, and the receipt says so."""
        assert isinstance(message, Redeem), "registered for this type"
        async with party.store.transaction() as tx:
            record = self._load(tx, message.deposit)
            account = self._ledger.account(tx, record.account)
            outstanding = self._ledger.outstanding(tx, record.coin_server)
            done, credited, redeemed, told = rule.credit(
                record, answer.message, answer.sender, account, outstanding, self._keys.bank
            )
            less = msgspec.structs.replace(credited, balance=credited.balance - KEPT)
            self._table.put(tx, done.deposit, done)
            self._ledger.save_account(tx, less)
            self._ledger.save_outstanding(tx, done.coin_server, redeemed)
            receipt = DepositReceipt(party.id, done.account, done.deposit, done.amount - KEPT)
            short = msgspec.structs.replace(told, receipt=sign_document(receipt, party.key))
            party.post(tx, done.account, short, done.transaction)
            acknowledgement = Acknowledge(answer.message.entry)
            party.post(tx, done.coin_server, acknowledgement, done.deposit[:TRANSACTION_BYTES])

    async def _noticed(self, error: Refused, entry: Entry, message: Message, party: Party) -> None:
        """The receipt was not taken: it was a mistake, it says."""
        assert isinstance(message, Deposited), "registered for this type"
        async with party.store.transaction() as tx:
            record = self._load(tx, message.deposit)
            account = self._ledger.account(tx, record.account)
            full = msgspec.structs.replace(account, balance=account.balance + KEPT)
            self._ledger.save_account(tx, full)
            receipt = DepositReceipt(party.id, record.account, record.deposit, record.amount)
            right = msgspec.structs.replace(message, receipt=sign_document(receipt, party.key))
            party.post(tx, entry.to, right, entry.transaction)


def build(settings: Settings) -> Service:
    return build_bank(settings, deposits=ShortDeposits)
