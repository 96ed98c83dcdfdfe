"""DC-24 and what else can be denied of a coin's life: by public keys and evidence alone."""

import pytest

from crypto import codec
from crypto.documents import sign_document
from dht.records import FraudProof, Record
from nodes.protocols.dht_micropayment.judge import (
    AGREED,
    ISSUED,
    PAID,
    SPENT_TWICE,
    VOTED_TWICE,
    WAS_PAID,
    judge,
)
from nodes.protocols.dht_micropayment.messages import Promise, Quote, Receipt
from nodes.protocols.evidence import Answer, Ruled
from nodes.protocols.message import Role
from tests.protocols.altered_evidence import altered, enveloped
from tests.protocols.dht_micropayment.market import (
    AUTHORITY,
    BY_ID,
    NOW,
    ORDER,
    ROSTER,
    TX,
    B,
    U,
    V,
    W,
    X,
    certify,
    held,
    resigned,
    transfer,
)
from tests.protocols.dht_micropayment.test_fraud import double

KEYS = {
    Role.CERTIFICATE_AUTHORITY: frozenset({AUTHORITY.public_key}),
    Role.BROKER: frozenset({B.public_key}),
}
SIGNED_ROSTER = codec.encode(sign_document(ROSTER, AUTHORITY))
[COIN] = held()
TO_V = transfer(COIN, U, V)
PAID_TO_V = certify(TO_V.record)
REPORT = double(COIN)


def ruled(denial: str, *pieces: bytes, keys: object = KEYS) -> list[Ruled]:
    return [r for r in judge(pieces, keys) if r.denial == denial]  # type: ignore[arg-type]


def culprits(denial: str, *pieces: bytes) -> set[bytes | None]:
    return {r.culprit for r in ruled(denial, *pieces) if r.answer is Answer.DECIDED}


def spent_twice() -> tuple[bytes, bytes, bytes]:
    assert REPORT.predecessor is not None
    proof = FraudProof(REPORT.proof.first, REPORT.proof.second)
    return SIGNED_ROSTER, codec.encode(REPORT.predecessor), codec.encode(proof)


def test_dc_24_two_records_and_the_step_before_convict_the_double_spender() -> None:
    assert culprits(SPENT_TWICE, *spent_twice()) == {U.public_key}


def test_the_report_as_it_travelled_convicts_too() -> None:
    wire = enveloped(REPORT, V, B, TX)
    assert culprits(SPENT_TWICE, SIGNED_ROSTER, wire) == {U.public_key}


@pytest.mark.parametrize("left_out", [0, 1])
def test_without_roster_or_step_before_it_is_undecidable(left_out: int) -> None:
    pieces = [piece for place, piece in enumerate(spent_twice()) if place != left_out]
    (found,) = ruled(SPENT_TWICE, *pieces)
    assert (found.answer, found.culprit) == (Answer.UNDECIDABLE, None)


def test_a_roster_of_somebody_else_makes_nobody_believe_a_certificate() -> None:
    keys = {Role.CERTIFICATE_AUTHORITY: frozenset({X.public_key})}
    (found,) = ruled(SPENT_TWICE, *spent_twice(), keys=keys)
    assert found.answer is Answer.UNDECIDABLE


def test_a_stranger_who_signs_twice_convicts_nobody() -> None:
    forged = [resigned(transfer(COIN, U, payee), X, payer=X.public_key) for payee in (V, W)]
    pieces = [codec.encode(one.record) for one in forged]
    predecessor = codec.encode(REPORT.predecessor)
    assert culprits(SPENT_TWICE, SIGNED_ROSTER, predecessor, *pieces) == set()


def test_one_record_shown_twice_convicts_nobody() -> None:
    piece = codec.encode(FraudProof(REPORT.proof.first, REPORT.proof.first))
    assert ruled(SPENT_TWICE, SIGNED_ROSTER, codec.encode(REPORT.predecessor), piece) == []


