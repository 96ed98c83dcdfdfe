"""The broker's accounts: opened once for each peer, the only issue of money in a world."""

from collections.abc import Callable
from typing import Any

from nodes.protocols.accounts import account as rule
from nodes.protocols.accounts.account import Account
from nodes.protocols.accounts.messages import AccountOpened, AskBalance, Balance, OpenAccount
from nodes.protocols.envelope import Opened
from nodes.protocols.message import PartyId
from nodes.runtime.party import Answer, Party
from nodes.runtime.service import Service
from nodes.runtime.store import Transaction


class Accounts:
    def __init__(self, service: Service) -> None:
        self._party = service.party
        self._table = service.party.store.table("accounts", Account)
        service.handles(OpenAccount, self._open)
        service.handles(AskBalance, self._tell)
        service.accounts_for(self._ledger)

    async def _open(self, received: Opened[OpenAccount], party: Party) -> Answer:
        """A1."""
        owner = received.sender
        async with party.store.transaction() as tx:
            known = self._table.get(tx, owner)
            account = rule.open_account(known, owner, party.settings.opening_balance)
            self._table.put(tx, owner, account)
            return party.answer(tx, received, AccountOpened(account.balance))

    async def _tell(self, received: Opened[AskBalance], party: Party) -> Answer:
        """A3."""
        account = rule.require_account(self._table.get(party.store.committed, received.sender))
        return party.reply(received, Balance(account.balance, account.frozen))

    # inside the transaction of what moves the money

    def debit(self, tx: Transaction, owner: PartyId, amount: int) -> None:
        self._change(tx, owner, lambda account: rule.debit(account, amount))

    def credit(self, tx: Transaction, owner: PartyId, amount: int) -> None:
        """Whoever holds a good coin is paid, also one who never asked for an account."""
        known = self._table.get(tx, owner) or rule.unopened(owner)
        self._table.put(tx, owner, rule.credit(known, amount))

    def freeze(self, tx: Transaction, owner: PartyId) -> None:
        known = self._table.get(tx, owner) or rule.unopened(owner)
        self._table.put(tx, owner, rule.freeze(known))

    def _change(
        self, tx: Transaction, owner: PartyId, change: Callable[[Account], Account]
    ) -> None:
        account = rule.require_account(self._table.get(tx, owner))
        self._table.put(tx, owner, change(account))

    def _ledger(self) -> dict[str, Any]:
        return {
            "opening_balance": self._party.settings.opening_balance,
            "accounts": [
                {
                    "owner": a.owner.hex(),
                    "balance": a.balance,
                    "frozen": a.frozen,
                    "opened_with": a.opened_with or 0,
                }
                for a in self._table.values(self._party.store.committed)
            ],
        }
