"""What each party remembers, and the moves its records may make.

Whatever a table of moves does not have is refused and changes nothing. Secrets stand in these
records before anything that depends on them is sent.
"""

import enum
from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

import msgspec

from crypto.documents import Signed
from crypto.hashing import Digest
from nodes.protocols.anonymous_micropayment.messages import Deposit, DepositConfirmed
from nodes.protocols.anonymous_micropayment.numbers import Window
from nodes.protocols.anonymous_micropayment.refusals import MoveNotAllowed
from nodes.protocols.anonymous_micropayment.values import (
    Catalogue,
    Complaint,
    Goods,
    GoodsBytes,
    Nonce,
    Order,
    OrderNumber,
    Pseudonym,
    PseudonymCertificate,
    Response,
    Secret,
    Standing,
    VendorName,
)
from nodes.protocols.message import Amount, Milliseconds, Name, PartyId, TransactionId


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of what is kept."""


class HasState(Protocol):
    @property
    def state(self) -> Any: ...


R = TypeVar("R", bound=HasState)
S = TypeVar("S", bound=enum.StrEnum)
Moves = Mapping[S, frozenset[S]]


def moved(record: R, moves: Moves[S], to: S, **changes: object) -> R:
    """The record in its new state. Raises MoveNotAllowed for a move the table does not have."""
    if to not in moves[record.state]:
        raise MoveNotAllowed(f"{record.state.value} cannot become {to.value}")
    changed: R = msgspec.structs.replace(record, state=to, **changes)  # type: ignore[type-var]
    return changed


# Certificate authority


class Named(Record, frozen=True):
    """identity <-> PID."""

    pseudonym: Pseudonym
    identity: PartyId
    broker: PartyId
    certificate: PseudonymCertificate
    named_at: Milliseconds


class Traced(Record, frozen=True):
    """Whom the authority named to a broker, when, and on what evidence. Kept for good."""

    pseudonym: Pseudonym
    broker: PartyId
    identity: PartyId
    complaint: Signed[Complaint]
    traced_at: Milliseconds


# Broker


class Prepaid(Record, frozen=True):
    """What lies under one pseudonym. Nothing here says whose it is."""

    pseudonym: Pseudonym
    expires: Milliseconds
    secret: Secret
    balance: Amount
    window: Window = Window()
    hides: bool = False


class Vendor(Record, frozen=True):
    """A name that money is paid to, and the account behind it."""

    name: VendorName
    account: PartyId
    key: Secret


class Deposited(Record, frozen=True):
    """A deposit by its nonce: recorded once, confirmed by the same message each time."""

    pseudonym: Pseudonym
    nonce: Nonce
    contents: Digest
    amount: Amount
    confirmation: DepositConfirmed


SETTLED_MOVES: Moves[Standing] = {
    Standing.NOTHING: frozenset(),
    Standing.ACCEPTED: frozenset({Standing.GIVEN_BACK, Standing.HANDED_ON}),
    Standing.REJECTED: frozenset(),
    Standing.VOIDED: frozenset(),
    Standing.GIVEN_BACK: frozenset(),
    Standing.HANDED_ON: frozenset(),
}
"""NOTHING has no record. The commit point is the transaction that writes one."""


class Settled(Record, frozen=True):
    """What was decided about one number, for good."""

    state: Standing
    pseudonym: Pseudonym
    number: OrderNumber
    order: Order | None
    """None: voided before its order came."""
    response: Response | None
    account: PartyId | None
    """Who was paid."""
    settled_at: Milliseconds
    handed_to: PartyId | None = None

    def moved(self, to: Standing, **changes: object) -> "Settled":
        return moved(self, SETTLED_MOVES, to, **changes)


class Complained(Record, frozen=True):
    """A vendor's complaint, with the pseudonym that the broker knows the order by."""

    pseudonym: Pseudonym
    complaint: Signed[Complaint]
    identity: PartyId | None = None
    """As the authority told it, if it was asked."""


class Refunded(Record, frozen=True):
    """A refund by its nonce."""

    contents: Digest
    signatures: tuple[bytes, ...]
    amount: Amount


# Customer


class Wallet(Record, frozen=True):
    """One pseudonym and what its customer can do with it."""

    pseudonym: Pseudonym
    certificate: PseudonymCertificate
    broker: PartyId
    secret: Secret | None = None
    """BCus_key; None before the first deposit is confirmed."""
    next_number: OrderNumber = 1
    hides: bool = False
    shared_key: Secret | None = None
    balance: Amount = 0
    """As far as the customer knows."""


