"""Steps 2.1 and 2.2: the seller proves to know the game server's signature without showing it.

    2.1   seller   Cert, price                    2.2a  market   H(session, challenges, nonce)
    2.2b  seller   T_1 .. T_8                     2.2c  market   challenges, nonce
    2.2d  seller   z_1 .. z_8, statement          2.2e  market   listed

The proof is Guillou and Quisquater's (crypto/guillou_quisquater.py); what the paper calls ZKIP it
does not say. The market fixes its challenges before it sees anything, and the seller checks that.
What the market saw convinces nobody else of the signature; that the seller wants the item listed
here is meant to be shown, and is signed.

The market keeps what was announced before it opens its challenges, and refuses another
announcement after that. To each T_j and c_j there is one z_j, so a second answer helps nobody.
"""

from dataclasses import dataclass

from crypto import guillou_quisquater as proof
from crypto.documents import sign_document
from crypto.full_domain_hash import FdhPublicKey
from crypto.guillou_quisquater import Opening, OpeningRefused, ProofRefused, Prover, Statement
from crypto.hashing import Digest, digest
from crypto.signing import SigningKey
from nodes.protocols.guard import Guards
from nodes.protocols.item_trading.certificate import read_certificate, require_not_expired
from nodes.protocols.item_trading.documents import (
    CERTIFICATE,
    ItemCertificate,
    ListingId,
    ListingStatement,
    Numbers,
    Price,
    certificate_digest,
)
from nodes.protocols.item_trading.guards import proof_names_the_market
from nodes.protocols.item_trading.messages import (
    Announcement,
    ChallengeCommitted,
    ChallengeOpened,
    ItemInformation,
    ProofAnswer,
)
from nodes.protocols.item_trading.players import Offering, OfferingState
from nodes.protocols.item_trading.reading import changed, require_sender
from nodes.protocols.item_trading.refusals import (
    CertificateRevoked,
    ChallengeNotOpened,
    ProofNotAccepted,
    TooLate,
    WrongState,
)
from nodes.protocols.item_trading.state import Listing, ListingState
from nodes.protocols.message import Milliseconds, PartyId


def session_of(market: PartyId, listing: ListingId, certificate: Digest, guards: Guards) -> bytes:
    """What a commitment is for. As printed it names no market, and serves at any."""
    if not guards.is_on(proof_names_the_market):
        return digest("item_trading/proof of anyone", certificate)
    return digest("item_trading/proof", market, listing, certificate)


def transcript_of(commitment: Digest, announced: Numbers, opening: ChallengeOpened) -> Digest:
    parts = (commitment, *announced, opening.challenges, opening.nonce)
    return digest("item_trading/transcript", *parts)


# Seller


def offer_by_proof(
    certificate: ItemCertificate,
    *,
    me: PartyId,
    market: PartyId,
    listing: ListingId,
    price: Price,
    payee_key: bytes,
    valid_until: Milliseconds,
    now: Milliseconds,
) -> tuple[Offering, ItemInformation]:
    """Step 2.1. Raises CertificateExpired, NotYours."""
    made = read_certificate(certificate.content)
    require_sender(made.owner, me)
    require_not_expired(made, now)
    offering = Offering(
        listing, OfferingState.ASKED, 2, market, certificate, price, payee_key, valid_until
    )
    return offering, ItemInformation(certificate.content, price, valid_until)


@dataclass(frozen=True)
class Owner:
    """The seller's side of the proof: `secret` is its own for all proofs it ever makes."""

    key: SigningKey
    game_key: FdhPublicKey
    secret: bytes
    guards: Guards

    def prover(self, offering: Offering) -> Prover:
        if offering.commitment is None:
            raise WrongState("the market has not committed yet")
        content = offering.certificate.content
        named = certificate_digest(content)
        return Prover(
            statement=Statement(self.game_key, CERTIFICATE, content),
            signature=offering.certificate.signature,
            secret=self.secret,
            session=session_of(offering.market, offering.listing, named, self.guards),
            commitment=offering.commitment,
        )

    def announce(
        self, offering: Offering, answer: ChallengeCommitted
    ) -> tuple[Offering, Announcement]:
        """Step 2.2b. The commitment is on disk before a T leaves."""
        if offering.state is not OfferingState.ASKED or offering.model != 2:
            raise WrongState(f"the offering is {offering.state.value}")
        if offering.commitment not in (None, answer.commitment):
            raise ChallengeNotOpened("the market has committed to something else before")
        committed = changed(offering, commitment=answer.commitment)
        return committed, Announcement(self.prover(committed).announce())

    def answer(self, offering: Offering, opened: ChallengeOpened) -> ProofAnswer:
        """Step 2.2d. Raises ChallengeNotOpened."""
        prover = self.prover(offering)
        try:
            numbers = prover.answer(Opening(opened.challenges, opened.nonce))
        except OpeningRefused as error:
            raise ChallengeNotOpened(str(error)) from error
        transcript = transcript_of(prover.commitment, prover.announce(), opened)
        statement = ListingStatement(
            seller=self.key.public_key,
            market=offering.market,
            listing=offering.listing,
            serial=read_certificate(offering.certificate.content).serial,
            price=offering.price,
            transcript=transcript,
        )
        return ProofAnswer(numbers, sign_document(statement, self.key))


