"""Steps W1-W3: the broker issues coins against an account, their owner opens them.

Equations (1), (2), (3). T_B = {C, seq = 0} signed by B adds nothing to C here: step 0 of a chain
follows from the coin alone, and its register is written by whoever shows the coin.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from crypto.documents import Signed, sign_document
from crypto.signing import SigningKey
from nodes.protocols.dht_micropayment.coin import Coin, Evidence, Serial, Trust
from nodes.protocols.dht_micropayment.genuine import check_coin
from nodes.protocols.dht_micropayment.messages import Withdraw, Withdrawn
from nodes.protocols.dht_micropayment.moves import Kept, Moves, moved
from nodes.protocols.dht_micropayment.refusals import WithdrawalDiffers
from nodes.protocols.message import Milliseconds, PartyId, TransactionId


@dataclass(frozen=True)
class IssueTerms:
    """The broker's settings, in milliseconds."""

    validity: int
    window: int


class Issued(Kept, frozen=True):
    """The broker remembers each serial for good, and to whom it went."""

    owner: PartyId
    serial: Serial
    coin: Signed[Coin]


class Withdrawal(Kept, frozen=True):
    """The broker's answer to one W1: given once, repeated as often as asked."""

    owner: PartyId
    count: int
    serials: tuple[Serial, ...]


class AskedState(enum.StrEnum):
    """A withdrawal as its owner sees it."""

    ASKED = "asked"
    ISSUED = "issued"
    """The coins are on the owner's disk, their openings not all certified."""
    HELD = "held"
    REFUSED = "refused"


ASKED_MOVES: Moves[AskedState] = {
    AskedState.ASKED: frozenset({AskedState.ISSUED, AskedState.REFUSED}),
    AskedState.ISSUED: frozenset({AskedState.HELD}),
    AskedState.HELD: frozenset(),
    AskedState.REFUSED: frozenset(),
}


class Asked(Kept, frozen=True):
    """The owner's record of one W1."""

    state: AskedState
    transaction: TransactionId
    count: int
    coins: tuple[bytes, ...] = ()
    """Keys of the holdings it brought."""
    reason: str = ""

    def moved(self, to: AskedState, **changes: object) -> "Asked":
        return moved(self, ASKED_MOVES, to, **changes)


def require_new(known: Withdrawal | None) -> None:
    """One request id, one order: another count under it is refused (WithdrawalDiffers)."""
    if known is not None:
        raise WithdrawalDiffers(f"this request was for {known.count} coins")


def issue(
    asked: Withdraw,
    owner: PartyId,
    last_serial: int,
    now: Milliseconds,
    terms: IssueTerms,
    key: SigningKey,
) -> tuple[Withdrawn, tuple[Issued, ...]]:
    """W1 -> W2, broker. Each serial is larger than every one used before. Equation (1)."""
    issued = tuple(
        Issued(owner, serial, sign_document(_coin(owner, serial, now, terms, key), key))
        for serial in range(last_serial + 1, last_serial + 1 + asked.count)
    )
    return Withdrawn(tuple(one.coin for one in issued)), issued


def _coin(
    owner: PartyId, serial: int, now: Milliseconds, terms: IssueTerms, key: SigningKey
) -> Coin:
    return Coin(
        owner=owner,
        serial=serial,
        generation=0,
        expires=now + terms.validity,
        validity=terms.validity,
        window=terms.window,
        issuer=key.public_key,
        signed_by=key.public_key,
        holder=owner,
        previous=b"",
    )


def take_withdrawn(
    answer: Withdrawn, asked: Withdraw, me: PartyId, now: Milliseconds, trust: Trust
) -> tuple[Evidence, ...]:
    """W2, owner: the coins asked for, each genuine, none twice, none expired already.

    Raises WithdrawalDiffers or CoinIsNotGenuine.
    """
    evidence = tuple(Evidence(coin) for coin in answer.coins)
    coins = [check_coin(one, trust) for one in evidence]
    if len(coins) != asked.count or not _are_new(coins):
        raise WithdrawalDiffers(f"{asked.count} asked for, {len(coins)} came")
    if any(coin.owner != me or coin.generation != 0 or coin.expires <= now for coin in coins):
        raise WithdrawalDiffers("a coin is another's, or cannot be used")
    return evidence


def _are_new(coins: Sequence[Coin]) -> bool:
    serials = [coin.serial for coin in coins]
    return serials == sorted(set(serials))
