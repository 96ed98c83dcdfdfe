"""What a holder remembers of one coin for as long as it held it, and the one step it may sign.

    incoming --certified--> held --commit--> outgoing --certified--> spent | closed
        \\--another record is certified there--> closed

The rule that keeps an honest holder honest: (chain, index) -> body is saved before it is signed,
and only that body is ever signed for that place. Signing is deterministic, so every retry is the
same bytes.
"""

import enum
from collections.abc import Callable, Iterable
from itertools import islice

import msgspec

from crypto.documents import Signed, document_digest
from crypto.hashing import Digest
from crypto.signing import SigningKey
from dht.records import MAX_INDEX, Body, Certificate, Kind, Record
from nodes.protocols.dht_micropayment.coin import (
    Coin,
    Evidence,
    chain,
    closes_at,
    opening_record,
    payee_accepts_until,
    read_coin,
)
from nodes.protocols.dht_micropayment.moves import Kept, Moves, moved
from nodes.protocols.dht_micropayment.refusals import (
    AlreadySigned,
    CertificateIsAnothers,
    LastStepCannotBePaid,
    MoveNotAllowed,
    NotEnoughCoins,
    NothingCommitted,
)
from nodes.protocols.dht_micropayment.step import (
    next_register,
    next_step,
    payee_named_in,
    read_step,
    reissue_register,
    sign_step,
)
from nodes.protocols.dht_micropayment.transfer import Transfer
from nodes.protocols.guard import Guards
from nodes.protocols.message import Milliseconds, PartyId, TransactionId


class CoinState(enum.StrEnum):
    """Where a coin stands with a party that holds, held or was sent it."""

    INCOMING = "incoming"
    """Mine once it is certified; worth nothing yet."""
    HELD = "held"
    OUTGOING = "outgoing"
    """Committed to its next step, which is signed for nobody else, ever."""
    SPENT = "spent"
    """Paid on, certified."""
    CLOSED = "closed"
    """Reissued or redeemed; or it never came, for its register holds another record."""


COIN_MOVES: Moves[CoinState] = {
    CoinState.INCOMING: frozenset({CoinState.HELD, CoinState.CLOSED}),
    CoinState.HELD: frozenset({CoinState.OUTGOING}),
    CoinState.OUTGOING: frozenset({CoinState.SPENT, CoinState.CLOSED}),
    CoinState.SPENT: frozenset(),
    CoinState.CLOSED: frozenset(),
}


class Holding(Kept, frozen=True):
    """One stay of a coin with one party: from the step that brought it to the one that ends it."""

    state: CoinState
    evidence: Evidence
    record: Record
    """The step that made (or makes) this party the holder."""
    predecessor: Certificate | None
    """The step before it; None where this party opens the coin."""
    transaction: TransactionId
    """By which it came."""
    certificate: Certificate | None = None
    """Of `record`."""
    committed: Body | None = None
    """The one step this holder signs behind it."""
    successor: Signed[Coin] | None = None
    """The new coin, where that step is a reissue."""
    leaves_by: TransactionId | None = None
    settlement: Certificate | None = None
    """Of the committed step."""
    rivals: tuple[Record, ...] = ()
    """Other records shown for the register of `record`: evidence, and no goods for this coin."""

    @property
    def coin(self) -> Coin:
        return read_coin(self.evidence.coin)

    @property
    def chain(self) -> Digest:
        return chain(self.coin)

    @property
    def step(self) -> Body:
        return read_step(self.record)

    @property
    def key(self) -> bytes:
        """A coin may come back to a party, so the step belongs to its name: 33 bytes."""
        return holding_key(self.chain, self.step.index)

    def moved(self, to: CoinState, **changes: object) -> "Holding":
        return moved(self, COIN_MOVES, to, **changes)


def holding_key(chain_: Digest, index: int) -> bytes:
    return chain_ + index.to_bytes(1, "big")


# how a coin comes


def opened(evidence: Evidence, transaction: TransactionId) -> Holding:
    """Before W3 and R5: the first holder of a generation, its opening not written yet."""
    record = opening_record(read_coin(evidence.coin))
    return Holding(CoinState.INCOMING, evidence, record, None, transaction)


def received(transfer: Transfer, transaction: TransactionId) -> Holding:
    """After P1, 8b, B1: a checked transfer to this party, not certified yet."""
    return Holding(
        CoinState.INCOMING, transfer.evidence, transfer.record, transfer.predecessor, transaction
    )


def certified(holding: Holding, certificate: Certificate) -> Holding:
    """A quorum voted for this party: the coin is its own."""
    if certificate.record.digest != holding.record.digest:
        raise CertificateIsAnothers()
    return holding.moved(CoinState.HELD, certificate=certificate)


