"""Steps D1, D2: the broker takes coins back and credits who held them.

The paper mentions redemption and does not say how. Here it is a payment to the broker that ends
the chain; the broker credits (U, sn) once, over all generations, and only what it issued.
"""

import enum

from crypto.hashing import Digest
from dht.records import Certificate
from nodes.protocols.dht_micropayment.coin import Coin, Serial, Trust, read_coin
from nodes.protocols.dht_micropayment.fraud import Freeze
from nodes.protocols.dht_micropayment.messages import Credit, Redeem, Redeemed
from nodes.protocols.dht_micropayment.moves import Kept, Moves, moved
from nodes.protocols.dht_micropayment.refusals import (
    AlreadyRedeemed,
    CertificateIsAnothers,
    CoinIsFrozen,
    NeverIssued,
    WrongNumberOfCoins,
)
from nodes.protocols.dht_micropayment.step import Step
from nodes.protocols.dht_micropayment.transfer import Receiver, Transfer, check_transfers
from nodes.protocols.dht_micropayment.withdrawal import Issued
from nodes.protocols.message import PartyId, TransactionId


class RedeemedState(enum.StrEnum):
    """One coin at the broker, on its way back."""

    PENDING = "pending"
    CREDITED = "credited"
    REFUSED = "refused"


REDEEMED_MOVES: Moves[RedeemedState] = {
    RedeemedState.PENDING: frozenset({RedeemedState.CREDITED, RedeemedState.REFUSED}),
    RedeemedState.CREDITED: frozenset(),
    RedeemedState.REFUSED: frozenset(),
}


class Redemption(Kept, frozen=True):
    """The broker's record of one coin handed in."""

    state: RedeemedState
    transaction: TransactionId
    owner: PartyId
    serial: Serial
    to: PartyId
    """Who gets the credit: the holder, whoever brought the message."""
    transfer: Transfer

    @property
    def value(self) -> Digest:
        """The step, by which a repeat is known."""
        return self.transfer.record.digest

    def moved(self, to: RedeemedState) -> "Redemption":
        return moved(self, REDEEMED_MOVES, to)


class HandedInState(enum.StrEnum):
    """A redemption as the holder sees it."""

    HANDED_IN = "handed-in"
    CREDITED = "credited"
    """Every coin that could be was credited."""
    REFUSED = "refused"


HANDED_IN_MOVES: Moves[HandedInState] = {
    HandedInState.HANDED_IN: frozenset({HandedInState.CREDITED, HandedInState.REFUSED}),
    HandedInState.CREDITED: frozenset(),
    HandedInState.REFUSED: frozenset(),
}


class HandedIn(Kept, frozen=True):
    """The holder's record of one D1."""

    state: HandedInState
    transaction: TransactionId
    broker: PartyId
    coins: tuple[bytes, ...]
    """Keys of the holdings committed to it, in the order of the transfers."""
    credited: int = 0
    reason: str = ""

    def moved(self, to: HandedInState, **changes: object) -> "HandedIn":
        return moved(self, HANDED_IN_MOVES, to, **changes)


def check_redeem(message: Redeem, receiver: Receiver, trust: Trust) -> tuple[Step, ...]:
    """D1, broker: what the message alone shows. Raises what `check_transfers` raises."""
    return check_transfers(message.transfers, message.order, receiver, trust, kind="redeem")


def accept(
    step: Step,
    transfer: Transfer,
    transaction: TransactionId,
    *,
    issued: Issued | None,
    credited: Redemption | None,
    frozen: Freeze | None,
) -> Redemption:
    """D1, broker: one coin against the broker's own books. `credited`: of this (U, sn), ever.

    Raises NeverIssued, AlreadyRedeemed or CoinIsFrozen. What is only pending blocks nobody: a
    holder of long ago cannot keep out the one of today.
    """
    coin, body = step.coin, step.body
    if issued is None or not _descends_from(coin, read_coin(issued.coin)):
        raise NeverIssued()
    if credited is not None:
        raise AlreadyRedeemed()
    if frozen is not None and frozen.holds_back(coin.generation, body.index, body.payer):
        raise CoinIsFrozen()
    return Redemption(
        RedeemedState.PENDING, transaction, coin.owner, coin.serial, body.payer, transfer
    )


def refused(step: Step, transfer: Transfer, transaction: TransactionId) -> Redemption:
    """One coin among others that was not accepted."""
    coin = step.coin
    return Redemption(
        RedeemedState.REFUSED,
        transaction,
        coin.owner,
        coin.serial,
        step.body.payer,
        transfer,
    )


def credit(
    pending: Redemption, certificate: Certificate, credited: Redemption | None
) -> Redemption:
    """A quorum ended the coin: credit (U, sn), unless that was done before (DC-A12)."""
    if certificate.record.digest != pending.value:
        raise CertificateIsAnothers()
    state = RedeemedState.REFUSED if credited is not None else RedeemedState.CREDITED
    return pending.moved(state)


def refuse(pending: Redemption) -> Redemption:
    """The register holds another record."""
    return pending.moved(RedeemedState.REFUSED)


def _descends_from(coin: Coin, first: Coin) -> bool:
    """What a reissue never changes is as it was issued."""
    kept = ("owner", "serial", "validity", "window", "issuer")
    return all(getattr(coin, field) == getattr(first, field) for field in kept)


_CREDITS = {
    RedeemedState.PENDING: Credit.PENDING,
    RedeemedState.CREDITED: Credit.CREDITED,
    RedeemedState.REFUSED: Credit.REFUSED,
}


def redeemed(records: tuple[Redemption, ...]) -> Redeemed:
    """D2, broker."""
    return Redeemed(tuple(_CREDITS[record.state] for record in records))


def take_redeemed(answer: Redeemed, count: int) -> tuple[Credit, ...]:
    """D2, holder. Raises WrongNumberOfCoins."""
    if len(answer.credits) != count:
        raise WrongNumberOfCoins(f"{count} handed in, {len(answer.credits)} answered")
    return answer.credits
