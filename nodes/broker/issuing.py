"""Steps W1, W2, broker: coins against an account. Debit, serials and answer are one transaction."""

from typing import Any

from nodes.broker.accounts import Accounts
from nodes.protocols.dht_micropayment import withdrawal as rule
from nodes.protocols.dht_micropayment.messages import Withdraw
from nodes.protocols.dht_micropayment.withdrawal import Issued, IssueTerms
from nodes.protocols.envelope import Opened
from nodes.runtime.party import Answer, Party
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings
from nodes.runtime.store import Reader

SERIAL_BYTES = 8


def issue_terms(settings: Settings) -> IssueTerms:
    return IssueTerms(
        validity=int(settings.coin_seconds * 1000),
        window=int(settings.reissue_window_seconds * 1000),
    )


class Issuer:
    """Every serial ever issued, and to whom."""

    def __init__(self, service: Service, accounts: Accounts) -> None:
        self._party = service.party
        self._accounts = accounts
        self._table = service.party.store.table("issued", Issued)
        self._withdrawals = service.party.store.table("withdrawn", rule.Withdrawal)
        service.handles(Withdraw, self._issue)
        service.accounts_for(self._ledger)

    async def _issue(self, received: Opened[Withdraw], party: Party) -> Answer:
        """W1 -> W2. A repeat of the message gets the stored answer; a second order is a new one."""
        asked, owner = received.message, received.sender
        async with party.store.transaction() as tx:
            key = owner + received.transaction
            rule.require_new(self._withdrawals.get(tx, key))
            self._accounts.debit(tx, owner, asked.count)
            last = int.from_bytes(self._table.last_key(tx) or b"", "big")
            terms = issue_terms(party.settings)
            answer, issued = rule.issue(asked, owner, last, party.now(), terms, party.key)
            for one in issued:
                self._table.put(tx, one.serial.to_bytes(SERIAL_BYTES, "big"), one)
            serials = tuple(one.serial for one in issued)
            self._withdrawals.put(tx, key, rule.Withdrawal(owner, asked.count, serials))
            return party.answer(tx, received, answer)

    def find(self, reader: Reader, serial: int) -> Issued | None:
        return self._table.get(reader, serial.to_bytes(SERIAL_BYTES, "big"))

    def _ledger(self) -> dict[str, Any]:
        return {
            "issued": [
                {"owner": one.owner.hex(), "serial": one.serial}
                for one in self._table.values(self._party.store.committed)
            ]
        }
