"""What seller and buyer remember, and the moves their records may make."""

import enum

from crypto.documents import Signed
from crypto.hashing import Digest
from nodes.protocols.item_trading.documents import (
    Ciphertext,
    Complaint,
    Deal,
    Goods,
    ItemCertificate,
    ItemInfo,
    ListingId,
    Model,
    OneTimeKey,
    Price,
    Receipt,
    SessionKey,
    Shipment,
    VoidReason,
)
from nodes.protocols.item_trading.moves import Moves, Record, moved
from nodes.protocols.item_trading.payment import PaidIn, Word
from nodes.protocols.item_trading.reading import opened
from nodes.protocols.item_trading.refusals import WrongState
from nodes.protocols.message import Milliseconds, PartyId, TransactionId

# Seller


class OfferingState(enum.StrEnum):
    """An item on offer, as its owner sees it."""

    ASKED = "asked"
    """1.1 or 2.1 is on its way; in model 2 the proof is running."""
    LISTED = "listed"
    IN_TRADE = "in-trade"
    SOLD = "sold"
    CLOSED = "closed"


OFFERING_MOVES: Moves[OfferingState] = {
    OfferingState.ASKED: frozenset(
        {OfferingState.LISTED, OfferingState.CLOSED, OfferingState.SOLD}
    ),
    OfferingState.LISTED: frozenset(
        {OfferingState.IN_TRADE, OfferingState.SOLD, OfferingState.CLOSED}
    ),
    OfferingState.IN_TRADE: frozenset(
        {OfferingState.LISTED, OfferingState.SOLD, OfferingState.CLOSED}
    ),
    OfferingState.SOLD: frozenset(),
    OfferingState.CLOSED: frozenset(),
}


class Offering(Record, frozen=True):
    """What this party offers for sale."""

    listing: ListingId
    state: OfferingState
    model: Model
    market: PartyId
    certificate: ItemCertificate
    price: Price
    payee_key: OneTimeKey
    valid_until: Milliseconds
    receipt: Signed[Receipt] | None = None
    commitment: Digest | None = None

    def moved(self, to: OfferingState, **changes: object) -> "Offering":
        return moved(self, OFFERING_MOVES, to, **changes)


class SaleState(enum.StrEnum):
    """A sale as the seller sees it. In model 1 it hears of it when it is paid."""

    SHIPPED = "shipped"
    KEY_SENT = "key-sent"
    EARNED = "earned"
    """The item is the buyer's, and the money there to be collected."""
    PAID = "paid"
    UNPAID = "unpaid"
    """The item is gone and no money waits (a guard is off)."""
    VOID = "void"


SALE_MOVES: Moves[SaleState] = {
    SaleState.SHIPPED: frozenset({SaleState.KEY_SENT, SaleState.EARNED, SaleState.VOID}),
    SaleState.KEY_SENT: frozenset({SaleState.EARNED, SaleState.VOID}),
    SaleState.EARNED: frozenset({SaleState.PAID, SaleState.UNPAID}),
    SaleState.PAID: frozenset(),
    SaleState.UNPAID: frozenset(),
    SaleState.VOID: frozenset(),
}


class Sale(Record, frozen=True):
    """One trade of an offering."""

    trade: TransactionId
    state: SaleState
    listing: ListingId
    signed: Signed[Deal]
    key: SessionKey | None = None
    buyer_key: bytes | None = None
    ciphertext: Ciphertext | None = None
    paid: PaidIn | None = None
    word: Word | None = None
    amount: int = 0
    """What was collected."""

    @property
    def deal(self) -> Deal:
        return opened(Deal, self.signed)

    def moved(self, to: SaleState, **changes: object) -> "Sale":
        return moved(self, SALE_MOVES, to, **changes)


# Buyer


class BuyerState(enum.StrEnum):
    """A purchase as the buyer sees it."""

    ORDERED = "ordered"
    READY = "ready"
    """Reserved (model 1), or held encrypted (model 2): it may be paid."""
    PAYING = "paying"
    PAID = "paid"
    GOODS_HELD = "goods-held"
    """The certificate is readable and on its way to the game server."""
    GARBAGE = "garbage"
    REGISTERED = "registered"
    VOID = "void"
    REFUNDED = "refunded"


BUYER_MOVES: Moves[BuyerState] = {
    BuyerState.ORDERED: frozenset({BuyerState.READY, BuyerState.VOID}),
    BuyerState.READY: frozenset({BuyerState.PAYING, BuyerState.VOID}),
    BuyerState.PAYING: frozenset({BuyerState.PAID, BuyerState.READY, BuyerState.VOID}),
    BuyerState.PAID: frozenset({BuyerState.GOODS_HELD, BuyerState.GARBAGE, BuyerState.VOID}),
    BuyerState.GARBAGE: frozenset({BuyerState.GOODS_HELD, BuyerState.VOID}),
    BuyerState.GOODS_HELD: frozenset({BuyerState.REGISTERED, BuyerState.VOID}),
    BuyerState.REGISTERED: frozenset(),
    BuyerState.VOID: frozenset({BuyerState.REFUNDED}),
    BuyerState.REFUNDED: frozenset(),
}


class Purchase(Record, frozen=True):
    """A trade at the buyer."""

    trade: TransactionId
    state: BuyerState
    model: Model
    market: PartyId
    listing: ListingId
    game_server: PartyId
    item: ItemInfo
    price: Price
    buyer: PartyId
    deadline: Milliseconds
    """Until the deal is there; then the deal's own counts."""
    signed: Signed[Deal] | None = None
    payee_key: OneTimeKey | None = None
    session_key: SessionKey | None = None
    shipment: Signed[Shipment] | None = None
    ciphertext: Ciphertext | None = None
    paid: PaidIn | None = None
    goods: Goods | None = None
    complaint: Complaint | None = None
    certificate: ItemCertificate | None = None
    word: Word | None = None
    reason: VoidReason | None = None
    amount: int = 0
    """What came back of the money."""

    @property
    def deal(self) -> Deal:
        if self.signed is None:
            raise WrongState("there is no deal yet")
        return opened(Deal, self.signed)

    def moved(self, to: BuyerState, **changes: object) -> "Purchase":
        return moved(self, BUYER_MOVES, to, **changes)
