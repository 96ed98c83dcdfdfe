"""What this peer keeps of its offers, purchases and deliveries, and shows of them."""

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from crypto import codec
from crypto.documents import Signed, content_digest
from nodes.peer.escrow_commerce.note import Note, nothing
from nodes.protocols.escrow_commerce import receipt
from nodes.protocols.escrow_commerce.messages import ContentId, Contract, Offer
from nodes.protocols.escrow_commerce.reading import read
from nodes.protocols.escrow_commerce.state import (
    BUYER_MOVES,
    SELLER_MOVES,
    BuyerState,
    Delivery,
    Purchase,
)
from nodes.protocols.message import TransactionId
from nodes.runtime.evidence import Evidence
from nodes.runtime.service import Service
from nodes.runtime.store import Reader, Transaction

PROTOCOL = "escrow_commerce"


class OwnContent(msgspec.Struct, frozen=True):
    """Content its owner gave this peer to sell."""

    content_id: ContentId
    name: str
    size: int


class OwnOffer(msgspec.Struct, frozen=True):
    """An offer of this peer's, on its way to the central server or registered there."""

    transaction: TransactionId
    offer: Signed[Offer]
    state: Literal["offered", "registered", "refused"]
    reason: str | None = None


class Books:
    def __init__(self, service: Service) -> None:
        self._party = service.party
        store = service.party.store
        self.contents = store.table("escrow_commerce_contents", OwnContent)
        self.offers = store.table("escrow_commerce_offers", OwnOffer)
        """By the transaction that registered them."""
        self._offer_of = store.table("escrow_commerce_offer_of", bytes)
        """Digest of an offer, as contracts name it -> that transaction."""
        self.purchases = store.table("escrow_commerce_purchases", Purchase)
        self.deliveries = store.table("escrow_commerce_deliveries", Delivery)
        self.evidence = Evidence(store, "escrow_commerce_evidence")

    def save_offer(self, tx: Transaction, own: OwnOffer) -> None:
        self.offers.put(tx, own.transaction, own)
        self._offer_of.put(tx, content_digest(Offer, own.offer.content), own.transaction)

    def offers_meant(self, reader: Reader, wanted: Contract) -> list[Signed[Offer]]:
        """Those that a contract can mean: the one it names, or all where it names none, as printed.

        Whoever has offered much must not read it all for each order.
        """
        if wanted.offer is None:
            return [own.offer for own in self.offers.values(reader)]
        transaction = self._offer_of.get(reader, wanted.offer)
        own = self.offers.get(reader, transaction) if transaction else None
        return [own.offer] if own else []

    def purchase(self, sale: TransactionId) -> Purchase | None:
        return self.purchases.get(self._party.store.committed, sale)

    def delivery(self, sale: TransactionId) -> Delivery | None:
        return self.deliveries.get(self._party.store.committed, sale)

    def save_purchase(self, tx: Transaction, purchase: Purchase) -> Purchase:
        self.purchases.put(tx, purchase.sale, purchase)
        return purchase

    def save_delivery(self, tx: Transaction, delivery: Delivery) -> Delivery:
        self.deliveries.put(tx, delivery.sale, delivery)
        return delivery

    async def change_purchase(
        self,
        sale: TransactionId,
        rule: Callable[[Purchase], Purchase],
        note: Note = nothing,
    ) -> Purchase:
        """Load, decide, save; with `note` beside it. Raises UnknownSale, or what the rule does."""
        async with self._party.store.transaction() as tx:
            after = rule(receipt.known(self.purchases.get(tx, sale)))
            self.purchases.put(tx, sale, after)
            note(tx)
        return after

    async def change_delivery(
        self,
        sale: TransactionId,
        rule: Callable[[Delivery], Delivery],
        note: Note = nothing,
    ) -> Delivery:
        async with self._party.store.transaction() as tx:
            after = rule(receipt.known(self.deliveries.get(tx, sale)))
            self.deliveries.put(tx, sale, after)
            note(tx)
        return after

    # what is shown

    def summaries(self) -> list[dict[str, Any]]:
        reader = self._party.store.committed
        return [
            *(_offer_row(offer) for offer in self.offers.values(reader)),
            *(self._purchase_row(purchase) for purchase in self.purchases.values(reader)),
            *(_delivery_row(delivery) for delivery in self.deliveries.values(reader)),
        ]

    def details(self, transaction: bytes) -> list[dict[str, Any]]:
        reader = self._party.store.committed
        found: list[dict[str, Any]] = []
        if (offer := self.offers.get(reader, transaction)) is not None:
            found.append({**_offer_row(offer), "offer": codec.encode(offer.offer).hex()})
        evidence = self.evidence.of(reader, transaction)
        if (purchase := self.purchases.get(reader, transaction)) is not None:
            terms = _terms(purchase.contract, purchase.signed)
            found.append({**self._purchase_row(purchase), **terms, "evidence": evidence})
        if (delivery := self.deliveries.get(reader, transaction)) is not None:
            terms = _terms(delivery.contract, delivery.signed)
            found.append({**_delivery_row(delivery), **terms, "evidence": evidence})
        return found

    def _purchase_row(self, purchase: Purchase) -> dict[str, Any]:
        until = purchase.dispute_until
        too_late = (
            purchase.state is BuyerState.GARBAGE and until is not None and self._party.now() > until
        )
        return {
            "id": purchase.sale.hex(),
            "protocol": PROTOCOL,
            "side": "buyer",
            "state": purchase.state.value,
            "final": is_over(purchase) or too_late,
            "reason": purchase.reason and purchase.reason.value,
            "finding": purchase.finding and purchase.finding.value,
            "complaint": purchase.complaint and purchase.complaint.value,
            "dispute_until": purchase.dispute_until,
            "rated": purchase.rated,
            "price": purchase.contract.price,
        }


def _offer_row(own: OwnOffer) -> dict[str, Any]:
    offer = read(Offer, own.offer)
    return {
        "id": own.transaction.hex(),
        "protocol": PROTOCOL,
        "side": "offer",
        "state": own.state,
        "final": own.state != "offered",
        "reason": own.reason,
        "description": offer.description,
        "price": offer.price,
    }


def is_over(purchase: Purchase) -> bool:
    """Nothing more will come of it: an abort after paying still brings the refund."""
    if purchase.state is BuyerState.OPENED:
        return True
    if purchase.state is BuyerState.ABORTED:
        return purchase.instrument is None
    return not BUYER_MOVES[purchase.state]


def _delivery_row(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.sale.hex(),
        "protocol": PROTOCOL,
        "side": "seller",
        "state": delivery.state.value,
        "final": not SELLER_MOVES[delivery.state],
        "reason": delivery.reason and delivery.reason.value,
        "finding": delivery.finding and delivery.finding.value,
        "price": delivery.contract.price,
    }


def _terms(contract: Contract, signed: Signed[Contract]) -> dict[str, Any]:
    return {
        "buyer": contract.buyer.hex(),
        "seller": contract.seller.hex(),
        "escrow_server": contract.escrow_server.hex(),
        "description": contract.description,
        "content_id": contract.content_id and contract.content_id.hex(),
        "price": contract.price,
        "deadline": contract.deadline,
        "contract": codec.encode(signed).hex(),
    }
