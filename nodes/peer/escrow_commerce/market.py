"""Steps 1-4 at a peer: offer what it has, search, select."""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
from aiohttp import web

from crypto import codec
from crypto.documents import content_digest
from nodes.peer.escrow_commerce.books import PROTOCOL, Books, OwnContent, OwnOffer
from nodes.peer.escrow_commerce.files import ContentFiles
from nodes.protocols.envelope import Opened
from nodes.protocols.errors import Refused
from nodes.protocols.escrow_commerce.messages import (
    Listing,
    Offer,
    Query,
    Register,
    Response,
    Tally,
    TrustUpdate,
)
from nodes.protocols.escrow_commerce.offer import make_offer, select
from nodes.protocols.escrow_commerce.reading import read
from nodes.protocols.escrow_commerce.refusals import NothingToSelect
from nodes.protocols.message import Message, PartyId, Role
from nodes.runtime.app import json_response
from nodes.runtime.control import Request, bytes_from_hex
from nodes.runtime.outbox import Entry
from nodes.runtime.party import Party
from nodes.runtime.refusals import InvalidRequest, UnknownSender
from nodes.runtime.service import Service
from nodes.runtime.streams import blocks

OFFER_SECONDS = 86_400.0


class OfferContent(Request, frozen=True):
    """What to sell, and for how much."""

    content_id: str
    description: str
    price: Annotated[int, msgspec.Meta(ge=0, le=2**53)]
    valid_seconds: Annotated[float, msgspec.Meta(gt=0, le=10**9)] = OFFER_SECONDS


class Search(Request, frozen=True):
    """What to buy: words of its description, or the content itself."""

    words: str = ""
    content_id: str = ""


class Market:
    def __init__(self, service: Service, books: Books, files: ContentFiles) -> None:
        self._party = service.party
        self._books = books
        self._files = files
        service.operation(
            "offer", OfferContent, self.offer, "Offer content of this peer's for a price"
        )
        service.operation(
            "search", Search, self.search, "Ask who sells it, and select the most trusted"
        )
        service.on_answer(Register, self._registered)
        service.on_refusal(Register, self._not_registered)

    # the owner's content

    async def take_content(self, request: web.Request) -> web.StreamResponse:
        """PUT /control/content?name=..: content to sell; its content_id is its SHA-256."""
        party = self._party
        stream = blocks(
            request.content,
            most=party.settings.content_bytes,
            seconds=party.settings.body_seconds,
        )
        content_id, size = await self._files.take_in(stream, party.fresh(8))
        own = OwnContent(content_id, request.query.get("name", "")[:200], size)
        async with party.store.transaction() as tx:
            self._books.contents.put(tx, content_id, own)
        return json_response({"content_id": content_id.hex(), "size": size})

    # step 1

    async def offer(self, asked: OfferContent, party: Party) -> dict[str, Any]:
        """Signs and saves the offer; returns once it is registered, or a little later anyway."""
        content_id = bytes_from_hex(asked.content_id, "content_id", 32)
        content = self._books.contents.get(party.store.committed, content_id)
        if content is None:
            raise InvalidRequest("this peer has no such content: upload it first")
        if not 1 <= len(asked.description) <= 200:
            raise InvalidRequest("a description has 1 to 200 characters")
        signed = make_offer(
            party.key,
            description=asked.description,
            content_id=content_id,
            size=content.size,
            price=asked.price,
            valid_until=party.now() + round(asked.valid_seconds * 1000),
        )
        transaction = party.fresh_transaction()
        central_server = await party.directory.one(Role.CENTRAL_SERVER)
        async with party.store.transaction() as tx:
            self._books.save_offer(tx, OwnOffer(transaction, signed, "offered"))
            party.post(tx, central_server.id, Register(signed), transaction)
        return {
            "transaction": transaction.hex(),
            "offer": content_digest(Offer, signed.content).hex(),
            "state": await self._state_soon(transaction),
        }

    async def _state_soon(self, transaction: bytes) -> str:
        party = self._party
        own = self._own_offer(transaction)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(party.settings.call_seconds):
                while own.state == "offered":
                    await party.observer.changed()
                    own = self._own_offer(transaction)
        return own.state

    def _own_offer(self, transaction: bytes) -> OwnOffer:
        own = self._books.offers.get(self._party.store.committed, transaction)
        assert own is not None, "an offer is saved before it is sent"
        return own

    async def _registered(self, answer: Opened[Any], message: Message, party: Party) -> None:
        await self._set(answer.transaction, state="registered")

    async def _not_registered(
        self, error: Refused, entry: Entry, message: Message, party: Party
    ) -> None:
        await self._set(entry.transaction, state="refused", reason=error.code)

    async def _set(self, transaction: bytes, **changes: Any) -> None:
        async with self._party.store.transaction() as tx:
            own = self._books.offers.get(tx, transaction)
            if own is not None:
                changed = msgspec.structs.replace(own, **changes)
                self._books.offers.put(tx, transaction, changed)

    # steps 2-4

    async def search(self, asked: Search, party: Party) -> dict[str, Any]:
        """Raises what makes the central server's answer unbelievable (PC-A9, PC-A15)."""
        if len(asked.words) > 200:
            raise InvalidRequest("words: at most 200 characters")
        wanted = bytes_from_hex(asked.content_id, "content_id", 32) if asked.content_id else None
        query = Query(asked.words, wanted)
        central_server = await party.directory.one(Role.CENTRAL_SERVER)
        transaction = party.fresh_transaction()
        answer = await party.send(central_server.id, query, transaction, Response)
        response = answer.message
        await self._meet(response.listings)
        escrow_servers = await self.escrow_servers(
            read(TrustUpdate, update).escrow_server
            for listing in response.listings
            for update in listing.updates
        )
        chosen = None
        with contextlib.suppress(NothingToSelect):
            chosen = select(
                response, query, escrow_servers, party.now(), party.guards, without=party.id
            ).listing
        if chosen is not None:
            party.decided(
                PROTOCOL,
                "4",
                "Select",
                transaction,
                seller=party.directory.name_of(chosen.peer),
                trust=float(chosen.of_content.trust),
                of=len(response.listings),
            )
        return {
            "transaction": transaction.hex(),
            "listings": [self._shown(listing) for listing in response.listings],
            "selected": chosen and self._shown(chosen),
        }

    async def _meet(self, listings: Iterable[Listing]) -> None:
        """Learn the sellers' names; one nobody certified stays a stranger."""
        for peer in {listing.peer for listing in listings}:
            with contextlib.suppress(UnknownSender):
                await self._party.directory.card(peer)

    async def escrow_servers(self, named: Iterable[PartyId]) -> frozenset[PartyId]:
        """Those of `named` that are certified as escrow servers of this world."""
        found = set()
        for id_ in set(named):
            with contextlib.suppress(UnknownSender):
                if await self._party.directory.role_of(id_) is Role.ESCROW_SERVER:
                    found.add(id_)
        return frozenset(found)

    def _shown(self, listing: Listing) -> dict[str, Any]:
        offer = read(Offer, listing.offer)
        return {
            "peer": listing.peer.hex(),
            "name": self._party.directory.name_of(listing.peer),
            "description": offer.description,
            "content_id": offer.content_id and offer.content_id.hex(),
            "size": offer.size,
            "price": offer.price,
            "valid_until": offer.valid_until,
            "of_content": _tally(listing.of_content),
            "of_seller": _tally(listing.of_seller),
            "offer": codec.encode(listing.offer).hex(),
        }


def _tally(tally: Tally) -> dict[str, Any]:
    return {"total": tally.total, "count": tally.count, "trust": float(tally.trust)}
