"""Bodies, votes, certificates, rosters, fraud proofs: each field altered."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import fields, replace

from crypto import codec
from crypto.codec import MalformedEncoding
from crypto.documents import Signed, content_digest, open_document, sign_document
from crypto.meter import metering
from crypto.signing import InvalidSignature, SigningKey
from dht.records import (
    Body,
    Certificate,
    FraudProof,
    InvalidCertificate,
    Put,
    Record,
    RegisterName,
    Roster,
    Vote,
    cast_vote,
    check_certificate,
    check_fraud_proof,
    check_vote,
    node_id,
    quorum,
)
from tests.dht.worlds import key_of, keys, signed_roster

ALICE, BOB, CAROL = key_of("alice"), key_of("bob"), key_of("carol")
MEMBERS = keys(16)
BY_KEY = {member.public_key: member for member in MEMBERS}
SIGNED_ROSTER = signed_roster(MEMBERS, 8, 6)
ROSTER = open_document(Roster, SIGNED_ROSTER)
ROSTER_DIGEST = content_digest(Roster, SIGNED_ROSTER.content)


def body(**changes: Any) -> Body:
    made = Body(
        namespace="coin",
        chain=bytes(32),
        index=3,
        kind="pay",
        payer=ALICE.public_key,
        payee=BOB.public_key,
        previous=bytes(32),
        subject=bytes(32),
        terms=b"order",
    )
    return replace(made, **changes)


def record(of: Body, payer: SigningKey = ALICE) -> Record:
    return Record(sign_document(of, payer))


BODY = body()
RECORD = record(BODY)
CLOSEST = ROSTER.closest(BODY.name.key)


def vote_of(member: bytes, of: Record = RECORD) -> Vote:
    return cast_vote(BY_KEY[member], of.body().name, of.digest, 1, ROSTER_DIGEST)


def certificate(voters: tuple[bytes, ...] = CLOSEST[:6], of: Record = RECORD) -> Certificate:
    return Certificate(of, 1, ROSTER_DIGEST, tuple(vote_of(v, of) for v in voters))


def check(it: Certificate) -> Body:
    return check_certificate(it, ROSTER, ROSTER_DIGEST)


def test_a_record_opens_to_its_body_only_with_its_payers_signature() -> None:
    assert RECORD.body() == BODY
    with pytest.raises(InvalidSignature):
        record(BODY, BOB).body()
    with pytest.raises(InvalidSignature):
        Record(Signed(RECORD.signed.content, ())).body()


ALTERED = {
    "namespace": "token",
    "chain": b"\x01" * 32,
    "index": 4,
    "kind": "redeem",
    "payer": BOB.public_key,
    "payee": CAROL.public_key,
    "previous": b"\x01" * 32,
    "subject": b"\x01" * 32,
    "terms": b"another order",
}


def test_every_field_of_a_body_is_altered_below() -> None:
    assert set(ALTERED) == {field.name for field in fields(Body)}


@pytest.mark.parametrize("field", ALTERED)
def test_an_altered_body_is_another_value_with_a_false_signature(field: str) -> None:
    other = replace(BODY, **{field: ALTERED[field]})
    altered = Record(Signed(codec.encode(other), RECORD.signed.signatures))
    assert altered.digest != RECORD.digest
    with pytest.raises(InvalidSignature):
        altered.body()
    with pytest.raises(InvalidCertificate):
        check(replace(certificate(), record=altered))


def test_the_value_voted_on_does_not_depend_on_signatures() -> None:
    assert Record(Signed(RECORD.signed.content, (bytes(64),))).digest == RECORD.digest


def test_index_0_has_no_signature_and_may_have_none() -> None:
    opening = body(index=0, kind="open", previous=b"")
    assert Record(Signed(codec.encode(opening), ())).body() == opening
    with pytest.raises(InvalidSignature):
        record(opening).body()


@pytest.mark.parametrize(
    "changes", [{"index": 64}, {"index": -1}, {"kind": "steal"}, {"namespace": ""}, {"payee": b"x"}]
)
def test_a_body_outside_its_bounds_is_malformed(changes: dict[str, Any]) -> None:
    content = codec.encode(tuple({**dataclass_of(BODY), **changes}.values()))
    with pytest.raises(MalformedEncoding):
        Record(Signed(content, (bytes(64),))).body()


def dataclass_of(of: Body) -> dict[str, Any]:
    return {field.name: getattr(of, field.name) for field in fields(Body)}


def test_every_part_of_a_name_moves_the_key() -> None:
    name = RegisterName("coin", bytes(32), 1)
    others = [
        RegisterName("item", bytes(32), 1),
        RegisterName("coin", b"\x01" * 32, 1),
        RegisterName("coin", bytes(32), 2),
    ]
    assert len({name.key, *(other.key for other in others)}) == 4
    assert len(name.key) == 20


def test_a_vote_counts_for_exactly_what_it_was_cast_for() -> None:
    vote = vote_of(CLOSEST[0])
    name, value = BODY.name, RECORD.digest
    check_vote(vote, name, value, 1, ROSTER_DIGEST)
    false: list[tuple[Vote, RegisterName, bytes, int, bytes]] = [
        (vote, RegisterName("token", name.chain, name.index), value, 1, ROSTER_DIGEST),
        (vote, RegisterName(name.namespace, b"\x01" * 32, name.index), value, 1, ROSTER_DIGEST),
        (vote, RegisterName(name.namespace, name.chain, 4), value, 1, ROSTER_DIGEST),
        (vote, name, bytes(32), 1, ROSTER_DIGEST),
        (vote, name, value, 2, ROSTER_DIGEST),
        (vote, name, value, 1, bytes(32)),
        (Vote(CLOSEST[1], vote.signature), name, value, 1, ROSTER_DIGEST),
        (Vote(vote.voter, bytes(64)), name, value, 1, ROSTER_DIGEST),
    ]
    for arguments in false:
        with pytest.raises(InvalidSignature):
            check_vote(*arguments)


def test_q_votes_of_the_closest_certify_in_any_order() -> None:
    assert check(certificate()) == BODY
    assert check(certificate(CLOSEST)) == BODY
    assert check(certificate(CLOSEST[:1:-1])) == BODY


def test_fewer_than_q_votes_do_not() -> None:
    with pytest.raises(InvalidCertificate):
        check(certificate(CLOSEST[:5]))


def test_one_member_counts_once() -> None:
    with pytest.raises(InvalidCertificate):
        check(certificate((*CLOSEST[:5], CLOSEST[0])))


def test_votes_of_members_further_away_are_worth_nothing() -> None:
    beyond = [key for key in ROSTER.members if key not in CLOSEST]
    with pytest.raises(InvalidCertificate):
        check(certificate((*CLOSEST[:5], beyond[0])))
    with pytest.raises(InvalidCertificate):
        check(certificate(tuple(beyond[:6])))


def test_votes_of_strangers_are_worth_nothing() -> None:
    stranger = cast_vote(key_of("stranger"), BODY.name, RECORD.digest, 1, ROSTER_DIGEST)
    good = certificate()
    with pytest.raises(InvalidCertificate):
        check(replace(good, votes=(*good.votes[:5], stranger)))
    with pytest.raises(InvalidCertificate):
        check(replace(good, votes=(*good.votes, stranger)))


def test_one_false_vote_spoils_a_certificate() -> None:
    good = certificate()
    with pytest.raises(InvalidCertificate):
        check(replace(good, votes=(*good.votes[:5], Vote(CLOSEST[5], bytes(64)))))


def test_ones_own_vote_is_known_by_comparing_it() -> None:
    good = certificate()
    good.record.body()
    with metering() as meter:
        check_certificate(good, ROSTER, ROSTER_DIGEST, own=good.votes[0])
    assert meter["verify"] == 5, "five votes; the record was opened before"
    altered = Vote(good.votes[0].voter, bytes(64))
    spoilt = replace(good, votes=(altered, *good.votes[1:]))
    with pytest.raises(InvalidCertificate):
        check_certificate(spoilt, ROSTER, ROSTER_DIGEST, own=good.votes[0])


@pytest.mark.parametrize("change", [{"epoch": 2}, {"roster": bytes(32)}])
def test_a_certificate_belongs_to_one_epoch_and_roster(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidCertificate):
        check(replace(certificate(), **change))


def test_votes_for_another_body_certify_nothing() -> None:
    other = record(body(payee=CAROL.public_key))
    with pytest.raises(InvalidCertificate):
        check(replace(certificate(), record=other))


@given(st.integers(0, 2**31))
def test_no_bit_of_a_certificate_can_be_flipped(position: int) -> None:
    data = bytearray(codec.encode(certificate()))
    position %= 8 * len(data)
    data[position // 8] ^= 1 << position % 8
    with pytest.raises((InvalidCertificate, MalformedEncoding)):
        check(codec.decode(bytes(data), Certificate))


@given(st.binary(min_size=20, max_size=20))
def test_the_closest_are_the_k_with_the_least_distance(key: bytes) -> None:
    target = int.from_bytes(key, "big")
    distance = {m: int.from_bytes(node_id(m), "big") ^ target for m in ROSTER.members}
    closest = ROSTER.closest(key)
    assert len(closest) == 8
    assert [distance[m] for m in closest] == sorted(distance.values())[:8]


def test_a_node_id_is_20_bytes_and_follows_from_the_key() -> None:
    assert len(node_id(ALICE.public_key)) == 20
    assert node_id(ALICE.public_key) == node_id(ALICE.public_key)
    assert node_id(ALICE.public_key) != node_id(BOB.public_key)


@pytest.mark.parametrize(
    ("k", "liars", "drift", "q"),
    [(8, 1, 2, 6), (8, 2, 1, 6), (5, 1, 1, 4), (20, 4, 5, 15), (8, 0, 1, 5), (7, 1, 2, 6)],
)
def test_quorums(k: int, liars: int, drift: int, q: int) -> None:
    assert quorum(k, liars, drift) == q


@given(st.integers(1, 64), st.integers(0, 10), st.integers(0, 10))
def test_two_quorums_share_more_than_the_liars(k: int, liars: int, drift: int) -> None:
    q = quorum(k, liars, drift)
    assert 2 * q - k - drift >= liars + 1
    assert 2 * (q - 1) - k - drift < liars + 1, "one vote fewer would not be safe"


def test_two_bodies_signed_by_one_payer_convict_him() -> None:
    other = record(body(payee=CAROL.public_key))
    assert check_fraud_proof(FraudProof(RECORD, other)) == (BODY, other.body())


def test_what_is_no_fraud() -> None:
    other = body(payee=CAROL.public_key)
    opening = Record(Signed(codec.encode(body(index=0)), ()))
    second = Record(Signed(codec.encode(body(index=0, terms=b"")), ()))
    for first, other_record in [
        (RECORD, RECORD),
        (RECORD, Record(Signed(codec.encode(other), (bytes(64),)))),
        (RECORD, record(body(index=4))),
        (RECORD, record(body(chain=b"\x01" * 32))),
        (RECORD, record(body(namespace="token"))),
        (RECORD, record(body(payer=BOB.public_key), BOB)),
        (opening, second),
    ]:
        with pytest.raises(ValueError, match=r"."):
            check_fraud_proof(FraudProof(first, other_record))


def test_a_put_keeps_its_evidence_within_bounds() -> None:
    put = Put(RECORD, certificate(), bytes(4096))
    assert codec.decode(codec.encode(put), Put) == put
    with pytest.raises(MalformedEncoding):
        codec.decode(codec.encode(replace(put, evidence=bytes(4097))), Put)
