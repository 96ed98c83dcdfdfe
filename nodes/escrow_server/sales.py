"""What the escrow server keeps of its sales, and shows of them."""

from collections.abc import Callable, Iterable
from typing import Any

from crypto import codec
from crypto.hashing import digest
from nodes.protocols.escrow_commerce.messages import (
    ContentId,
    ContentKey,
    SaleState,
    SellerDeposit,
    Tally,
    Value,
)
from nodes.protocols.escrow_commerce.rating import trust_update
from nodes.protocols.escrow_commerce.release import KEY_RELEASED
from nodes.protocols.escrow_commerce.state import SALE_MOVES, Decided, Lock, Sale
from nodes.protocols.message import PartyId, TransactionId
from nodes.runtime.evidence import Evidence
from nodes.runtime.party import Party
from nodes.runtime.service import Service
from nodes.runtime.store import Reader, Transaction

PROTOCOL = "escrow_commerce"


class Sales:
    """Every sale, its payment as it came in, the keys that have served, and the tallies."""

    def __init__(self, service: Service) -> None:
        self._party: Party = service.party
        store = service.party.store
        self._sales = store.table("escrow_commerce_sales", Sale)
        self._locks = store.table("escrow_commerce_payments", Lock)
        self._keys = store.table("escrow_commerce_keys", bytes)
        self._tallies = store.table("escrow_commerce_tallies", Tally)
        self.evidence = Evidence(store, "escrow_commerce_evidence")
        self.changed: Callable[[Sale], None] = lambda sale: None
        """Called once a change is on disk."""
        self.central_servers: tuple[PartyId, ...] = ()
        """Whom step 10 goes to."""

    def get(self, reader: Reader, sale: TransactionId) -> Sale | None:
        return self._sales.get(reader, sale)

    def all(self) -> list[Sale]:
        return self._sales.values(self._party.store.committed)

    def lock(self, sale: TransactionId) -> Lock:
        """The payment as it came in with step 7."""
        lock = self._locks.get(self._party.store.committed, sale)
        assert lock is not None, "a sale with a payment keeps what came in"
        return lock

    def has_seen(self, reader: Reader, deposit: SellerDeposit) -> bool:
        """Whether this key served in any sale before."""
        return self._keys.get(reader, _key_name(deposit.key)) is not None

    def save(self, tx: Transaction, before: Sale | None, decided: Decided) -> None:
        """The sale, what is to be sent, and what was rated: all of it or nothing."""
        sale = decided.sale
        self._sales.put(tx, sale.sale, sale)
        if decided.lock is not None:
            self._locks.put(tx, sale.sale, decided.lock)
        if sale.seller_side is not None and (before is None or before.seller_side is None):
            self._keys.put(tx, _key_name(sale.seller_side.key), sale.sale)
        for to in decided.messages:
            self._party.post(tx, to.recipient, to.message, sale.sale)
        if decided.rated is not None:
            self.rate(tx, sale.sale, sale.seller, sale.contract.content_id, decided.rated)
        tx.after_commit.append(lambda: self._saved(before, sale))

    def rate(
        self,
        tx: Transaction,
        sale: TransactionId,
        seller: PartyId,
        content_id: ContentId | None,
        value: Value,
    ) -> None:
        """Step 10: one more rating, signed and on its way to every central server."""
        on_seller, on_content = seller, seller + (content_id or b"")
        of_seller = self._tallies.get(tx, b"s" + on_seller) or Tally()
        of_content = self._tallies.get(tx, b"c" + on_content) or Tally()
        update = trust_update(
            self._party.key,
            sale=sale,
            seller=seller,
            content_id=content_id,
            value=value,
            of_content=of_content,
            of_seller=of_seller,
        )
        self._tallies.put(tx, b"s" + on_seller, of_seller.plus(value))
        self._tallies.put(tx, b"c" + on_content, of_content.plus(value))
        for central_server in self.central_servers:
            self._party.post(tx, central_server, update, sale)

    def _saved(self, before: Sale | None, sale: Sale) -> None:
        ended = before is not None and before.state in KEY_RELEASED | {SaleState.ABORTED}
        both_in = None not in (sale.seller_side, sale.buyer_side)
        if both_in and not ended and sale.state in (SaleState.COMMITTED, SaleState.ABORTED):
            result = "equal" if sale.state is SaleState.COMMITTED else str(sale.reason)
            self._party.decided(PROTOCOL, "8", "Compare", sale.sale, result=result)
        self.changed(sale)

    # what is shown

    def summaries(self) -> list[dict[str, Any]]:
        return [_summary(sale) for sale in self.all()]

    def details(self, transaction: bytes) -> list[dict[str, Any]]:
        reader = self._party.store.committed
        sale = self._sales.get(reader, transaction)
        if sale is None:
            return []
        evidence = self.evidence.of(reader, transaction)
        return [{**_summary(sale), **_parties(sale), "evidence": evidence}]

    def ledger(self) -> dict[str, Any]:
        return {"sales": _rows(self.all())}


def _key_name(key: ContentKey) -> bytes:
    return digest("escrow_commerce/key", key)


def _summary(sale: Sale) -> dict[str, Any]:
    payment = sale.payment
    settled = payment is None or payment.paid_out is not None or sale.decision is None
    return {
        "id": sale.sale.hex(),
        "protocol": PROTOCOL,
        "side": "escrow_server",
        "state": sale.state.value,
        "final": not SALE_MOVES[sale.state] and settled,
        "reason": sale.reason and sale.reason.value,
        "payment": payment and payment.state.value,
        "decision": sale.decision and sale.decision.value,
        "finding": sale.finding and sale.finding.value,
        "dispute_until": sale.dispute_until,
        "rated": sale.rated,
    }


def _parties(sale: Sale) -> dict[str, Any]:
    contract = sale.contract
    return {
        "buyer": contract.buyer.hex(),
        "seller": contract.seller.hex(),
        "price": contract.price,
        "deadline": contract.deadline,
        "contract": codec.encode(contract).hex(),
    }


def _rows(sales: Iterable[Sale]) -> list[dict[str, Any]]:
    return [
        {
            "sale": sale.sale.hex(),
            "state": sale.state.value,
            "decision": sale.decision and sale.decision.value,
            "price": sale.contract.price,
            "amount": sale.payment and sale.payment.amount,
            "instrument": sale.payment and sale.payment.instrument,
            "finding": sale.finding and sale.finding.value,
            "buyer": sale.buyer.hex(),
            "seller": sale.seller.hex(),
        }
        for sale in sales
    ]
