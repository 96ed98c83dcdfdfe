"""Steps 1-3 and 10 at the central server: <P_i, desc, trust>."""

from collections.abc import Iterator
from typing import Any

from crypto import codec
from crypto.documents import Signed
from nodes.protocols.envelope import Opened
from nodes.protocols.escrow_commerce.messages import (
    ContentId,
    Listing,
    Offer,
    Query,
    Register,
    TrustUpdate,
    Update,
)
from nodes.protocols.escrow_commerce.offer import answer, is_valid, listing, matches, register
from nodes.protocols.escrow_commerce.rating import take_update
from nodes.protocols.escrow_commerce.reading import read
from nodes.protocols.escrow_commerce.state import Registration
from nodes.protocols.message import PartyId, Received
from nodes.runtime.party import Answer, Party
from nodes.runtime.service import Service
from nodes.runtime.store import Reader


def install(service: Service, kind: "type[Market] | None" = None) -> "Market":
    market = (kind or Market)(service)
    service.handles(Register, market.register)
    service.handles(Query, market.answer)
    service.handles(Update, market.update)
    service.accounts_for(market.ledger)
    return market


class Market:
    """Every peer's offers, and each escrow server's newest word on each seller and content."""

    def __init__(self, service: Service) -> None:
        self._party = service.party
        store = service.party.store
        self._registrations = store.table("escrow_commerce_registrations", Registration)
        self._updates = store.table("escrow_commerce_updates", Signed[TrustUpdate])

    async def register(self, received: Opened[Register], party: Party) -> Answer:
        """Step 1. A newer offer of the same content takes the place of the one before."""
        registration = register(received.message, received.sender, party.now(), party.guards)
        offer = read(Offer, registration.offer)
        async with party.store.transaction() as tx:
            self._registrations.put(
                tx, registration.seller + (offer.content_id or b""), registration
            )
            return party.answer(tx, received, Received())

    async def answer(self, received: Opened[Query], party: Party) -> Answer:
        """Steps 2 and 3."""
        return party.reply(received, answer(self.listed(received.message)))

    def listed(self, query: Query) -> list[Listing]:
        """Every offer that is asked for, and how far its seller is trusted."""
        reader, now = self._party.store.committed, self._party.now()
        found = []
        for registration in self._registrations.values(reader):
            offer = read(Offer, registration.offer)
            if is_valid(offer, now) and matches(offer, query):
                updates = self._newest(reader, registration.seller, offer.content_id)
                found.append(listing(registration, updates))
        return found

    def _newest(
        self, reader: Reader, seller: PartyId, content_id: ContentId | None
    ) -> Iterator[Signed[TrustUpdate]]:
        """For each escrow server its newest update of the seller and of the content."""
        yield from self._updates.values(reader, _of_seller(seller))
        yield from self._updates.values(reader, _of_content(seller, content_id))

    async def update(self, received: Opened[Update], party: Party) -> Answer:
        """Step 10."""
        update = read(TrustUpdate, received.message.update)
        on_seller = _of_seller(update.seller) + update.escrow_server
        on_content = _of_content(update.seller, update.content_id) + update.escrow_server
        async with party.store.transaction() as tx:
            of_content, of_seller = take_update(
                received.message,
                sender=received.sender,
                of_content=self._updates.get(tx, on_content),
                of_seller=self._updates.get(tx, on_seller),
                escrow_servers=None,  # only escrow servers send this message: the shell checked it
                guards=party.guards,
            )
            self._updates.put(tx, on_content, of_content)
            self._updates.put(tx, on_seller, of_seller)
            return party.answer(tx, received, Received())

    def ledger(self) -> dict[str, Any]:
        """What is listed, for people; no value is held here."""
        reader, name_of = self._party.store.committed, self._party.directory.name_of
        rows = []
        for registration in self._registrations.values(reader):
            offer = read(Offer, registration.offer)
            updates = self._newest(reader, registration.seller, offer.content_id)
            shown = listing(registration, updates)
            rows.append(
                {
                    "seller": registration.seller.hex(),
                    "name": name_of(registration.seller),
                    "description": offer.description,
                    "price": offer.price,
                    "offer": codec.encode(registration.offer).hex(),
                    "ratings": shown.of_seller.count,
                    "trust": float(shown.of_seller.trust),
                }
            )
        return {"offers": rows}


def _of_seller(seller: PartyId) -> bytes:
    return b"seller" + seller


def _of_content(seller: PartyId, content_id: ContentId | None) -> bytes:
    return b"content" + seller + (content_id or b"")
