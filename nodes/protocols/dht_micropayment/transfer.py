"""Step P1: a payment of one coin, what its payer makes and what its payee and witnesses check.

Equation (4). The transfer names its payee, the step before and the order it pays, and travels
with what proves the payer to be the holder, so a payee needs no walk through the coin's history.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec

from crypto.hashing import Digest, digest
from dht.records import MAX_INDEX, Certificate, Kind, Record
from nodes.protocols.dht_micropayment import guards as rules
from nodes.protocols.dht_micropayment.coin import (
    MAX_COINS,
    Evidence,
    Trust,
    chain,
    payee_accepts_until,
    read_coin,
    witnesses_accept_until,
)
from nodes.protocols.dht_micropayment.genuine import check_coin, check_purpose
from nodes.protocols.dht_micropayment.refusals import (
    CoinGivenTwice,
    LastStepCannotBePaid,
    TermsDiffer,
    WrongKind,
)
from nodes.protocols.dht_micropayment.step import Shown, Step, check_step, check_window
from nodes.protocols.message import Milliseconds, PartyId

Order = Annotated[bytes, msgspec.Meta(min_length=1, max_length=32)]
"""What a payment is for, in the words of whoever agreed on it: a transaction, a digest."""


class Transfer(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """T_U with the certified step that made U the holder, and what proves the coin."""

    record: Record
    predecessor: Certificate
    evidence: Evidence


Transfers = Annotated[tuple[Transfer, ...], msgspec.Meta(min_length=1, max_length=MAX_COINS)]


class SalePayment(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What a sale carries as its payment, into escrow (7) and out of it (8b, 8r).

    The order is the sale. A price of nothing is paid by no coin, and so is a refund of nothing.
    """

    transfers: Annotated[tuple[Transfer, ...], msgspec.Meta(max_length=MAX_COINS)]


@dataclass(frozen=True)
class Receiver:
    """Who is paid, when, and how much time the payee still needs of a coin."""

    me: PartyId
    now: Milliseconds
    quorum_milliseconds: int
    lenient: bool = False
    """Takes a coin as long as witnesses certify it: what comes back is better late than lost."""
    pays_on: bool = False
    """Takes a coin only if it can be paid on: back to its payer, or out of escrow."""


def terms_of(order: bytes, chains: Sequence[Digest]) -> Digest:
    """Binds a step to its order, to how many coins pay it and to which they are. 32 bytes."""
    return digest("coin terms", order, len(chains).to_bytes(8, "big"), *chains)


def chains_of(transfers: Sequence[Transfer]) -> tuple[Digest, ...]:
    return tuple(chain(read_coin(transfer.evidence.coin)) for transfer in transfers)


def check_transfers(
    transfers: Sequence[Transfer], order: bytes, receiver: Receiver, trust: Trust, *, kind: Kind
) -> tuple[Step, ...]:
    """The steps of one payment (or redemption) to `receiver`, each checked, none certified yet.

    Raises the refusal of the first that is wrong, CoinGivenTwice, or TermsDiffer where a
    transfer was made for another order or another set of coins.
    """
    steps = tuple(check_transfer(transfer, receiver, trust, kind=kind) for transfer in transfers)
    chains = tuple(step.body.chain for step in steps)
    if len(set(chains)) != len(chains):
        raise CoinGivenTwice()
    terms = terms_of(order, chains)
    if any(step.body.terms != terms for step in steps):
        raise TermsDiffer()
    return steps


def check_transfer(transfer: Transfer, receiver: Receiver, trust: Trust, *, kind: Kind) -> Step:
    """One coin on its way to `receiver`: genuine, the payer's, for nobody else, in time."""
    coin = check_coin(transfer.evidence, trust)
    step = check_step(Shown(transfer.record, transfer.predecessor), coin, trust)
    if step.body.kind != kind:
        raise WrongKind(f"{step.body.kind} instead of {kind}")
    trust.guards.require(rules.payee_is_named, step.body, receiver.me)
    check_purpose(step, transfer.evidence, trust)
    if receiver.pays_on and step.body.index + 1 >= MAX_INDEX:
        raise LastStepCannotBePaid()
    if kind == "pay":
        until = payee_accepts_until(coin, receiver.quorum_milliseconds)
        if receiver.lenient:
            until = witnesses_accept_until(coin, kind)
        trust.guards.require(rules.coin_has_not_expired, receiver.now, until)
    else:
        check_window(step, receiver.now, trust.guards)
    return step
