"""What a market keeps of listings and trades, and shows of them."""

from collections.abc import Callable
from typing import Any

from crypto import codec
from nodes.protocols.item_trading.purchase import Market, Step
from nodes.protocols.item_trading.reading import known_listing, known_trade
from nodes.protocols.item_trading.state import (
    BROKERAGE_MOVES,
    Brokerage,
    BrokerageState,
    Listing,
    ListingState,
)
from nodes.protocols.message import TransactionId
from nodes.runtime.evidence import Evidence
from nodes.runtime.service import Service
from nodes.runtime.store import Reader, Transaction

PROTOCOL = "item_trading"


class Books:
    def __init__(self, service: Service) -> None:
        self.party = service.party
        store = service.party.store
        self.listings = store.table("item_listings", Listing)
        self.trades = store.table("item_brokerages", Brokerage)
        self.evidence = Evidence(store, "item_trading_evidence")
        self.changed: Callable[[Brokerage], None] = lambda brokerage: None
        """Hears of each trade that was saved."""
        service.shows(self)
        service.accounts_for(self._rows)

    def market(self) -> Market:
        party = self.party
        return Market(
            key=party.key,
            name=party.name,
            now=party.now(),
            trade_milliseconds=round(party.settings.offer_seconds * 1000),
            guards=party.guards,
        )

    def load(self, reader: Reader, trade: TransactionId) -> tuple[Brokerage, Listing]:
        """Raises UnknownTrade."""
        brokerage = known_trade(self.trades.get(reader, trade))
        return brokerage, known_listing(self.listings.get(reader, brokerage.listing))

    def save(self, tx: Transaction, step: Step) -> None:
        """Both records and what is to be sent: all of it or nothing."""
        brokerage = step.brokerage
        self.trades.put(tx, brokerage.trade, brokerage)
        if step.listing is not None:
            self.listings.put(tx, step.listing.listing, step.listing)
        for to in step.messages:
            self.party.post(tx, to.recipient, to.message, brokerage.trade)
        tx.after_commit.append(lambda: self.changed(brokerage))

    # what is shown

    def summaries(self) -> list[dict[str, Any]]:
        reader = self.party.store.committed
        return [
            *(_listing_row(listing) for listing in self.listings.values(reader)),
            *(_trade_row(brokerage) for brokerage in self.trades.values(reader)),
        ]

    def details(self, transaction: bytes) -> list[dict[str, Any]]:
        reader = self.party.store.committed
        found: list[dict[str, Any]] = []
        evidence = self.evidence.of(reader, transaction)
        listing = self.listings.get(reader, transaction)
        if listing is not None:
            found.append({**_listing_row(listing), "evidence": evidence})
        brokerage = self.trades.get(reader, transaction)
        if brokerage is not None:
            found.append({**_trade_row(brokerage), **_terms(brokerage), "evidence": evidence})
        return found

    def _rows(self) -> dict[str, Any]:
        reader = self.party.store.committed
        return {
            "item_listings": [
                {
                    **_listing_row(listing),
                    "serial": listing.serial.hex(),
                    "game_server": listing.game_server.hex(),
                    "seller": listing.seller.hex(),
                    "in_custody": listing.certificate is not None,
                }
                for listing in self.listings.values(reader)
            ],
            "item_sales": [
                {**_terms(brokerage), "state": brokerage.state.value}
                for brokerage in self.trades.values(reader)
            ],
        }


def _listing_row(listing: Listing) -> dict[str, Any]:
    return {
        "id": listing.listing.hex(),
        "protocol": PROTOCOL,
        "side": "listing",
        "state": listing.state.value,
        "final": listing.state not in (ListingState.PROVING, ListingState.TAKEN),
        "model": listing.model,
        "item": listing.item,
        "price": listing.price,
        "valid_until": listing.valid_until,
    }


def _trade_row(brokerage: Brokerage) -> dict[str, Any]:
    return {
        "id": brokerage.trade.hex(),
        "protocol": PROTOCOL,
        "side": "market",
        "state": brokerage.state.value,
        "final": not BROKERAGE_MOVES[brokerage.state],
        "reason": brokerage.reason and brokerage.reason.value,
        "complaint": brokerage.complaint and brokerage.complaint.value,
        "reserved": brokerage.reservation is not None,
        "voiding": brokerage.state is BrokerageState.VOIDING,
    }


def _terms(brokerage: Brokerage) -> dict[str, Any]:
    deal = brokerage.deal
    return {
        "trade": brokerage.trade.hex(),
        "listing": brokerage.listing.hex(),
        "model": deal.model,
        "buyer": deal.buyer.hex(),
        "seller": deal.seller.hex(),
        "game_server": deal.game_server.hex(),
        "serial": deal.serial.hex(),
        "price": deal.price,
        "until": deal.until,
        "deal": codec.encode(brokerage.signed).hex(),
        "word": codec.encode(brokerage.word).hex() if brokerage.word else "",
    }
