"""What game server and market remember, and the moves their records may make.

Records are encoded by crypto.codec and change only by `moved`, which refuses what the table does
not allow and leaves the record as it was. Deadlines stand in the records: a timeout is a move like
any other. The players' records are in players.py.
"""

import enum

from crypto.documents import Signed
from crypto.hashing import Digest
from nodes.protocols.item_trading.documents import (
    Ciphertext,
    Complaint,
    Deal,
    ItemCertificate,
    ItemInfo,
    ListingId,
    ListingStatement,
    Model,
    Numbers,
    OneTimeKey,
    Price,
    PurchaseOrder,
    Reference,
    Reservation,
    SaleAuthority,
    Serial,
    VoidReason,
)
from nodes.protocols.item_trading.moves import Moves, Record, moved
from nodes.protocols.item_trading.payment import PaidIn, Word
from nodes.protocols.item_trading.reading import opened
from nodes.protocols.message import Milliseconds, PartyId, TransactionId

# Game server: the certificates and the trades outlive the world


class WorldItem(Record, frozen=True):
    """An item in the game. `name` is its serial# once it has a certificate."""

    name: Serial
    owner: PartyId
    item: ItemInfo


class ItemState(enum.StrEnum):
    CURRENT = "current"
    REVOKED = "revoked"
    """Another certificate has taken its place."""


ITEM_MOVES: Moves[ItemState] = {
    ItemState.CURRENT: frozenset({ItemState.REVOKED}),
    ItemState.REVOKED: frozenset(),
}


class ItemRecord(Record, frozen=True):
    """One certificate: the ledger of all of them is the revocation list."""

    serial: Serial
    state: ItemState
    certificate: ItemCertificate
    owner: PartyId
    item: ItemInfo
    expires: Milliseconds
    replaces: Serial
    """The serial# before, or the item's first name in the world."""
    replaced_by: Serial | None = None
    reserved_for: Reference | None = None

    def moved(self, to: ItemState, **changes: object) -> "ItemRecord":
        return moved(self, ITEM_MOVES, to, **changes)


class TradeState(enum.StrEnum):
    """Where a trade stands at the game server."""

    NEW = "new"
    RESERVED = "reserved"
    REGISTERED = "registered"
    VOID = "void"


TRADE_MOVES: Moves[TradeState] = {
    TradeState.NEW: frozenset({TradeState.RESERVED, TradeState.REGISTERED, TradeState.VOID}),
    TradeState.RESERVED: frozenset({TradeState.REGISTERED, TradeState.VOID}),
    TradeState.REGISTERED: frozenset(),
    TradeState.VOID: frozenset(),
}
"""The commit point is either end: said once, and all that follows is completed."""


class GameTrade(Record, frozen=True):
    """A trade at the game server."""

    reference: Reference
    deal: Signed[Deal]
    state: TradeState = TradeState.NEW
    word: Word | None = None
    certificate: ItemCertificate | None = None
    """Cert' of the new owner."""

    def moved(self, to: TradeState, **changes: object) -> "GameTrade":
        return moved(self, TRADE_MOVES, to, **changes)


# Market


class ListingState(enum.StrEnum):
    PROVING = "proving"
    LISTED = "listed"
    TAKEN = "taken"
    SOLD = "sold"
    CLOSED = "closed"
    """Never proven, out of date, or sold elsewhere."""


LISTING_MOVES: Moves[ListingState] = {
    ListingState.PROVING: frozenset({ListingState.LISTED, ListingState.CLOSED}),
    ListingState.LISTED: frozenset({ListingState.TAKEN, ListingState.CLOSED}),
    ListingState.TAKEN: frozenset({ListingState.LISTED, ListingState.SOLD, ListingState.CLOSED}),
    ListingState.SOLD: frozenset(),
    ListingState.CLOSED: frozenset(),
}


class Listing(Record, frozen=True):
    """An item in a market's list. In model 1 the certificate is in the market's custody."""

    listing: ListingId
    state: ListingState
    model: Model
    seller: PartyId
    game_server: PartyId
    content: bytes
    """Cert, without its signature."""
    serial: Serial
    item: ItemInfo
    price: Price
    valid_until: Milliseconds
    """The seller's, or the certificate's expiry where that comes first."""
    certificate: ItemCertificate | None = None
    payee_key: OneTimeKey | None = None
    authority: Signed[SaleAuthority] | None = None
    seed: bytes | None = None
    """Model 2: of the challenges, drawn before anything was announced."""
    announced: Numbers | None = None
    statement: Signed[ListingStatement] | None = None

    def moved(self, to: ListingState, **changes: object) -> "Listing":
        return moved(self, LISTING_MOVES, to, **changes)


class BrokerageState(enum.StrEnum):
    """A trade as the market sees it."""

    ORDERED = "ordered"
    """Model 1: the reservation is asked for."""
    OPEN = "open"
    """Reserved, or the seller has heard of it: the market waits for the money."""
    PAID = "paid"
    VOIDING = "voiding"
    REGISTERED = "registered"
    VOID = "void"
    REFUSED = "refused"
    """The game server did not reserve the item: nothing was to be paid."""


BROKERAGE_MOVES: Moves[BrokerageState] = {
    BrokerageState.ORDERED: frozenset(
        {BrokerageState.OPEN, BrokerageState.REFUSED, BrokerageState.VOIDING, BrokerageState.VOID}
    ),
    BrokerageState.OPEN: frozenset(
        {
            BrokerageState.PAID,
            BrokerageState.VOIDING,
            BrokerageState.REGISTERED,
            BrokerageState.VOID,
        }
    ),
    BrokerageState.PAID: frozenset(
        {BrokerageState.VOIDING, BrokerageState.REGISTERED, BrokerageState.VOID}
    ),
    BrokerageState.VOIDING: frozenset({BrokerageState.REGISTERED, BrokerageState.VOID}),
    BrokerageState.REGISTERED: frozenset(),
    BrokerageState.VOID: frozenset(),
    BrokerageState.REFUSED: frozenset(),
}


class Brokerage(Record, frozen=True):
    """A trade at the market."""

    trade: TransactionId
    state: BrokerageState
    listing: ListingId
    signed: Signed[Deal]
    order: Signed[PurchaseOrder] | None
    reservation: Signed[Reservation] | None = None
    paid: PaidIn | None = None
    ciphertext: Digest | None = None
    """Model 2: what the buyer says it holds."""
    goods: Ciphertext | None = None
    """Model 1: what 1.6 carries; sent again as often as wanted."""
    complaint: Complaint | None = None
    shown: Ciphertext | None = None
    """Model 2: what the buyer complained of."""
    reason: VoidReason | None = None
    word: Word | None = None

    @property
    def deal(self) -> Deal:
        return opened(Deal, self.signed)

    def moved(self, to: BrokerageState, **changes: object) -> "Brokerage":
        return moved(self, BROKERAGE_MOVES, to, **changes)