def test_a_certified_payment_binds_payer_and_payee() -> None:
    pieces = (SIGNED_ROSTER, codec.encode(PAID_TO_V))
    assert culprits(PAID, *pieces) == {U.public_key}
    assert culprits(WAS_PAID, *pieces) == {V.public_key}


def test_a_step_that_is_signed_and_not_certified_decides_nothing() -> None:
    for denial in (PAID, WAS_PAID):
        (found,) = ruled(denial, SIGNED_ROSTER, codec.encode(TO_V.record))
        assert found.answer is Answer.UNDECIDABLE


def test_too_few_votes_certify_nothing() -> None:
    few = codec.encode(certify(TO_V.record, votes=3))
    assert culprits(PAID, SIGNED_ROSTER, few) == set()


RECEIPT = Receipt(V.public_key, U.public_key, ORDER.ljust(32, b"."), 1, bytes(32))
QUOTE = Quote(
    V.public_key,
    U.public_key,
    ORDER.ljust(32, b"."),
    1,
    NOW,
    Promise.EVERY_CERTIFIED_COIN,
)


def test_receipt_and_quote_bind_the_payee() -> None:
    receipt, quote = (codec.encode(sign_document(it, V)) for it in (RECEIPT, QUOTE))
    assert culprits(WAS_PAID, receipt) == {V.public_key}
    assert culprits(AGREED, quote) == {V.public_key}


def test_the_broker_cannot_deny_its_coin() -> None:
    piece = codec.encode(COIN.evidence.coin)
    assert culprits(ISSUED, piece) == {B.public_key}
    assert ruled(ISSUED, piece, keys={}) == []


def voted_twice() -> tuple[bytes, bytes]:
    """Two bodies for one register, and one witness that signed for both."""
    first, second = REPORT.proof.first, REPORT.proof.second
    voters = [BY_ID[member] for member in ROSTER.closest(first.body().name.key)]
    return (
        codec.encode(certify(first, voters=voters[:4])),
        codec.encode(certify(second, voters=[voters[0]])),
    )


def test_a_witness_is_convicted_by_two_votes() -> None:
    voter = ROSTER.closest(REPORT.proof.first.body().name.key)[0]
    assert culprits(VOTED_TWICE, *voted_twice()) == {voter}


def test_one_vote_twice_convicts_no_witness() -> None:
    first, _ = voted_twice()
    assert ruled(VOTED_TWICE, first, codec.encode(certify(REPORT.proof.first, votes=3))) == []


def convictions(*pieces: bytes) -> set[tuple[str, bytes]]:
    return {(r.denial, r.culprit) for r in judge(pieces, KEYS) if r.culprit is not None}


RECORD: Record = TO_V.record
WHOLE = [
    [SIGNED_ROSTER, codec.encode(REPORT.predecessor), enveloped(REPORT, V, B, TX)],
    list(spent_twice()),
    [SIGNED_ROSTER, codec.encode(PAID_TO_V)],
    list(voted_twice()),
    [codec.encode(sign_document(RECEIPT, V))],
    [codec.encode(sign_document(QUOTE, V))],
    [codec.encode(COIN.evidence.coin)],
]


@pytest.mark.parametrize("pieces", WHOLE)
def test_what_was_altered_convicts_nobody_else(pieces: list[bytes]) -> None:
    told = convictions(*pieces)
    assert told
    for place, piece in enumerate(pieces):
        for path, other in altered(piece):
            changed = [*pieces[:place], other, *pieces[place + 1 :]]
            assert convictions(*changed) <= told, path


@pytest.mark.parametrize(
    "piece", [codec.encode(sign_document(RECEIPT, V)), codec.encode(COIN.evidence.coin)]
)
def test_a_paper_with_any_field_altered_convicts_nobody(piece: bytes) -> None:
    for path, other in altered(piece):
        assert convictions(other) == set(), path
