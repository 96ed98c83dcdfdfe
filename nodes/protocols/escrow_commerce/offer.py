"""Steps 1-4: register, query, response, select.

The central server stores <P_i, desc, trust>. Here desc is an offer signed by its seller, and trust
the newest update of each escrow server, so the buyer recomputes what it is told. A central server
can still leave out an update: that is not detected.
"""

from collections.abc import Iterable, Set
from dataclasses import dataclass

from crypto.documents import Signed, document_digest, sign_document
from crypto.signing import SigningKey
from nodes.protocols.escrow_commerce.guards import (
    offer_is_complete,
    offer_is_signed_by,
    trust_is_recomputed,
)
from nodes.protocols.escrow_commerce.messages import (
    MAX_LISTINGS,
    ContentId,
    Listing,
    Offer,
    Query,
    Register,
    Response,
    Tally,
    TrustUpdate,
)
from nodes.protocols.escrow_commerce.reading import is_signed, read
from nodes.protocols.escrow_commerce.refusals import NothingToSelect, TooLate
from nodes.protocols.escrow_commerce.state import Registration
from nodes.protocols.guard import Guards
from nodes.protocols.message import Amount, Milliseconds, PartyId


def make_offer(
    seller: SigningKey,
    *,
    description: str,
    content_id: ContentId,
    size: int,
    price: Amount,
    valid_until: Milliseconds,
) -> Signed[Offer]:
    """Step 1, seller: what it sells, fixed and signed."""
    offer = Offer(seller.public_key, description, content_id, size, price, valid_until)
    return sign_document(offer, seller)


def register(message: Register, sender: PartyId, now: Milliseconds, guards: Guards) -> Registration:
    """Step 1, central server. Raises OfferNotSigned, OfferIncomplete, TooLate, WrongDocument."""
    offer = read(Offer, message.offer)
    guards.require(offer_is_signed_by, message.offer, offer, sender)
    guards.require(offer_is_complete, offer)
    if not is_valid(offer, now):
        raise TooLate("the offer is no longer valid")
    return Registration(sender, message.offer, document_digest(offer))


def is_valid(offer: Offer, now: Milliseconds) -> bool:
    return offer.valid_until is None or now <= offer.valid_until


def matches(offer: Offer, query: Query) -> bool:
    """Step 2: every word stands in the description, and the content is the one asked for."""
    if query.content_id is not None and query.content_id != offer.content_id:
        return False
    description = offer.description.casefold()
    return all(word in description for word in query.words.casefold().split())


def newest(
    updates: Iterable[TrustUpdate], seller: PartyId, content_id: ContentId | None
) -> tuple[Tally, Tally]:
    """Trust in the content and in its seller: each escrow server's newest count, summed."""
    of_content: dict[PartyId, Tally] = {}
    of_seller: dict[PartyId, Tally] = {}
    for update in updates:
        if update.seller != seller:
            continue
        _keep_newer(of_seller, update.escrow_server, update.of_seller)
        if update.content_id == content_id:
            _keep_newer(of_content, update.escrow_server, update.of_content)
    return _sum(of_content.values()), _sum(of_seller.values())


def _keep_newer(known: dict[PartyId, Tally], escrow_server: PartyId, tally: Tally) -> None:
    if tally.count > known.get(escrow_server, Tally()).count:
        known[escrow_server] = tally


def _sum(tallies: Iterable[Tally]) -> Tally:
    total = Tally()
    for tally in tallies:
        total = total.plus(tally.total, tally.count)
    return total


def listing(registration: Registration, updates: Iterable[Signed[TrustUpdate]]) -> Listing:
    """Step 3: P_i and trust. `updates` are the newest of the seller and of the content."""
    proofs = tuple(dict.fromkeys(updates))
    offer = read(Offer, registration.offer)
    of_content, of_seller = newest(
        (read(TrustUpdate, proof) for proof in proofs), registration.seller, offer.content_id
    )
    return Listing(registration.seller, registration.offer, of_content, of_seller, proofs)


def answer(listings: Iterable[Listing]) -> Response:
    """Step 3: the most trusted, where there are too many for one answer."""
    return Response(tuple(sorted(listings, key=_rank)[:MAX_LISTINGS]))


def _rank(listing: Listing) -> tuple[object, ...]:
    """The most trusted content first, then the most trusted seller, then the lowest price."""
    price = read(Offer, listing.offer).price or 0
    return (-listing.of_content.trust, -listing.of_seller.trust, price, listing.peer)


@dataclass(frozen=True)
class Selected:
    """Step 4: a listing that may be bought from, and what it offers."""

    listing: Listing
    offer: Offer


def check_listing(listing: Listing, escrow_servers: Set[PartyId], guards: Guards) -> Selected:
    """Whether the buyer may believe a listing. Raises OfferNotSigned, OfferIncomplete, TrustForged.

    `escrow_servers`: those whose updates this buyer believes.
    """
    offer = read(Offer, listing.offer)
    guards.require(offer_is_signed_by, listing.offer, offer, listing.peer)
    guards.require(offer_is_complete, offer)
    guards.require(trust_is_recomputed, listing, _recomputed(listing, offer, escrow_servers))
    return Selected(listing, offer)


def _recomputed(
    listing: Listing, offer: Offer, escrow_servers: Set[PartyId]
) -> tuple[Tally, Tally] | None:
    """What the updates add up to; None where one of them proves nothing."""
    updates = [read(TrustUpdate, signed) for signed in listing.updates]
    proven = all(
        update.escrow_server in escrow_servers and is_signed(TrustUpdate, signed)
        for update, signed in zip(updates, listing.updates, strict=True)
    )
    return newest(updates, listing.peer, offer.content_id) if proven else None


def select(
    response: Response,
    query: Query,
    escrow_servers: Set[PartyId],
    now: Milliseconds,
    guards: Guards,
    *,
    without: PartyId | None = None,
) -> Selected:
    """Step 4, buyer: the most trusted offer of what it asked for, but for its own.

    One listing that cannot be believed makes the whole answer unbelievable: a central server
    checks what it lists. Raises what check_listing raises, and NothingToSelect.
    """
    believed = [check_listing(listing, escrow_servers, guards) for listing in response.listings]
    fitting = [
        found
        for found in believed
        if found.listing.peer != without and is_valid(found.offer, now)
        if matches(found.offer, query)
    ]
    if not fitting:
        raise NothingToSelect()
    return min(fitting, key=lambda found: _rank(found.listing))
