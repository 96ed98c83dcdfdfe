"""E-cash as an instrument of deposits: the broker is the merchant of a payment (P2, P3).

The bank that signed the coins hears nothing of it, and the broker sees coins without a history: so
the two together cannot say who is behind the PID. What comes in the broker keeps as e-cash, beside
the accounts.
"""

from typing import Any

import msgspec

from nodes.cash_wallet.purse import Purse
from nodes.cash_wallet.sale_payment import INSTRUMENT, read
from nodes.cash_wallet.taking import Till
from nodes.protocols.electronic_cash.circulation import parcel_digest
from nodes.protocols.electronic_cash.documents import SalePayment
from nodes.protocols.electronic_cash.holding import IncomingPhase
from nodes.protocols.electronic_cash.payment import prepayment_reference
from nodes.protocols.electronic_cash.refusals import ParcelUnreadable
from nodes.protocols.message import Amount
from nodes.runtime.service import Service
from nodes.runtime.store import Transaction


class _Taken(msgspec.Struct, frozen=True):
    amount: Amount


class CashDeposits:
    name = INSTRUMENT

    def __init__(self, service: Service) -> None:
        self._party = service.party
        self._till = Till(service, Purse(service))
        self._taken = service.party.store.table("pid_cash_taken", _Taken)
        """By parcel: what was credited for it."""
        service.accounts_for(self._ledger)

    async def receive(self, deposit: bytes, payment: bytes) -> None:
        """Steps P2, P3: the coin is on disk when this returns. Raises the coin server's refusal.

        The transaction is a fresh one: the coin server must not learn the PID.
        """
        await self._till.take(_read(deposit, payment), self._party.fresh_transaction())

    def take(self, tx: Transaction, deposit: bytes, payment: bytes) -> Amount:
        """The parcel names this deposit, so it serves for no other."""
        name = parcel_digest(_read(deposit, payment).parcel)
        record = self._till.table.get(tx, name)
        assert record is not None, "received before it is credited"
        assert record.state is IncomingPhase.RECEIVED, "received before it is credited"
        assert self._taken.get(tx, name) is None, "a deposit is credited once"
        self._taken.put(tx, name, _Taken(record.amount))
        return record.amount

    def _ledger(self) -> dict[str, Any]:
        """What pseudonyms were credited for the e-cash that lies here."""
        taken = self._taken.values(self._party.store.committed)
        return {"cash_taken": sum(one.amount for one in taken)}


def _read(deposit: bytes, payment: bytes) -> SalePayment:
    """Raises ParcelUnreadable for what was not signed for this deposit."""
    found = read(payment, prepayment_reference(deposit))
    if found is None:
        raise ParcelUnreadable("nothing is paid in")
    return found
