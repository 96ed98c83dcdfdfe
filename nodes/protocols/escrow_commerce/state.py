"""What each party remembers of a sale, and the moves its record may make.

Records are encoded by crypto.codec and change only by `moved`, which refuses what the table does
not allow and leaves the record as it was. Deadlines stand in the records: a timeout is a move like
any other.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import msgspec

from crypto.documents import Signed
from crypto.hashing import Digest
from nodes.protocols.escrow_commerce.messages import (
    AbortReason,
    CiphertextDigest,
    Complaint,
    ContentKey,
    Contract,
    Finding,
    Offer,
    PaymentBytes,
    SaleState,
    Size,
    Value,
)
from nodes.protocols.escrow_commerce.refusals import WrongState
from nodes.protocols.message import Amount, Message, Milliseconds, Name, PartyId, TransactionId

SLOWEST_UPLOAD = 1 << 20
"""Bytes a second that a buyer is expected to upload in a dispute."""


class HasState(Protocol):
    """A record with a life cycle."""

    @property
    def state(self) -> Any: ...


R = TypeVar("R", bound=HasState)
S = TypeVar("S", bound=enum.StrEnum)
Moves = Mapping[S, frozenset[S]]


def moved(record: R, moves: Moves[S], to: S, **changes: object) -> R:
    """The record in its new state. Raises WrongState for a move the table does not have."""
    if to not in moves[record.state]:
        raise WrongState(f"{record.state.value} cannot become {to.value}")
    changed: R = msgspec.structs.replace(record, state=to, **changes)  # type: ignore[type-var]
    return changed


@dataclass(frozen=True)
class To:
    """A message on its way to one party of the sale."""

    recipient: PartyId
    message: Message


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of what is kept."""


# Central server: <P_i, desc, trust>


class Registration(Record, frozen=True):
    """One offer of one peer. Trust is kept beside it, as the newest updates."""

    seller: PartyId
    offer: Signed[Offer]
    offer_digest: Digest


# Escrow server


class PaymentState(enum.StrEnum):
    """Where the buyer's payment stands, whatever the instrument."""

    LOCKING = "locking"
    CHECKED = "checked"
    """Valid when looked at; still in the buyer's hands."""
    LOCKED = "locked"
    """In the escrow server's hands."""
    FAILED = "failed"
    """It will never be whole; what had come of it goes back."""
    RELEASED = "released"
    REFUNDED = "refunded"


PAYMENT_MOVES: Moves[PaymentState] = {
    PaymentState.LOCKING: frozenset(
        {PaymentState.CHECKED, PaymentState.LOCKED, PaymentState.FAILED}
    ),
    PaymentState.CHECKED: frozenset({PaymentState.LOCKED, PaymentState.FAILED}),
    PaymentState.LOCKED: frozenset({PaymentState.RELEASED, PaymentState.REFUNDED}),
    PaymentState.FAILED: frozenset({PaymentState.REFUNDED}),
    PaymentState.RELEASED: frozenset(),
    PaymentState.REFUNDED: frozenset(),
}


class Decision(enum.StrEnum):
    """Who gets the payment. Written once, before anything is signed over to anyone."""

    RELEASE = "release"
    REFUND = "refund"


class Payment(Record, frozen=True):
    """All a sale knows of its payment. The instrument vouches that it was made for this sale."""

    state: PaymentState
    instrument: Name
    amount: Amount | None
    expires: Milliseconds | None
    """None: it never does."""
    paid_out: PaymentBytes | None
    """What 8b or the refund carries; kept so that it can be asked for again."""


class SellerSide(Record, frozen=True):
    """Step 6a as it came."""

    contract: Contract
    contract_digest: Digest
    ciphertext_digest: CiphertextDigest
    ciphertext_size: Size
    key: ContentKey


class BuyerSide(Record, frozen=True):
    """Step 7 as it came, without the payment."""

    contract: Contract
    contract_digest: Digest
    ciphertext_digest: CiphertextDigest


SALE_MOVES: Moves[SaleState] = {
    SaleState.NEW: frozenset({SaleState.SELLER_IN, SaleState.BUYER_IN}),
    SaleState.SELLER_IN: frozenset({SaleState.BOTH_IN, SaleState.ABORTED}),
    SaleState.BUYER_IN: frozenset({SaleState.BOTH_IN, SaleState.ABORTED}),
    SaleState.BOTH_IN: frozenset({SaleState.COMMITTED, SaleState.ABORTED}),
    SaleState.COMMITTED: frozenset({SaleState.DISPUTED, SaleState.RELEASED}),
    SaleState.DISPUTED: frozenset({SaleState.REFUNDED, SaleState.RELEASED}),
    SaleState.RELEASED: frozenset({SaleState.CLOSED}),
    SaleState.REFUNDED: frozenset(),
    SaleState.ABORTED: frozenset(),
    SaleState.CLOSED: frozenset(),
}
"""The commit point is COMMITTED: before it all can be undone, after it all is completed."""


class Sale(Record, frozen=True):
    """A sale at the escrow server."""

    sale: TransactionId
    state: SaleState = SaleState.NEW
    seller_side: SellerSide | None = None
    buyer_side: BuyerSide | None = None
    payment: Payment | None = None
    decision: Decision | None = None
    reason: AbortReason | None = None
    dispute_until: Milliseconds | None = None
    """COMMITTED: until when the buyer may open one. DISPUTED: until when it may upload."""
    finding: Finding | None = None
    rated: Value | None = None

    @property
    def contract(self) -> Contract:
        """The buyer's where there is one: it is what the payment was made on."""
        side = self.buyer_side or self.seller_side
        assert side is not None, "a new sale has no contract"
        return side.contract

    @property
    def buyer(self) -> PartyId:
        return self.contract.buyer

    @property
    def seller(self) -> PartyId:
        return self.contract.seller

    def moved(self, to: SaleState, **changes: object) -> "Sale":
        return moved(self, SALE_MOVES, to, **changes)


