"""Step F1, broker: whoever is proven to have spent a coin twice loses the use of it and of its
account. Votes are never revoked, and honest payees behind the double step are paid.
"""

from typing import Any

from nodes.broker.accounts import Accounts
from nodes.protocols.dht_micropayment import fraud as rule
from nodes.protocols.dht_micropayment.coin import Coin
from nodes.protocols.dht_micropayment.fraud import Freeze
from nodes.protocols.dht_micropayment.messages import ReportFraud
from nodes.protocols.envelope import Opened
from nodes.protocols.message import Received
from nodes.runtime.evidence import Evidence
from nodes.runtime.party import Answer, Party
from nodes.runtime.service import Service
from nodes.runtime.store import Reader, Transaction
from nodes.wallet.trust import CoinTrust


def identity_of(owner: bytes, serial: int) -> bytes:
    """(U, sn), over all generations: 40 bytes."""
    return owner + serial.to_bytes(8, "big")


class FrozenCoins:
    def __init__(self, service: Service, accounts: Accounts, trust: CoinTrust) -> None:
        self._party = service.party
        self._accounts = accounts
        self._trust = trust
        self._table = service.party.store.table("frozen", Freeze)
        self._evidence = Evidence(service.party.store, "dht_micropayment_evidence")
        service.handles(ReportFraud, self._report)
        service.shows(self)
        service.accounts_for(self._ledger)

    async def _report(self, received: Opened[ReportFraud], party: Party) -> Answer:
        freeze = rule.check_report(received.message, self._trust.now())
        async with party.store.transaction() as tx:
            self.freeze(tx, freeze)
            self._evidence.keep_message(tx, received)
            return party.answer(tx, received, Received())

    def freeze(self, tx: Transaction, freeze: Freeze) -> None:
        """The first double step of a coin stands: what comes behind it is judged by that one."""
        key = identity_of(freeze.owner, freeze.serial)
        self._table.put(tx, key, rule.earlier(self._table.get(tx, key), freeze))
        self._accounts.freeze(tx, freeze.culprit)

    def find(self, reader: Reader, coin: Coin) -> Freeze | None:
        return self._table.get(reader, identity_of(coin.owner, coin.serial))

    # inspection

    def summaries(self) -> list[dict[str, Any]]:
        """A report is no transaction of its own."""
        return []

    def details(self, transaction: bytes) -> list[dict[str, Any]]:
        evidence = self._evidence.of(self._party.store.committed, transaction)
        row = {"id": transaction.hex(), "protocol": "dht_micropayment", "side": "fraud"}
        return [{**row, "state": "reported", "evidence": evidence}] if evidence else []

    def _ledger(self) -> dict[str, Any]:
        return {
            "frozen": [
                {
                    "owner": freeze.owner.hex(),
                    "serial": freeze.serial,
                    "generation": freeze.generation,
                    "index": freeze.index,
                    "culprit": freeze.culprit.hex(),
                }
                for freeze in self._table.values(self._party.store.committed)
            ]
        }
