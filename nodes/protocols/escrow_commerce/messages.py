"""Every message of the sale in step order, and the documents they carry.

A field is optional (`| None`) where the paper does not have it and a mend adds it; a guard demands
it. The sale's id is the envelope's transaction and stands in no message a second time.
"""

import enum
from fractions import Fraction
from typing import Annotated, Literal

import msgspec

from crypto.documents import Document, Signed, document
from crypto.hashing import Digest
from nodes.protocols.message import (
    Amount,
    Message,
    Milliseconds,
    Name,
    PartyId,
    Role,
    ShortText,
    TransactionId,
    answer,
    message,
)

CONTENT_KEY_BYTES = 16
MAX_LISTINGS = 64
MAX_UPDATES = 16
MAX_PAYMENT_BYTES = 512 * 1024

ContentId = Digest
"""SHA-256 of the content C itself (FIPS 180-4, no label), so any tool can recompute it."""
CiphertextDigest = Digest
"""H(E_K(C)): SHA-256 of the encrypted stream."""
ContentKey = Annotated[
    bytes, msgspec.Meta(min_length=CONTENT_KEY_BYTES, max_length=CONTENT_KEY_BYTES)
]
"""K, drawn for one sale."""
Size = Annotated[int, msgspec.Meta(ge=0, le=2**48)]
"""Bytes."""
Description = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
PaymentBytes = Annotated[bytes, msgspec.Meta(max_length=MAX_PAYMENT_BYTES)]
"""What the instrument says; opaque to the sale."""
Value = Literal[-1, 1]


