"""The bank's books: accounts, and what is outstanding at each coin server."""

from typing import Any

from nodes.protocols.electronic_cash.messages import AccountQuery, AccountStatement
from nodes.protocols.electronic_cash.state import Account, Outstanding
from nodes.protocols.envelope import Opened
from nodes.protocols.message import PartyId
from nodes.runtime.party import Answer, Party
from nodes.runtime.service import Service
from nodes.runtime.store import Reader, Transaction


class Ledger:
    """Loaded and saved inside the transaction of whatever moves money."""

    def __init__(self, service: Service) -> None:
        self._party = service.party
        self._accounts = service.party.store.table("cash_accounts", Account)
        self._outstanding = service.party.store.table("outstanding", Outstanding)
        service.handles(AccountQuery, self._tell)
        service.accounts_for(self._rows)

    async def _tell(self, received: Opened[AccountQuery], party: Party) -> Answer:
        """Steps A1, A2."""
        async with party.store.transaction() as tx:
            account = self.account(tx, received.sender)
        return party.reply(received, AccountStatement(account.balance, account.opened_with))

    def account(self, tx: Transaction, owner: PartyId) -> Account:
        """Opened the first time it is looked for: the only issue of this money."""
        known = self._accounts.get(tx, owner)
        if known is None:
            opening = self._party.settings.opening_balance
            known = Account(owner, opening, opening)
            self._accounts.put(tx, owner, known)
        return known

    def save_account(self, tx: Transaction, account: Account) -> None:
        self._accounts.put(tx, account.owner, account)

    def outstanding(self, reader: Reader, coin_server: PartyId) -> Outstanding:
        return self._outstanding.get(reader, coin_server) or Outstanding()

    def save_outstanding(
        self, tx: Transaction, coin_server: PartyId, outstanding: Outstanding
    ) -> None:
        self._outstanding.put(tx, coin_server, outstanding)

    def all_outstanding(self, reader: Reader) -> dict[PartyId, Outstanding]:
        return dict(self._outstanding.items(reader))

    def _rows(self) -> dict[str, Any]:
        reader = self._party.store.committed
        return {
            "cash_accounts": [
                {"owner": a.owner.hex(), "balance": a.balance, "opened_with": a.opened_with}
                for a in self._accounts.values(reader)
            ],
            "cash_outstanding": [
                {
                    "coin_server": id_.hex(),
                    "amount": o.amount,
                    "redeeming": o.redeeming,
                    "lost": o.lost,
                }
                for id_, o in self._outstanding.items(reader)
            ],
        }
