"""What the broker keeps for the anonymous micropayment. Nothing in it says who a customer is."""

from typing import Any

import msgspec

from nodes.protocols.anonymous_micropayment.numbers import Window, new_aliases
from nodes.protocols.anonymous_micropayment.order import check_shape, order_digest
from nodes.protocols.anonymous_micropayment.refusals import NoSharedKey, NoSuchPseudonym
from nodes.protocols.anonymous_micropayment.state import (
    Deposited,
    Prepaid,
    Refunded,
    Settled,
    Vendor,
)
from nodes.protocols.anonymous_micropayment.values import (
    NONCE_BYTES,
    PSEUDONYM_BYTES,
    Order,
    OrderNumber,
    Pseudonym,
    Secret,
)
from nodes.runtime.service import Service
from nodes.runtime.store import Reader, Transaction

_OWN = b"own"


class Place(msgspec.Struct, frozen=True, array_like=True):
    """What an order is settled by: (PID, S_N)."""

    pseudonym: Pseudonym
    number: OrderNumber

    @property
    def key(self) -> bytes:
        return self.pseudonym + self.number.to_bytes(8, "big")


class Books:
    def __init__(self, service: Service) -> None:
        self._party = service.party
        store = service.party.store
        self._shared = store.table("pid_shared_key", Secret)
        self._prepaid = store.table("pid_prepaid", Prepaid)
        self._aliases = store.table("pid_aliases", Place)
        self.settled = store.table("pid_settled", Settled)
        self.vendors = store.table("pid_vendors", Vendor)
        self.deposited = store.table("pid_deposited", Deposited)
        self.refunded = store.table("pid_refunded", Refunded)
        service.accounts_for(self._ledger)

    # BCA_key

    def knows_shared_key(self) -> bool:
        return self._shared.get(self._party.store.committed, _OWN) is not None

    def shared_key(self, reader: Reader) -> Secret:
        """Raises NoSharedKey before the authority has given it."""
        key = self._shared.get(reader, _OWN)
        if key is None:
            raise NoSharedKey()
        return key

    def keep_shared_key(self, tx: Transaction, key: Secret) -> None:
        self._shared.put(tx, _OWN, key)

    # pseudonyms

    def prepaid(self, reader: Reader, pseudonym: Pseudonym) -> Prepaid | None:
        return self._prepaid.get(reader, pseudonym)

    def save_prepaid(self, tx: Transaction, prepaid: Prepaid) -> None:
        """With the aliases of the orders that may come, where orders bear them."""
        before = self._prepaid.get(tx, prepaid.pseudonym) if prepaid.hides else None
        self._prepaid.put(tx, prepaid.pseudonym, prepaid)
        if not prepaid.hides:
            return
        known: Window | None = None
        if before is not None and before.hides and before.secret == prepaid.secret:
            known = before.window
        for alias, number in new_aliases(prepaid.secret, prepaid.window, known).items():
            self._aliases.put(tx, alias, Place(prepaid.pseudonym, number))

    def place_of(self, reader: Reader, order: Order) -> Place:
        """Raises OrderMalformed, or NoSuchPseudonym for an alias that belongs to nobody."""
        check_shape(order)
        if order.pseudonym is not None and order.number is not None:
            return Place(order.pseudonym, order.number)
        assert order.alias is not None, "the shape was checked"
        place = self._aliases.get(reader, order.alias)
        if place is None:
            raise NoSuchPseudonym()
        return place

    # nonces

    @staticmethod
    def nonce_key(pseudonym: Pseudonym, nonce: bytes) -> bytes:
        assert len(nonce) == NONCE_BYTES, "its type says so"
        return pseudonym + nonce

    # what is shown

    def _ledger(self) -> dict[str, Any]:
        reader = self._party.store.committed
        return {
            "pseudonyms": [
                {
                    "pseudonym": prepaid.pseudonym.hex(),
                    "balance": prepaid.balance,
                    "expires": prepaid.expires,
                    "orders": len(self.settled.values(reader, prepaid.pseudonym)),
                    "highest": prepaid.window.highest,
                    "used": list(prepaid.window.used),
                    "hides": prepaid.hides,
                }
                for prepaid in self._prepaid.values(reader)
            ],
            "orders": [
                {
                    "pseudonym": settled.pseudonym.hex(),
                    "number": settled.number,
                    "state": settled.state.value,
                    "vendor": settled.order.vendor if settled.order else "",
                    "amount": settled.order.amount if settled.order else 0,
                    "account": settled.account.hex() if settled.account else "",
                    "handed_to": settled.handed_to.hex() if settled.handed_to else "",
                    "order": order_digest(settled.order).hex() if settled.order else "",
                }
                for settled in self.settled.values(reader)
            ],
            "deposits": [
                {"pseudonym": deposited.pseudonym.hex(), "amount": deposited.amount}
                for deposited in self.deposited.values(reader)
            ],
            "refunds": [
                {"pseudonym": key[:PSEUDONYM_BYTES].hex(), "amount": refunded.amount}
                for key, refunded in self.refunded.items(reader)
            ],
            "vendors": [
                {"name": vendor.name, "account": vendor.account.hex()}
                for vendor in self.vendors.values(reader)
            ],
        }