class PrepayState(enum.StrEnum):
    """A deposit as the customer sees it."""

    SENT = "sent"
    """On disk with its reply key; it is sent until it is answered."""
    CONFIRMED = "confirmed"
    REFUSED = "refused"


PREPAY_MOVES: Moves[PrepayState] = {
    PrepayState.SENT: frozenset({PrepayState.CONFIRMED, PrepayState.REFUSED}),
    PrepayState.CONFIRMED: frozenset(),
    PrepayState.REFUSED: frozenset(),
}


class Prepayment(Record, frozen=True):
    """One deposit at the customer."""

    state: PrepayState
    transaction: TransactionId
    pseudonym: Pseudonym
    nonce: Nonce
    reply_seed: Secret
    """The private half of the reply key."""
    amount: Amount
    hides: bool
    message: Deposit
    """The very message, sent again as it is."""
    reason: str = ""

    def moved(self, to: PrepayState, **changes: object) -> "Prepayment":
        return moved(self, PREPAY_MOVES, to, **changes)


class PurchaseState(enum.StrEnum):
    """An order as the customer sees it."""

    ORDERED = "ordered"
    """Its number is reserved on disk; step 5 is sent until it is answered."""
    DOUBTED = "doubted"
    """The vendor refused, kept silent or said what cannot be: the broker is asked."""
    OWED = "owed"
    """The broker paid, the goods are not there or are others."""
    DELIVERED = "delivered"
    REJECTED = "rejected"
    VOIDED = "voided"
    GIVEN_BACK = "given-back"
    """Paid, and the vendor gave the money back."""


PURCHASE_MOVES: Moves[PurchaseState] = {
    PurchaseState.ORDERED: frozenset(
        {
            PurchaseState.DELIVERED,
            PurchaseState.REJECTED,
            PurchaseState.DOUBTED,
            PurchaseState.OWED,
        }
    ),
    PurchaseState.DOUBTED: frozenset(
        {
            PurchaseState.OWED,
            PurchaseState.VOIDED,
            PurchaseState.REJECTED,
            PurchaseState.GIVEN_BACK,
        }
    ),
    PurchaseState.OWED: frozenset({PurchaseState.DELIVERED, PurchaseState.GIVEN_BACK}),
    PurchaseState.DELIVERED: frozenset(),
    PurchaseState.REJECTED: frozenset(),
    PurchaseState.VOIDED: frozenset(),
    PurchaseState.GIVEN_BACK: frozenset(),
}


class Purchase(Record, frozen=True):
    """One order at the customer."""

    state: PurchaseState
    transaction: TransactionId
    pseudonym: Pseudonym
    number: OrderNumber
    vendor: PartyId
    order: Order
    goods: Goods
    deadline: Milliseconds
    """From then on the broker is asked."""
    secret: Secret
    """BCus_key when it was made: a top-up renews the key, and the response is under this one."""
    response: Response | None = None
    reason: str = ""

    def moved(self, to: PurchaseState, **changes: object) -> "Purchase":
        return moved(self, PURCHASE_MOVES, to, **changes)


# Vendor


class Stall(Record, frozen=True):
    """A vendor's registration at its broker, and its catalogue as signed."""

    name: VendorName
    broker: PartyId
    key: Secret
    catalogue: Signed[Catalogue]


class Ware(Record, frozen=True):
    """Goods in stock: what the catalogue says of them, and their bytes."""

    goods: Goods
    content: GoodsBytes


class SaleState(enum.StrEnum):
    """An order as the vendor sees it."""

    RECEIVED = "received"
    """Claimed from the broker. Only what it has answered is kept."""
    PAID = "paid"
    """The goods are owed; they go with every step 8."""
    REJECTED = "rejected"
    GIVEN_BACK = "given-back"
    HANDED_ON = "handed-on"


SALE_MOVES: Moves[SaleState] = {
    SaleState.RECEIVED: frozenset({SaleState.PAID, SaleState.REJECTED}),
    SaleState.PAID: frozenset({SaleState.GIVEN_BACK, SaleState.HANDED_ON}),
    SaleState.REJECTED: frozenset(),
    SaleState.GIVEN_BACK: frozenset(),
    SaleState.HANDED_ON: frozenset(),
}


class Sale(Record, frozen=True):
    """One order at the vendor, by the digest of the whole order: a forged one blocks no other."""

    state: SaleState
    transaction: TransactionId
    order: Order
    goods: Name
    response: Response | None = None

    def moved(self, to: SaleState, **changes: object) -> "Sale":
        return moved(self, SALE_MOVES, to, **changes)
