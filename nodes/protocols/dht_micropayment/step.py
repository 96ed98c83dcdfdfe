"""One step of a coin's life: what its writer makes, and what payee, witness and broker all check.

A step is a `Body` in the coin's next register. It is shown with the certified step before it and
with what proves the coin, so nobody needs a walk through the coin's history.
"""

from dataclasses import dataclass
from functools import lru_cache

import msgspec

from crypto import codec
from crypto.codec import MalformedEncoding
from crypto.documents import document_digest, sign_document
from crypto.hashing import DIGEST_BYTES, Digest, digest
from crypto.signing import InvalidSignature, SigningKey
from dht.records import (
    MAX_INDEX,
    Body,
    Certificate,
    InvalidCertificate,
    Kind,
    Record,
    RegisterName,
    VoterIsNotAMember,
    check_vote,
)
from nodes.protocols.dht_micropayment import guards as rules
from nodes.protocols.dht_micropayment.coin import (
    NAMESPACE,
    READ_AGAIN,
    Coin,
    Trust,
    chain,
    closes_at,
    reissue_opens_at,
    witnesses_accept_until,
)
from nodes.protocols.dht_micropayment.refusals import (
    BodyIsNotTheCoins,
    LastStepCannotBePaid,
    PredecessorNotCertified,
    RecordNotSigned,
    TermsDiffer,
    TooEarlyToReissue,
    WrongKind,
)
from nodes.protocols.errors import Refused
from nodes.protocols.guard import Guards
from nodes.protocols.message import Milliseconds, PartyId


