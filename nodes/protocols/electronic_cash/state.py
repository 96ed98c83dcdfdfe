"""What each party remembers, and the moves its records may make.

The coin server's records are few on purpose: coins in circulation, coins that wait for a judge,
and a journal of answers that may still be asked for. A journal entry leaves when everybody who
waits for it has acknowledged it, or when its time is over; it is no list of spent coins.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import msgspec

from crypto.documents import Signed
from nodes.protocols.electronic_cash.coin import Entropy, OneTimeKey, Period, Serial
from nodes.protocols.electronic_cash.documents import (
    Condition,
    Debt,
    Denominations,
    Handle,
    Number,
    Presentation,
    Reference,
    RequestId,
    Spend,
    WithdrawalId,
    WithdrawalReceipt,
)
from nodes.protocols.electronic_cash.messages import Deliver
from nodes.protocols.electronic_cash.refusals import MoveNotAllowed
from nodes.protocols.message import Amount, Milliseconds, PartyId, TransactionId


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of what a party keeps."""


class HasState(Protocol):
    """A record with a life cycle."""

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


# Coin server


class Circulating(Record, frozen=True, array_like=True):
    """A coin in circulation, by its serial number."""

    key: OneTimeKey
    entropy: Entropy
    amount: Amount
    period: Period | None


class WaitingCoin(Record, frozen=True):
    """Value that waits for a judge's word, by its request."""

    amount: Amount
    condition: Condition
    released_to: OneTimeKey | None = None


class Entry(Record, frozen=True):
    """One answer that may be asked for again, by request, withdrawal or forwarded parcel."""

    answer: bytes
    """The body of the message that answers."""
    change: bytes
    """Sealed for the holder of the order; empty where there is none."""
    spend: Spend | None
    """What its holder signed: shown to whoever comes with the same coin."""
    presenter: PartyId | None
    holder: OneTimeKey | None
    """The first coin's key."""
    waiting: tuple[str, ...]
    """Who has not acknowledged yet: "presenter", "holder", "home"."""
    until: Milliseconds
    presentation: Signed[Presentation] | None = None
    """Of a payment forwarded by another coin server."""


class Forwarded(Record, frozen=True):
    """A payment whose coins have another home: kept before that home is asked."""

    presentation: Signed[Presentation]
    parcel: bytes
    debt: Signed[Debt] | None = None


class Numbered(Record, frozen=True):
    """The highest number of a bank's orders that was served."""

    number: int


@dataclass(frozen=True)
class Change:
    """What the coin server writes in one transaction: its commit point."""

    retired: tuple[Serial, ...] = ()
    issued: tuple[Circulating, ...] = ()
    key: bytes = b""
    entry: Entry | None = None
    waiting: tuple[RequestId, WaitingCoin] | None = None


class Vault(Protocol):
    """What the rules ask of a coin server's records."""

    def coin(self, serial: Serial) -> Circulating | None: ...

    def serial_under(self, key: OneTimeKey) -> Serial | None:
        """Of the coin that circulates under this one-time key."""

    def retirement(self, serial: Serial) -> Spend | None:
        """The order that retired it, as long as the journal has it."""


# Bank


class Account(Record, frozen=True):
    owner: PartyId
    balance: Amount
    opened_with: Amount


class WithdrawalPhase(enum.StrEnum):
    """A withdrawal at the bank."""

    HELD = "held"
    """The amount has left the account: the bank's commit point."""
    SIGNED = "signed"
    VOID = "void"
    """The coin server refused; the amount is back."""


WITHDRAWAL_MOVES: Moves[WithdrawalPhase] = {
    WithdrawalPhase.HELD: frozenset({WithdrawalPhase.SIGNED, WithdrawalPhase.VOID}),
    WithdrawalPhase.SIGNED: frozenset(),
    WithdrawalPhase.VOID: frozenset(),
}


class Withdrawal(Record, frozen=True):
    withdrawal: WithdrawalId
    state: WithdrawalPhase
    account: PartyId
    coin_server: PartyId
    handle: Handle
    amount: Amount
    denominations: Denominations
    block: bytes
    number: Number
    receipt: Signed[WithdrawalReceipt]
    transaction: TransactionId
    delivery: Deliver | None = None
    refusal: str | None = None

    def moved(self, to: WithdrawalPhase, **changes: object) -> "Withdrawal":
        return moved(self, WITHDRAWAL_MOVES, to, **changes)


class DepositPhase(enum.StrEnum):
    """A deposit at the bank."""

    PRESENTED = "presented"
    CREDITED = "credited"
    REFUSED = "refused"


DEPOSIT_MOVES: Moves[DepositPhase] = {
    DepositPhase.PRESENTED: frozenset({DepositPhase.CREDITED, DepositPhase.REFUSED}),
    DepositPhase.CREDITED: frozenset(),
    DepositPhase.REFUSED: frozenset(),
}


class BankDeposit(Record, frozen=True):
    deposit: Reference
    state: DepositPhase
    account: PartyId
    coin_server: PartyId
    amount: Amount
    transaction: TransactionId

    def moved(self, to: DepositPhase, **changes: object) -> "BankDeposit":
        return moved(self, DEPOSIT_MOVES, to, **changes)


class Outstanding(Record, frozen=True):
    """What a coin server's coins are worth by the bank's books, and what is being deposited."""

    amount: int = 0
    """Below zero only where the guard against over-issue is off: so much came back too much."""
    redeeming: Amount = 0
    number: int = 0
    """Of the last issue ordered."""
    lost: bool = False


class DebtFate(enum.StrEnum):
    CLEARED = "cleared"
    VOID = "void"


class KnownDebt(Record, frozen=True):
    fate: DebtFate
    amount: Amount
