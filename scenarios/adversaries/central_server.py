"""A central server that lists whom it is told to, with the trust it is told to (PC-A9, PC-A15)."""

from typing import Annotated, Any

import msgspec

from nodes.central_server import escrow_commerce
from nodes.central_server.escrow_commerce import Market
from nodes.protocols.escrow_commerce.messages import Listing, Query, Tally
from nodes.protocols.message import PartyId, Role
from nodes.runtime.control import Request, bytes_from_hex
from nodes.runtime.party import Party
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings


class Flatter(Request, frozen=True):
    """A seller, and how many good ratings it is said to have."""

    seller: str
    ratings: Annotated[int, msgspec.Meta(ge=1)]


class Substitute(Request, frozen=True):
    """A seller, and whose offer of the same description stands under its name."""

    seller: str
    accomplice: str


class Forget(Request, frozen=True):
    """A seller whose ratings are left out."""

    seller: str


class LyingMarket(Market):
    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self._flattered: dict[PartyId, Tally] = {}
        self._accomplices: dict[PartyId, PartyId] = {}
        self._forgotten: set[PartyId] = set()
        service.operation("flatter", Flatter, self._flatter, "Say that a seller is well rated")
        service.operation(
            "substitute", Substitute, self._substitute, "List another's offer as this seller's"
        )
        service.operation("forget", Forget, self._forget, "Leave out a seller's ratings")

    async def _flatter(self, asked: Flatter, party: Party) -> dict[str, Any]:
        seller = bytes_from_hex(asked.seller, "seller", 32)
        self._flattered[seller] = Tally(asked.ratings, asked.ratings)
        return {}

    async def _substitute(self, asked: Substitute, party: Party) -> dict[str, Any]:
        seller = bytes_from_hex(asked.seller, "seller", 32)
        self._accomplices[seller] = bytes_from_hex(asked.accomplice, "accomplice", 32)
        return {}

    async def _forget(self, asked: Forget, party: Party) -> dict[str, Any]:
        self._forgotten.add(bytes_from_hex(asked.seller, "seller", 32))
        return {}

    def listed(self, query: Query) -> list[Listing]:
        """Step 3, with what was told changed in it."""
        honest = super().listed(query)
        offers = {listing.peer: listing.offer for listing in honest}
        hidden = {other for other in self._accomplices.values() if other in offers}
        return [self._changed(listing, offers) for listing in honest if listing.peer not in hidden]

    def _changed(self, listing: Listing, offers: dict[PartyId, Any]) -> Listing:
        offer = offers.get(self._accomplices.get(listing.peer, b""), listing.offer)
        said = self._flattered.get(listing.peer)
        trust: dict[str, Any] = {"of_content": said, "of_seller": said} if said else {}
        if listing.peer in self._forgotten:
            trust = {"of_content": Tally(), "of_seller": Tally(), "updates": ()}
        return msgspec.structs.replace(listing, offer=offer, **trust)


def build(settings: Settings) -> Service:
    purpose = "A central server that lies, started on purpose to see what comes of it."
    service = Service(Role.CENTRAL_SERVER, settings, purpose=purpose)
    escrow_commerce.install(service, LyingMarket)
    return service