def contested(holding: Holding, rivals: Iterable[Record]) -> Holding:
    """Other records are shown for the register that should make this party the holder."""
    known = {record.digest for record in (holding.record, *holding.rivals)}
    fresh = {record.digest: record for record in rivals if record.digest not in known}
    if not fresh:
        return holding
    return msgspec.structs.replace(holding, rivals=(*holding.rivals, *fresh.values()))


def lost(holding: Holding) -> Holding:
    """The register holds another record, or nobody votes any more: this coin never comes."""
    return holding.moved(CoinState.CLOSED)


# how it goes


def commit(
    holding: Holding,
    kind: Kind,
    payee: PartyId,
    terms: Digest,
    transaction: TransactionId,
    me: PartyId,
    guards: Guards,
    *,
    successor: Signed[Coin] | None = None,
) -> Holding:
    """Decide the coin's next step; save the result before it is signed.

    The same decision again changes nothing. Raises AlreadySigned for any other, MoveNotAllowed
    for a coin that is not held.
    """
    body = _decided_body(holding, kind, payee, terms, me, guards, successor)
    if holding.committed is not None:
        if holding.committed != body:
            raise AlreadySigned()
        return holding
    return holding.moved(
        CoinState.OUTGOING, committed=body, successor=successor, leaves_by=transaction
    )


def _decided_body(
    holding: Holding,
    kind: Kind,
    payee: PartyId,
    terms: Digest,
    me: PartyId,
    guards: Guards,
    successor: Signed[Coin] | None,
) -> Body:
    coin, last = holding.coin, holding.step
    place = next_register(coin, last)
    if kind == "pay" and place.index == MAX_INDEX:
        raise LastStepCannotBePaid()
    if kind == "reissue":
        assert successor is not None, "a reissue makes a new coin"
        place = reissue_register(coin, last, read_coin(successor).generation, guards)
    named = payee_named_in(payee, guards) if kind == "pay" else payee
    return next_step(coin, last, place, kind=kind, payer=me, payee=named, terms=terms)


def sign_committed(holding: Holding, key: SigningKey) -> Transfer:
    """The committed step, signed, with what proves it: the same bytes every time."""
    if holding.committed is None:
        raise NothingCommitted()
    assert holding.certificate is not None, "only a held coin is committed"
    evidence = holding.evidence
    if holding.successor is not None:
        evidence = Evidence(
            evidence.coin, evidence.parent, evidence.reissue, successor=holding.successor
        )
    return Transfer(sign_step(holding.committed, key), holding.certificate, evidence)


def settled(holding: Holding, certificate: Certificate) -> Holding:
    """A quorum voted for the committed step: the coin is another's, or closed."""
    if holding.committed is None:
        raise NothingCommitted()
    if certificate.record.digest != document_digest(holding.committed):
        raise CertificateIsAnothers()
    paid = holding.committed.kind == "pay"
    return holding.moved(CoinState.SPENT if paid else CoinState.CLOSED, settlement=certificate)


def handed_over(holding: Holding) -> Holding:
    """Who got the coin says so in a signed receipt; no certificate need be fetched."""
    if holding.committed is None:
        raise NothingCommitted()
    paid = holding.committed.kind == "pay"
    return holding.moved(CoinState.SPENT if paid else CoinState.CLOSED)


# which to take


def can_pay(holding: Holding, until: Milliseconds, quorum_milliseconds: int) -> bool:
    """Whether a payee would still take the coin at `until`, and has a step left to pay it back."""
    return (
        holding.state is CoinState.HELD
        and holding.step.index + 2 < MAX_INDEX
        and until <= payee_accepts_until(holding.coin, quorum_milliseconds)
    )


def can_redeem(holding: Holding, now: Milliseconds) -> bool:
    return holding.state is CoinState.HELD and now <= closes_at(holding.coin)


def by_expiry(holding: Holding) -> tuple[Milliseconds, int, bytes]:
    """What coins are spent by, the least in front: those that expire first."""
    return holding.coin.expires, holding.coin.serial, holding.key


def choose(
    in_order: Iterable[Holding], count: int, fit: Callable[[Holding], bool]
) -> list[Holding]:
    """The first `count` coins that fit; no further than that is looked. Raises NotEnoughCoins."""
    found = list(islice(filter(fit, in_order), count))
    if len(found) < count:
        raise NotEnoughCoins(f"{count} wanted, {len(found)} can be spent now")
    return found


def require_held(holding: Holding | None) -> Holding:
    """Raises MoveNotAllowed for a coin this party does not hold now."""
    if holding is None or holding.state is not CoinState.HELD:
        raise MoveNotAllowed("the coin is not held here now")
    return holding
