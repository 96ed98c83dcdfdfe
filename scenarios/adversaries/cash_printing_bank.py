"""A bank that signs coins for a friend and takes nothing from the account (BS-A11)."""

from typing import Any

import msgspec

from nodes.bank_account_server.ledger import Ledger
from nodes.bank_account_server.minting import Keys
from nodes.bank_account_server.withdrawals import Withdrawals
from nodes.protocols.electronic_cash import withdrawal as rule
from nodes.protocols.electronic_cash.messages import Issue, Issued, Withdraw
from nodes.protocols.envelope import Opened
from nodes.protocols.message import Message, PartyId
from nodes.runtime.control import Request
from nodes.runtime.party import Answer, Party
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings
from scenarios.adversaries.cash_bank import build_bank


class AskedFriend(Request, frozen=True):
    name: str
    booked: bool = True
    """Whether its coins stand in the bank's books as outstanding."""


class Printing(Withdrawals):
    def __init__(self, service: Service, keys: Keys, ledger: Ledger) -> None:
        super().__init__(service, keys, ledger)
        self._friend: PartyId = b""
        self._booked = True
        service.operation("cash_print_for", AskedFriend, self._befriend, "Sign without debit")

    async def _befriend(self, asked: AskedFriend, party: Party) -> dict[str, Any]:
        self._friend = (await party.directory.named(asked.name)).id
        self._booked = asked.booked
        return {}

    async def _withdraw(self, received: Opened[Withdraw], party: Party) -> Answer:
        answer = await super()._withdraw(received, party)
        if received.sender == self._friend:
            async with party.store.transaction() as tx:
                account = self._ledger.account(tx, received.sender)
                balance = account.balance + received.message.amount
                self._ledger.save_account(tx, msgspec.structs.replace(account, balance=balance))
        return answer

    async def _issued(self, answer: Opened[Issued], message: Message, party: Party) -> None:
        await super()._issued(answer, message, party)
        assert isinstance(message, Issue), "registered for this type"
        order = rule.order_of(message)
        async with party.store.transaction() as tx:
            withdrawal = self._table.get(tx, order.withdrawal)
            if withdrawal is not None and withdrawal.account == self._friend and not self._booked:
                known = self._ledger.outstanding(tx, order.coin_server)
                less = msgspec.structs.replace(known, amount=known.amount - order.amount)
                self._ledger.save_outstanding(tx, order.coin_server, less)


def build(settings: Settings) -> Service:
    return build_bank(settings, withdrawals=Printing)