@dataclass(frozen=True)
class EscrowTerms:
    """The escrow server's settings."""

    dispute_milliseconds: int
    """T_disp, for opening a dispute and at least once more for the upload."""
    margin_milliseconds: int
    """How much longer than deadline and dispute a payment must last."""

    def upload_milliseconds(self, size: Size | None) -> int:
        """For showing content of this size: nobody sells garbage too large to be shown in time."""
        return max(self.dispute_milliseconds, (size or 0) * 1000 // SLOWEST_UPLOAD)


class Lock(Record, frozen=True):
    """For the instrument: bring this payment into the escrow server's hands."""

    sale: TransactionId
    buyer: PartyId
    instrument: Name
    payment: PaymentBytes
    price: Amount | None


class PayOut(Record, frozen=True):
    """For the instrument: hand the locked payment to whom the decision names, once per sale."""

    sale: TransactionId
    decision: Decision
    to: PartyId
    instrument: Name
    amount: Amount
    """0 where the lock did not come about whole: give back what did."""


@dataclass(frozen=True)
class Decided:
    """What the escrow server does next: save `sale` first, then send, then let the plug work."""

    sale: Sale
    messages: tuple[To, ...] = ()
    lock: Lock | None = None
    """The payment that just came in, to be kept for the instrument."""
    rated: Value | None = None
    """A rating to be added to the seller's trust (step 10)."""


# Buyer


class BuyerState(enum.StrEnum):
    """A purchase as the buyer sees it."""

    ORDERED = "ordered"
    CONTRACTED = "contracted"
    CIPHERTEXT_HELD = "ciphertext-held"
    PAYING = "paying"
    """A payment is being made; from here on it goes in, however late."""
    PAID = "paid"
    KEY_HELD = "key-held"
    OPENED = "opened"
    GARBAGE = "garbage"
    ACCEPTED = "accepted"
    DISPUTED = "disputed"
    DENIED = "denied"
    UPHELD = "upheld"
    ABORTED = "aborted"
    REFUNDED = "refunded"


BUYER_MOVES: Moves[BuyerState] = {
    BuyerState.ORDERED: frozenset({BuyerState.CONTRACTED, BuyerState.ABORTED}),
    BuyerState.CONTRACTED: frozenset({BuyerState.CIPHERTEXT_HELD, BuyerState.ABORTED}),
    BuyerState.CIPHERTEXT_HELD: frozenset({BuyerState.PAYING, BuyerState.ABORTED}),
    BuyerState.PAYING: frozenset({BuyerState.PAID, BuyerState.CIPHERTEXT_HELD}),
    BuyerState.PAID: frozenset({BuyerState.KEY_HELD, BuyerState.ABORTED, BuyerState.REFUNDED}),
    BuyerState.KEY_HELD: frozenset({BuyerState.OPENED, BuyerState.GARBAGE}),
    BuyerState.OPENED: frozenset({BuyerState.ACCEPTED}),
    BuyerState.GARBAGE: frozenset({BuyerState.DISPUTED}),
    BuyerState.ACCEPTED: frozenset(),
    BuyerState.DISPUTED: frozenset({BuyerState.UPHELD, BuyerState.DENIED, BuyerState.REFUNDED}),
    BuyerState.DENIED: frozenset(),
    BuyerState.UPHELD: frozenset({BuyerState.REFUNDED}),
    BuyerState.ABORTED: frozenset({BuyerState.REFUNDED}),
    BuyerState.REFUNDED: frozenset(),
}


class Purchase(Record, frozen=True):
    """A sale at the buyer."""

    sale: TransactionId
    state: BuyerState
    signed: Signed[Contract]
    contract: Contract
    ciphertext_digest: CiphertextDigest | None = None
    instrument: Name | None = None
    """What it pays with."""
    key: ContentKey | None = None
    dispute_until: Milliseconds | None = None
    complaint: Complaint | None = None
    finding: Finding | None = None
    reason: AbortReason | None = None
    rated: Value | None = None

    def moved(self, to: BuyerState, **changes: object) -> "Purchase":
        return moved(self, BUYER_MOVES, to, **changes)


# Seller


class SellerState(enum.StrEnum):
    """A delivery as the seller sees it."""

    AGREED = "agreed"
    DEPOSITED = "deposited"
    """K and E_K(C) are durable and 6a is on its way: E_K(C) may be fetched."""
    PAID = "paid"
    ABORTED = "aborted"
    REFUNDED = "refunded"


SELLER_MOVES: Moves[SellerState] = {
    SellerState.AGREED: frozenset({SellerState.DEPOSITED, SellerState.ABORTED}),
    SellerState.DEPOSITED: frozenset({SellerState.PAID, SellerState.ABORTED, SellerState.REFUNDED}),
    SellerState.PAID: frozenset(),
    SellerState.ABORTED: frozenset(),
    SellerState.REFUNDED: frozenset(),
}


class Delivery(Record, frozen=True):
    """A sale at the seller."""

    sale: TransactionId
    state: SellerState
    signed: Signed[Contract]
    contract: Contract
    ciphertext_digest: CiphertextDigest | None = None
    ciphertext_size: Size | None = None
    key: ContentKey | None = None
    reason: AbortReason | None = None
    finding: Finding | None = None

    def moved(self, to: SellerState, **changes: object) -> "Delivery":
        return moved(self, SELLER_MOVES, to, **changes)

    @property
    def may_discard(self) -> bool:
        """The encrypted bytes and the key are needed no more."""
        return not SELLER_MOVES[self.state]