class Tally(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A sum of ratings and how many there are."""

    total: Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)] = 0
    count: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0

    def __post_init__(self) -> None:
        if abs(self.total) > self.count:
            raise ValueError("more was rated than there are ratings")

    @property
    def trust(self) -> Fraction:
        """(sum of ratings)/(n + 2): 0 at the start, always inside (-1, 1)."""
        return Fraction(self.total, self.count + 2)

    def plus(self, value: int, count: int = 1) -> "Tally":
        return Tally(self.total + value, self.count + count)


# Documents


@document("escrow_commerce/offer", signers=("seller",))
class Offer(Document, frozen=True):
    """What a peer sells (desc). The paper has the first two fields."""

    seller: PartyId
    description: Description
    content_id: ContentId | None
    size: Size | None
    price: Amount | None
    valid_until: Milliseconds | None


@document("escrow_commerce/contract", signers=("buyer", "seller"))
class Contract(Document, frozen=True):
    """What buyer and seller agree on. `description` is the paper's Request(Content)."""

    buyer: PartyId
    seller: PartyId
    escrow_server: PartyId
    description: Description
    deadline: Milliseconds
    """Both sides have reached the escrow server by then, or the sale is void."""
    sale: TransactionId | None
    offer: Digest | None
    """Digest of the seller's signed offer."""
    content_id: ContentId | None
    size: Size | None
    price: Amount | None


@document("escrow_commerce/rating", signers=("buyer",))
class Rating(Document, frozen=True):
    """The buyer's word on what it bought: +1 or -1."""

    buyer: PartyId
    escrow_server: PartyId
    sale: TransactionId
    seller: PartyId
    content_id: ContentId | None
    value: Value


@document("escrow_commerce/trust-update", signers=("escrow_server",))
class TrustUpdate(Document, frozen=True):
    """One more rating, and where the seller stands with it.

    Tallies count what this escrow server has seen, this rating included; `of_seller.count` is
    consecutive, so the newest update alone proves the whole value.
    """

    escrow_server: PartyId
    sale: TransactionId
    seller: PartyId
    content_id: ContentId | None
    value: Value
    of_content: Tally
    of_seller: Tally


# Steps 1-4: offers


@message("1", sender=Role.PEER, receiver=Role.CENTRAL_SERVER)
class Register(Message, frozen=True):
    """A peer says what it sells."""

    offer: Signed[Offer]


@message("2", sender=Role.PEER, receiver=Role.CENTRAL_SERVER)
class Query(Message, frozen=True):
    """A peer asks who sells something."""

    words: ShortText
    """All of them stand in the description, whatever their case; empty: every offer."""
    content_id: ContentId | None


class Listing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """P_i and trust, and what proves them."""

    peer: PartyId
    offer: Signed[Offer]
    of_content: Tally
    of_seller: Tally
    updates: Annotated[tuple[Signed[TrustUpdate], ...], msgspec.Meta(max_length=MAX_UPDATES)]
    """For each escrow server its newest update of the content and of the seller."""


@answer("3", to=Query)
class Response(Message, frozen=True):
    """Who sells it, and how far each is trusted."""

    listings: Annotated[tuple[Listing, ...], msgspec.Meta(max_length=MAX_LISTINGS)]


# Step 5: the contract


@message("5", sender=Role.PEER, receiver=Role.PEER)
class Request(Message, frozen=True):
    """The buyer wants the content, and signs on what terms."""

    contract: Signed[Contract]


@answer("5r", to=Request)
class Acceptance(Message, frozen=True):
    """The seller countersigns the contract."""

    contract: Signed[Contract]


# Steps 6-8: the exchange


@message("6a", sender=Role.PEER, receiver=Role.ESCROW_SERVER, sealed=True)
class SellerDeposit(Message, frozen=True):
    """The seller deposits the key and says what the buyer will hold: H(E_K(C)), K."""

    contract: Signed[Contract]
    ciphertext_digest: CiphertextDigest
    ciphertext_size: Size
    key: ContentKey


@message("6b", sender=Role.PEER, receiver=Role.PEER, streams=True)
class ContentRequest(Message, frozen=True):
    """The buyer fetches E_K(C) from the seller; the content follows as a stream."""


@message("7", sender=Role.PEER, receiver=Role.ESCROW_SERVER, sealed=True)
class BuyerDeposit(Message, frozen=True):
    """The buyer says what it holds, H'(E_K(C)), and pays in."""

    contract: Signed[Contract]
    ciphertext_digest: CiphertextDigest
    instrument: Name
    payment: PaymentBytes


@message("8a", sender=Role.ESCROW_SERVER, receiver=Role.PEER, sealed=True)
class KeyRelease(Message, frozen=True):
    """The buyer gets the key that opens what it already holds."""

    key: ContentKey
    dispute_until: Milliseconds


@message("8b", sender=Role.ESCROW_SERVER, receiver=Role.PEER, sealed=True)
class PaymentRelease(Message, frozen=True):
    """The seller gets the payment."""

    instrument: Name
    amount: Amount
    payment: PaymentBytes


@message("8r", sender=Role.ESCROW_SERVER, receiver=Role.PEER, sealed=True)
class Refund(Message, frozen=True):
    """The buyer gets its payment back."""

    instrument: Name
    amount: Amount
    """0 where it never came in whole: then it is whatever did come in."""
    payment: PaymentBytes


class AbortReason(enum.StrEnum):
    """Why a sale ended with neither key nor payment released."""

    DIGESTS_DIFFER = "digests-differ"
    PAYMENT_INVALID = "payment-invalid"
    PAYMENT_NOT_THE_PRICE = "payment-not-the-price"
    PAYMENT_EXPIRES_TOO_SOON = "payment-expires-too-soon"
    DEADLINE_PASSED = "deadline-passed"


@message("8x", sender=Role.ESCROW_SERVER, receiver=Role.PEER)
class AbortNotice(Message, frozen=True):
    """The sale is over: no key, no payment; what was paid in goes back."""

    reason: AbortReason


# Disputes: not in the paper


class Complaint(enum.StrEnum):
    """What the buyer found."""

    CANNOT_DECRYPT = "cannot-decrypt"
    WRONG_CONTENT = "wrong-content"


@message("D1", sender=Role.PEER, receiver=Role.ESCROW_SERVER)
class OpenDispute(Message, frozen=True):
    """The buyer says the content is not what the contract promises, and will upload E_K(C)."""

    complaint: Complaint


@message("D1u", sender=Role.PEER, receiver=Role.ESCROW_SERVER, streams=True)
class Upload(Message, frozen=True):
    """The buyer shows E_K(C); the content follows as a stream."""


class Finding(enum.StrEnum):
    """What the escrow server saw when it opened the ciphertext itself."""

    CANNOT_DECRYPT = "cannot-decrypt"
    WRONG_CONTENT = "wrong-content"
    AS_PROMISED = "as-promised"
    NOTHING_PROMISED = "nothing-promised"
    NOTHING_UPLOADED = "nothing-uploaded"


@message("D2", sender=Role.ESCROW_SERVER, receiver=Role.PEER)
class Verdict(Message, frozen=True):
    """Both sides learn how the dispute ended."""

    upheld: bool
    """True: the buyer is refunded. False: the seller is paid."""
    finding: Finding


# Asking again: not in the paper


class SaleState(enum.StrEnum):
    """Where a sale stands at the escrow server."""

    NEW = "new"
    SELLER_IN = "seller-in"
    BUYER_IN = "buyer-in"
    BOTH_IN = "both-in"
    COMMITTED = "committed"
    DISPUTED = "disputed"
    RELEASED = "released"
    REFUNDED = "refunded"
    ABORTED = "aborted"
    CLOSED = "closed"


@message("Q1", sender=Role.PEER, receiver=Role.ESCROW_SERVER)
class StatusQuery(Message, frozen=True):
    """Either side asks where the sale stands and for whatever is its own by now."""

    asked_at: Milliseconds
    """Makes each question a new one, so that its answer is a new one too."""


@answer("Q1r", to=StatusQuery, sealed=True)
class SaleStatus(Message, frozen=True):
    """Where the sale stands; for the buyer the released key, for each its payment."""

    state: SaleState
    reason: AbortReason | None
    dispute_until: Milliseconds | None
    finding: Finding | None
    key: ContentKey | None
    instrument: Name | None
    amount: Amount | None
    payment: PaymentBytes | None


# Steps 9, 10: trust


@message("9", sender=Role.PEER, receiver=Role.ESCROW_SERVER)
class Rate(Message, frozen=True):
    """The buyer rates what it bought, and thereby accepts it."""

    rating: Signed[Rating]


@message("10", sender=Role.ESCROW_SERVER, receiver=Role.CENTRAL_SERVER)
class Update(Message, frozen=True):
    """The escrow server passes the new trust value on."""

    update: Signed[TrustUpdate]
