"""What this peer keeps of its items, and of what it sells and buys; and shows of them."""

from collections.abc import Callable
from typing import Any

import msgspec

from crypto import codec
from nodes.protocols.item_trading.certificate import read_certificate
from nodes.protocols.item_trading.documents import ItemCertificate, ListingId, Serial
from nodes.protocols.item_trading.players import (
    BUYER_MOVES,
    SALE_MOVES,
    BuyerState,
    Offering,
    OfferingState,
    Purchase,
    Sale,
)
from nodes.protocols.item_trading.reading import known_listing, known_trade
from nodes.protocols.message import TransactionId
from nodes.runtime.evidence import Evidence
from nodes.runtime.service import Service
from nodes.runtime.store import Reader, Transaction

PROTOCOL = "item_trading"

Note = Callable[[Transaction], None]
"""What is saved beside a record, in the same transaction."""


def nothing(tx: Transaction) -> None:
    """Nothing beside it."""


class OwnItem(msgspec.Struct, frozen=True):
    """A certificate in this peer's name; `sold` once the item is somebody else's."""

    certificate: ItemCertificate
    sold: bool = False


class Books:
    def __init__(self, service: Service) -> None:
        self.party = service.party
        store = service.party.store
        self.items = store.table("item_certificates", OwnItem)
        self.offerings = store.table("item_offerings", Offering)
        self.sales = store.table("item_sales", Sale)
        self.purchases = store.table("item_purchases", Purchase)
        self.evidence = Evidence(store, "item_trading_evidence")
        service.shows(self)
        service.accounts_for(self._rows)

    @property
    def reader(self) -> Reader:
        return self.party.store.committed

    def keep_item(self, tx: Transaction, certificate: ItemCertificate) -> Serial:
        serial = read_certificate(certificate.content).serial
        self.items.put(tx, serial, OwnItem(certificate))
        return serial

    def give_away(self, tx: Transaction, certificate: ItemCertificate) -> None:
        serial = read_certificate(certificate.content).serial
        self.items.put(tx, serial, OwnItem(certificate, sold=True))

    def offering(self, reader: Reader, listing: ListingId) -> Offering:
        """Raises UnknownListing."""
        return known_listing(self.offerings.get(reader, listing))

    def sale(self, reader: Reader, trade: TransactionId) -> Sale:
        """Raises UnknownTrade."""
        return known_trade(self.sales.get(reader, trade))

    def purchase(self, reader: Reader, trade: TransactionId) -> Purchase:
        """Raises UnknownTrade."""
        return known_trade(self.purchases.get(reader, trade))

    async def change_purchase(
        self, trade: TransactionId, rule: Callable[[Purchase], Purchase], note: Note = nothing
    ) -> Purchase:
        """Load, decide, save."""
        async with self.party.store.transaction() as tx:
            after = rule(self.purchase(tx, trade))
            self.purchases.put(tx, trade, after)
            note(tx)
        return after

    async def change_sale(
        self, trade: TransactionId, rule: Callable[[Sale], Sale], note: Note = nothing
    ) -> Sale:
        async with self.party.store.transaction() as tx:
            after = rule(self.sale(tx, trade))
            self.sales.put(tx, trade, after)
            note(tx)
        return after

    # what is shown

    def summaries(self) -> list[dict[str, Any]]:
        return [
            *(_offering_row(it) for it in self.offerings.values(self.reader)),
            *(_sale_row(it) for it in self.sales.values(self.reader)),
            *(_purchase_row(it) for it in self.purchases.values(self.reader)),
        ]

    def details(self, transaction: bytes) -> list[dict[str, Any]]:
        evidence = self.evidence.of(self.reader, transaction)
        found = []
        if (offering := self.offerings.get(self.reader, transaction)) is not None:
            found.append({**_offering_row(offering), "evidence": evidence})
        if (sale := self.sales.get(self.reader, transaction)) is not None:
            found.append({**_sale_row(sale), "evidence": evidence})
        if (purchase := self.purchases.get(self.reader, transaction)) is not None:
            found.append({**_purchase_row(purchase), "evidence": evidence})
        return found

    def _rows(self) -> dict[str, Any]:
        return {
            "item_certificates": [
                {
                    "serial": serial.hex(),
                    "item": read_certificate(own.certificate.content).item,
                    "game_server": read_certificate(own.certificate.content).server.hex(),
                    "state": "sold" if own.sold else "held",
                    "certificate": codec.encode(own.certificate).hex(),
                }
                for serial, own in self.items.items(self.reader)
            ],
        }


def is_over(purchase: Purchase) -> bool:
    """Nothing more will come of it: what was paid for a void trade still comes back."""
    if purchase.state is BuyerState.VOID:
        return purchase.session_key is None
    return not BUYER_MOVES[purchase.state]


def _offering_row(offering: Offering) -> dict[str, Any]:
    certificate = read_certificate(offering.certificate.content)
    return {
        "id": offering.listing.hex(),
        "protocol": PROTOCOL,
        "side": "offering",
        "state": offering.state.value,
        "final": offering.state not in (OfferingState.ASKED, OfferingState.IN_TRADE),
        "model": offering.model,
        "serial": certificate.serial.hex(),
        "item": certificate.item,
        "price": offering.price,
        "market": offering.market.hex(),
    }


def _sale_row(sale: Sale) -> dict[str, Any]:
    return {
        "id": sale.trade.hex(),
        "protocol": PROTOCOL,
        "side": "seller",
        "state": sale.state.value,
        "final": not SALE_MOVES[sale.state],
        "listing": sale.listing.hex(),
        "price": sale.deal.price,
        "amount": sale.amount,
        "word": codec.encode(sale.word).hex() if sale.word else "",
    }


def _purchase_row(purchase: Purchase) -> dict[str, Any]:
    return {
        "id": purchase.trade.hex(),
        "protocol": PROTOCOL,
        "side": "buyer",
        "state": purchase.state.value,
        "final": is_over(purchase),
        "model": purchase.model,
        "item": purchase.item,
        "price": purchase.price,
        "market": purchase.market.hex(),
        "reason": purchase.reason and purchase.reason.value,
        "complaint": purchase.complaint and purchase.complaint.value,
        "amount": purchase.amount,
        "paid": codec.encode(purchase.paid).hex() if purchase.paid else "",
        "word": codec.encode(purchase.word).hex() if purchase.word else "",
    }
