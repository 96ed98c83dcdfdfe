"""What a user and a merchant remember, and the moves of their records: coins, orders, payments."""

import enum

from crypto.documents import Signed
from crypto.hashing import Digest
from nodes.protocols.electronic_cash.coin import Coin, Serial
from nodes.protocols.electronic_cash.documents import (
    Denominations,
    Kind,
    Nonce,
    Output,
    PaymentReceipt,
    PendingCoin,
    Presentation,
    Reference,
    RequestId,
    Settlement,
    Spend,
    WithdrawalId,
    WithdrawalReceipt,
)
from nodes.protocols.electronic_cash.messages import Deliver
from nodes.protocols.electronic_cash.state import Moves, Record, moved
from nodes.protocols.message import Amount, PartyId, TransactionId


class CoinPhase(enum.StrEnum):
    """A coin in a wallet."""

    HELD = "held"
    PLEDGED = "pledged"
    """It stands in an order that was signed."""
    SPENT = "spent"
    DISPUTED = "disputed"
    """The coin server refused it and did not show why."""


COIN_MOVES: Moves[CoinPhase] = {
    CoinPhase.HELD: frozenset({CoinPhase.PLEDGED}),
    CoinPhase.PLEDGED: frozenset({CoinPhase.PLEDGED, CoinPhase.SPENT, CoinPhase.DISPUTED}),
    CoinPhase.SPENT: frozenset(),
    CoinPhase.DISPUTED: frozenset(),
}
"""A pledged coin may stand in a second order: an exchange, to take a payment back."""


INCOMING = 1 << 16
"""The place of a coin that somebody pays: no order has so many coins."""


class Path(Record, frozen=True, array_like=True):
    """Where a key comes from: the wallet's seed, its counter, the place in the order.

    At the place INCOMING the counter is another one, of payments taken: what others send does not
    use up the wallet's own numbers.
    """

    index: int
    place: int


class HeldCoin(Record, frozen=True):
    coin: Coin
    path: Path
    state: CoinPhase = CoinPhase.HELD
    request: RequestId | None = None
    """The order it stands in."""

    def moved(self, to: CoinPhase, **changes: object) -> "HeldCoin":
        return moved(self, COIN_MOVES, to, **changes)


class WithdrawingPhase(enum.StrEnum):
    """A withdrawal at the user."""

    ASKED = "asked"
    ACCEPTED = "accepted"
    """The bank's receipt is here."""
    COMPLETED = "completed"
    VOID = "void"
    WRONGED = "wronged"
    """What came does not fit; it is kept as evidence."""


WITHDRAWING_MOVES: Moves[WithdrawingPhase] = {
    WithdrawingPhase.ASKED: frozenset(
        {
            WithdrawingPhase.ACCEPTED,
            WithdrawingPhase.COMPLETED,
            WithdrawingPhase.VOID,
            WithdrawingPhase.WRONGED,
        }
    ),
    WithdrawingPhase.ACCEPTED: frozenset(
        {WithdrawingPhase.COMPLETED, WithdrawingPhase.VOID, WithdrawingPhase.WRONGED}
    ),
    WithdrawingPhase.COMPLETED: frozenset(),
    WithdrawingPhase.VOID: frozenset(),
    WithdrawingPhase.WRONGED: frozenset({WithdrawingPhase.COMPLETED}),
}


class Withdrawing(Record, frozen=True):
    withdrawal: WithdrawalId
    state: WithdrawingPhase
    index: int
    bank: PartyId
    coin_server: PartyId
    denominations: Denominations
    nonce: Nonce
    block: bytes
    transaction: TransactionId
    receipt: Signed[WithdrawalReceipt] | None = None
    evidence: Deliver | None = None
    wrong: str | None = None

    @property
    def amount(self) -> int:
        return sum(self.denominations)

    def moved(self, to: WithdrawingPhase, **changes: object) -> "Withdrawing":
        return moved(self, WITHDRAWING_MOVES, to, **changes)


class SpendingPhase(enum.StrEnum):
    """An order of coins at their holder."""

    SIGNED = "signed"
    """Durable before it is sent anywhere."""
    SETTLED = "settled"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    """Its coins were exchanged before it was presented."""
    DISPUTED = "disputed"


SPENDING_MOVES: Moves[SpendingPhase] = {
    SpendingPhase.SIGNED: frozenset(
        {
            SpendingPhase.SETTLED,
            SpendingPhase.REFUSED,
            SpendingPhase.CANCELLED,
            SpendingPhase.DISPUTED,
        }
    ),
    SpendingPhase.SETTLED: frozenset(),
    SpendingPhase.REFUSED: frozenset(),
    SpendingPhase.CANCELLED: frozenset(),
    SpendingPhase.DISPUTED: frozenset(),
}


class Spending(Record, frozen=True):
    request: RequestId
    state: SpendingPhase
    kind: Kind
    index: int
    coin_server: PartyId
    amount: Amount
    payee: PartyId | None
    reference: Reference | None
    serials: tuple[Serial, ...]
    first: Path
    """Of the first coin's key, which asks for the change."""
    outputs: tuple[Output, ...]
    parcel: bytes
    spend: Spend
    transaction: TransactionId
    settlement: Signed[Settlement] | None = None
    receipt: Signed[PaymentReceipt] | None = None
    pending: Signed[PendingCoin] | None = None
    refusal: str | None = None
    opening: bytes | None = None
    """Of a deposit: what the bank opens its id with."""

    def moved(self, to: SpendingPhase, **changes: object) -> "Spending":
        return moved(self, SPENDING_MOVES, to, **changes)


# Merchant


class IncomingPhase(enum.StrEnum):
    """A payment at the merchant, by its parcel."""

    PRESENTED = "presented"
    RECEIVED = "received"
    REFUSED = "refused"


INCOMING_MOVES: Moves[IncomingPhase] = {
    IncomingPhase.PRESENTED: frozenset({IncomingPhase.RECEIVED, IncomingPhase.REFUSED}),
    IncomingPhase.RECEIVED: frozenset(),
    IncomingPhase.REFUSED: frozenset(),
}


class Incoming(Record, frozen=True):
    parcel_digest: Digest
    state: IncomingPhase
    parcel: bytes
    home: PartyId
    entry_server: PartyId
    """The coin server it is presented to, whose coin the merchant gets."""
    amount: Amount
    reference: Reference
    index: int
    presentation: Signed[Presentation]
    transaction: TransactionId
    receipt: Signed[PaymentReceipt] | None = None
    change: bytes = b""
    refusal: str | None = None
    forgets: bool = False
    """Anybody may have sent it: nothing is kept of it once it is refused."""

    @property
    def path(self) -> Path:
        """Of the coin it brings."""
        return Path(self.index, INCOMING)

    def moved(self, to: IncomingPhase, **changes: object) -> "Incoming":
        return moved(self, INCOMING_MOVES, to, **changes)