class Shown(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A record and the certified step before it; None at index 0."""

    record: Record
    predecessor: Certificate | None


@dataclass(frozen=True)
class Step:
    """A step that has been checked, all but its time."""

    coin: Coin
    body: Body
    previous: Body | None


# what a writer makes


def next_step(
    coin: Coin,
    last: Body,
    place: RegisterName,
    *,
    kind: Kind,
    payer: PartyId,
    payee: PartyId,
    terms: Digest,
) -> Body:
    """What follows the certified step that made `payer` holder. Equation (4), payee and terms
    added."""
    return Body(
        namespace=NAMESPACE,
        chain=place.chain,
        index=place.index,
        kind=kind,
        payer=payer,
        payee=payee,
        previous=document_digest(last),
        subject=document_digest(coin),
        terms=terms,
    )


def sign_step(body: Body, key: SigningKey) -> Record:
    return Record(sign_document(body, key))


def next_register(coin: Coin, last: Body) -> RegisterName:
    """(C, i + 1). Raises LastStepCannotBePaid where a generation has no more steps."""
    if last.index >= MAX_INDEX:
        raise LastStepCannotBePaid()
    return RegisterName(NAMESPACE, chain(coin), last.index + 1)


def pointer_register(old: Coin, generation: int) -> RegisterName:
    """Key C of equation (7), as printed: apart from the chain, one for each coin made from C."""
    name = digest("coin pointer", chain(old), generation.to_bytes(8, "big"))
    return RegisterName(NAMESPACE, name, 1)


def reissue_register(old: Coin, last: Body, generation: int, guards: Guards) -> RegisterName:
    """Where step R3 is written: the chain's next place, or (printed) a key of its own."""
    if guards.is_on(rules.reissue_takes_the_next_register):
        return next_register(old, last)
    return pointer_register(old, generation)


def payee_named_in(payee: PartyId, guards: Guards) -> PartyId:
    """What a transfer says of its payee: its name, or (printed) nothing."""
    return payee if guards.is_on(rules.payee_is_named) else rules.ANYBODY


# what everyone checks


def read_record(record: Record) -> Body:
    """The body, signed by its payer. Raises RecordNotSigned."""
    try:
        return record.body()
    except ValueError as error:
        raise RecordNotSigned(str(error)) from error


def certified_body(certificate: Certificate, trust: Trust, refusal: type[Refused]) -> Body:
    """What a quorum voted for. Raises `refusal`, or WitnessIsNotAMember for strangers' votes."""
    try:
        return trust.certified(certificate)
    except VoterIsNotAMember:
        trust.guards.require(rules.witnesses_are_members, certificate, trust.certified)
        return _voted_by_anyone(certificate, refusal)
    except InvalidCertificate as error:
        raise refusal(str(error)) from error


def _voted_by_anyone(certificate: Certificate, refusal: type[Refused]) -> Body:
    """The body, if each vote is its voter's, whoever that is (printed)."""
    try:
        body, value = certificate.record.body(), certificate.record.digest
        for vote in certificate.votes:
            check_vote(vote, body.name, value, certificate.epoch, certificate.roster)
    except (InvalidSignature, MalformedEncoding) as error:
        raise refusal(str(error)) from error
    return body


def check_opening(shown: Shown, coin: Coin, trust: Trust) -> Step:
    """Steps W3 and R5: the first holder is who the coin says. Equations (3), (9)."""
    body = read_record(shown.record)
    if body.kind != "open" or body.index != 0:
        raise WrongKind(f"{body.kind} at step {body.index}")
    if shown.predecessor is not None or body.name != RegisterName(NAMESPACE, chain(coin), 0):
        raise BodyIsNotTheCoins("a coin is opened in the first register of its own chain")
    trust.guards.require(rules.body_belongs_to_the_coin, body, coin)
    return Step(coin, body, None)


def check_step(shown: Shown, coin: Coin, trust: Trust) -> Step:
    """Everything but the time of a payment, reissue or redemption of a genuine coin."""
    body = read_record(shown.record)
    guards = trust.guards
    if body.kind == "open" or body.index == 0:
        raise WrongKind(f"{body.kind} at step {body.index}")
    if shown.predecessor is None:
        raise PredecessorNotCertified("no step before is shown")
    previous = certified_body(shown.predecessor, trust, PredecessorNotCertified)
    if (previous.namespace, previous.chain) != (NAMESPACE, chain(coin)):
        raise BodyIsNotTheCoins("the step before is another coin's")
    if len(body.terms) != DIGEST_BYTES:
        raise TermsDiffer("terms are one digest")
    guards.require(rules.reissue_takes_the_next_register, body, coin)
    if body.kind != "reissue" and body.chain != chain(coin):
        raise BodyIsNotTheCoins("the step is in another coin's chain")
    guards.require(rules.body_belongs_to_the_coin, body, coin)
    guards.require(rules.body_belongs_to_the_coin, previous, coin)
    guards.require(rules.payer_holds_the_coin, body, _holder(previous, body, guards))
    place = _place(body, previous, coin)
    guards.require(rules.steps_follow_each_other, body, previous, place)
    if body.kind == "pay":
        guards.require(rules.payee_is_named, body, None)
        if body.index == MAX_INDEX:
            raise LastStepCannotBePaid()
    return Step(coin, body, previous)


def _holder(previous: Body, body: Body, guards: Guards) -> PartyId:
    """Whom the step before made holder; a transfer that names nobody makes one of whoever comes."""
    if previous.payee == rules.ANYBODY and not guards.is_on(rules.payee_is_named):
        return body.payer
    return previous.payee


def _place(body: Body, previous: Body, coin: Coin) -> RegisterName:
    """Where this step belongs; a reissue beside the chain got here because its guard is off."""
    if body.chain != chain(coin):
        return RegisterName(NAMESPACE, body.chain, 1)
    return RegisterName(NAMESPACE, body.chain, previous.index + 1)


def check_window(step: Step, now: Milliseconds, guards: Guards) -> None:
    """A witness votes only while the coin's time allows this kind of step."""
    coin, kind = step.coin, step.body.kind
    until = closes_at(coin) if kind == "open" else witnesses_accept_until(coin, kind)
    guards.require(rules.coin_has_not_expired, now, until)
    if kind == "reissue" and now < reissue_opens_at(coin):
        raise TooEarlyToReissue()


def read_step(record: Record) -> Body:
    """A body whose signature was checked when it came in."""
    return _read(record.signed.content)


@lru_cache(maxsize=READ_AGAIN)
def _read(content: bytes) -> Body:
    return codec.decode(content, Body)