def listed_by_proof(offering: Offering) -> Offering:
    """Step 2.2e, seller."""
    return offering.moved(OfferingState.LISTED)


# Market


def take_information(
    known: Listing | None,
    message: ItemInformation,
    *,
    sender: PartyId,
    listing: ListingId,
    seed: bytes,
    now: Milliseconds,
) -> Listing:
    """Step 2.1: challenges are drawn from `seed` (32 fresh bytes) and kept.

    Raises CertificateForged, CertificateExpired, TooLate, WrongState.
    """
    if known is not None:
        raise WrongState("there is such a listing")
    certificate = read_certificate(message.certificate)
    require_not_expired(certificate, now)
    if now > message.valid_until:
        raise TooLate()
    return Listing(
        listing=listing,
        state=ListingState.PROVING,
        model=2,
        seller=sender,
        game_server=certificate.server,
        content=message.certificate,
        serial=certificate.serial,
        item=certificate.item,
        price=message.price,
        valid_until=min(message.valid_until, certificate.expires),
        seed=seed,
    )


def committed(listing: Listing, market: PartyId, guards: Guards) -> ChallengeCommitted:
    """Step 2.2a."""
    named = certificate_digest(listing.content)
    session = session_of(market, listing.listing, named, guards)
    return ChallengeCommitted(proof.commit(session, _opening(listing)))


def take_announcement(
    listing: Listing, message: Announcement, sender: PartyId
) -> tuple[Listing, ChallengeOpened]:
    """Steps 2.2b, 2.2c. What was announced is on disk before the challenges leave.

    Raises NotYours, and WrongState for another announcement than the first.
    """
    _require_proving(listing, sender)
    if listing.announced not in (None, message.numbers):
        raise WrongState("something else was announced before")
    opening = _opening(listing)
    opened = ChallengeOpened(opening.challenges, opening.nonce)
    return changed(listing, announced=message.numbers), opened


def take_proof(
    listing: Listing,
    message: ProofAnswer,
    *,
    sender: PartyId,
    market: PartyId,
    game_key: FdhPublicKey,
    is_current: bool,
    guards: Guards,
) -> Listing:
    """Steps 2.2d, 2.2e. `is_current`: what the game server says of its revocation list.

    Raises ProofForAnotherMarket, CertificateRevoked, ProofNotAccepted; save `unproven` then.
    """
    _require_proving(listing, sender)
    if listing.announced is None:
        raise WrongState("nothing was announced")
    opening = _opening(listing)
    opened = ChallengeOpened(opening.challenges, opening.nonce)
    commitment = committed(listing, market, guards).commitment
    wanted = ListingStatement(
        seller=read_certificate(listing.content).owner,
        market=market,
        listing=listing.listing,
        serial=listing.serial,
        price=listing.price,
        transcript=transcript_of(commitment, listing.announced, opened),
    )
    guards.require(proof_names_the_market, message.statement, wanted, sender)
    statement = Statement(game_key, CERTIFICATE, listing.content)
    try:
        proof.check(statement, opening, listing.announced, message.numbers)
    except ProofRefused as error:
        raise ProofNotAccepted(str(error)) from error
    if not is_current:
        raise CertificateRevoked()
    return listing.moved(ListingState.LISTED, statement=message.statement)


def unproven(listing: Listing) -> Listing:
    """The proof was refused: another one begins with another listing."""
    return listing.moved(ListingState.CLOSED)


def _opening(listing: Listing) -> Opening:
    if listing.seed is None:
        raise WrongState("nothing is proven in this model")
    return proof.draw_opening(listing.seed)


def _require_proving(listing: Listing, sender: PartyId) -> None:
    require_sender(sender, listing.seller)
    if listing.state is not ListingState.PROVING:
        raise WrongState(f"the listing is {listing.state.value}")
