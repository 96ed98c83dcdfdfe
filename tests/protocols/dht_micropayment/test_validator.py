"""What a witness votes for, and all that it refuses: every field, every window, every guard."""

from collections.abc import Callable

import msgspec
import pytest

from crypto import codec
from crypto.documents import Signed, sign_document
from dht.records import Body, Certificate, Record
from nodes.protocols.dht_micropayment import guards as rules
from nodes.protocols.dht_micropayment import holding as holdings
from nodes.protocols.dht_micropayment.coin import Evidence, chain, opening_record, read_coin
from nodes.protocols.dht_micropayment.holding import Holding
from nodes.protocols.dht_micropayment.refusals import (
    BodyIsNotTheCoins,
    CoinHasExpired,
    CoinIsNotGenuine,
    LastStepCannotBePaid,
    MalformedEvidence,
    PayeeIsNotYou,
    PayerDoesNotHoldTheCoin,
    PredecessorNotCertified,
    RecordNotSigned,
    ReissueDoesNotFollow,
    StepOutOfOrder,
    TermsDiffer,
    WitnessIsNotAMember,
    WrongKind,
)
from nodes.protocols.dht_micropayment.transfer import Transfer
from nodes.protocols.dht_micropayment.validator import check_put
from nodes.protocols.errors import Refused
from nodes.protocols.guard import ALL_ON, Guard, Guards
from tests.protocols.dht_micropayment.market import (
    NOW,
    STRANGERS,
    VALIDITY,
    WINDOW,
    B,
    U,
    V,
    W,
    X,
    certify,
    held,
    issued,
    passed_on,
    resigned,
    transfer,
    trust,
    without,
)


def put(sent: Transfer, *, now: int = NOW, guards: Guards = ALL_ON) -> None:
    check_put(sent.record, sent.predecessor, codec.encode(sent.evidence), now, trust(guards))


def put_opening(
    record: Record, evidence: Evidence, *, now: int = NOW, guards: Guards = ALL_ON
) -> None:
    check_put(record, None, codec.encode(evidence), now, trust(guards))


def paid() -> Transfer:
    [coin] = held()
    return transfer(coin, U, V)


def test_an_opening_is_voted_for() -> None:
    [evidence] = issued()
    put_opening(opening_record(read_coin(evidence.coin)), evidence)


def test_a_payment_by_the_holder_is_voted_for_and_so_is_the_next() -> None:
    [coin] = held()
    put(transfer(coin, U, V))
    put(transfer(passed_on(coin, U, V), V, W))


def test_a_redemption_to_the_broker_is_voted_for() -> None:
    [coin] = held()
    put(transfer(coin, U, B, kind="redeem"))


def test_a_redemption_to_anyone_else_is_refused() -> None:
    [coin] = held()
    with pytest.raises(WrongKind):
        put(transfer(coin, U, V, kind="redeem"))


# each field altered, signed again by the payer


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"namespace": "item"}, BodyIsNotTheCoins),
        ({"chain": bytes(32)}, BodyIsNotTheCoins),
        ({"index": 2}, StepOutOfOrder),
        ({"kind": "open"}, WrongKind),
        ({"payer": X.public_key}, PayerDoesNotHoldTheCoin),
        ({"payee": rules.ANYBODY}, PayeeIsNotYou),
        ({"previous": bytes(32)}, StepOutOfOrder),
        ({"previous": b""}, StepOutOfOrder),
        ({"subject": bytes(32)}, BodyIsNotTheCoins),
        ({"terms": b""}, TermsDiffer),
        ({"terms": bytes(33)}, TermsDiffer),
    ],
)
def test_each_altered_field_is_refused(changes: dict[str, object], refusal: type[Refused]) -> None:
    signer = X if "payer" in changes else U
    with pytest.raises(refusal):
        put(resigned(paid(), signer, **changes))


def test_a_record_its_payer_did_not_sign_is_refused() -> None:
    with pytest.raises(RecordNotSigned):
        put(resigned(paid(), X))


def test_a_record_without_signature_is_refused() -> None:
    sent = paid()
    bare = Record(Signed(sent.record.signed.content, ()))
    with pytest.raises(RecordNotSigned):
        put(msgspec.structs.replace(sent, record=bare))


def test_a_record_that_is_no_body_is_refused() -> None:
    with pytest.raises(RecordNotSigned):
        put(msgspec.structs.replace(paid(), record=Record(Signed(b"\x00", ()))))


# the coin


def test_evidence_that_cannot_be_read_is_refused_and_stored_when_that_guard_is_off() -> None:
    sent = paid()
    garbage = Record(Signed(b"\x00garbage", ()))
    with pytest.raises(MalformedEvidence):
        check_put(sent.record, sent.predecessor, b"garbage", NOW, trust())
    check_put(garbage, None, b"garbage", NOW, trust(without(rules.evidence_is_shown)))


def test_good_evidence_is_looked_at_even_when_that_guard_is_off() -> None:
    with pytest.raises(RecordNotSigned):
        put(resigned(paid(), X), guards=without(rules.evidence_is_shown))


def test_a_coin_of_no_broker_is_refused() -> None:
    [coin] = held()
    forged = sign_document(msgspec.structs.replace(coin.coin, issuer=X.public_key), B)
    sent = transfer(coin, U, V)
    with pytest.raises(CoinIsNotGenuine):
        put(msgspec.structs.replace(sent, evidence=Evidence(forged)))


def test_a_new_coin_shown_with_a_payment_is_refused() -> None:
    sent = paid()
    beside = Evidence(sent.evidence.coin, successor=sent.evidence.coin)
    with pytest.raises(ReissueDoesNotFollow):
        put(msgspec.structs.replace(sent, evidence=beside))


# the step before


def test_a_payment_without_the_step_before_is_refused() -> None:
    sent = paid()
    with pytest.raises(PredecessorNotCertified):
        check_put(sent.record, None, codec.encode(sent.evidence), NOW, trust())


def test_a_step_before_with_too_few_votes_is_refused() -> None:
    sent = paid()
    few = certify(sent.predecessor.record, votes=3)
    with pytest.raises(PredecessorNotCertified):
        put(msgspec.structs.replace(sent, predecessor=few))


def test_a_vote_counted_twice_is_refused() -> None:
    sent = paid()
    votes = sent.predecessor.votes
    doubled = msgspec.structs.replace(sent.predecessor, votes=(*votes[:3], votes[0]))
    with pytest.raises(PredecessorNotCertified):
        put(msgspec.structs.replace(sent, predecessor=doubled))


def test_a_vote_cast_for_another_value_is_refused() -> None:
    one, other = held(count=2)
    sent = transfer(one, U, V)
    assert other.certificate is not None
    mixed = Certificate(
        sent.predecessor.record, 1, sent.predecessor.roster, other.certificate.votes
    )
    with pytest.raises(Refused) as caught:
        put(msgspec.structs.replace(sent, predecessor=mixed))
    assert isinstance(caught.value, PredecessorNotCertified | WitnessIsNotAMember)


@pytest.mark.parametrize("field", ["epoch", "roster"])
def test_votes_of_another_roster_are_refused(field: str) -> None:
    sent = paid()
    other = {"epoch": 2, "roster": bytes(32)}[field]
    with pytest.raises(PredecessorNotCertified):
        put(
            msgspec.structs.replace(
                sent, predecessor=msgspec.structs.replace(sent.predecessor, **{field: other})
            )
        )


def test_another_coins_step_before_is_refused() -> None:
    one, other = held(count=2)
    assert other.certificate is not None
    sent = msgspec.structs.replace(transfer(one, U, V), predecessor=other.certificate)
    with pytest.raises(BodyIsNotTheCoins):
        put(sent)


def test_nothing_follows_a_redemption() -> None:
    [coin] = held()
    ended = transfer(coin, U, B, kind="redeem")
    after = holdings.certified(holdings.received(ended, coin.transaction), certify(ended.record))
    with pytest.raises(StepOutOfOrder):
        put(transfer(after, B, V))


# the attacks, guard on and off


def dc_a2_stranger(coin: Holding) -> Transfer:
    """X read the coin and its last certified step in the DHT, and signs the next with its key."""
    return resigned(transfer(coin, U, V), X, payer=X.public_key, payee=X.public_key)


def dc_a3_skip(coin: Holding) -> Transfer:
    """U has paid V with step 1 and now pays X with step 2, as if step 1 were nothing."""
    return resigned(transfer(coin, U, V), U, index=2, payee=X.public_key)


def dc_a4_bearer(coin: Holding) -> Transfer:
    """T_U as printed names no payee."""
    return resigned(transfer(coin, U, V), U, payee=rules.ANYBODY)


def dc_a6_sybil(coin: Holding) -> Transfer:
    """The step before was certified by keys the attacker made."""
    sent = transfer(coin, U, V)
    friends = certify(sent.predecessor.record, voters=STRANGERS[:4])
    return msgspec.structs.replace(sent, predecessor=friends)


ATTACKS: list[tuple[Callable[[Holding], Transfer], Guard[...], type[Refused]]] = [
    (dc_a2_stranger, rules.payer_holds_the_coin, PayerDoesNotHoldTheCoin),
    (dc_a3_skip, rules.steps_follow_each_other, StepOutOfOrder),
    (dc_a4_bearer, rules.payee_is_named, PayeeIsNotYou),
    (dc_a6_sybil, rules.witnesses_are_members, WitnessIsNotAMember),
]


@pytest.mark.parametrize(("attack", "rule", "refusal"), ATTACKS)
def test_an_attack_is_refused_by_its_guard_and_by_nothing_else(
    attack: Callable[[Holding], Transfer],
    rule: Guard[...],
    refusal: type[Refused],
) -> None:
    [coin] = held()
    with pytest.raises(refusal):
        put(attack(coin))
    put(attack(coin), guards=without(rule))


def test_dc_a4_whoever_comes_first_spends_a_transfer_that_names_nobody() -> None:
    [coin] = held()
    off = without(rules.payee_is_named)
    bearer = transfer(coin, U, V, guards=off)
    stolen = holdings.certified(holdings.received(bearer, coin.transaction), certify(bearer.record))
    by_thief = transfer(stolen, X, W, guards=off)
    put(by_thief, guards=off)
    with pytest.raises(PayerDoesNotHoldTheCoin):
        put(resigned(by_thief, X, payee=W.public_key))


def test_dc_a18_a_coin_opened_by_another_than_its_owner_is_refused_by_its_guard() -> None:
    [evidence] = issued()
    coin = read_coin(evidence.coin)
    body = codec.decode(opening_record(coin).signed.content, Body)
    mine = Record(Signed(codec.encode(msgspec.structs.replace(body, payee=X.public_key)), ()))
    with pytest.raises(BodyIsNotTheCoins):
        put_opening(mine, evidence)
    put_opening(mine, evidence, guards=without(rules.body_belongs_to_the_coin))


def test_votes_that_are_not_their_voters_are_refused_even_without_that_guard() -> None:
    [coin] = held()
    sent = dc_a6_sybil(coin)
    votes = sent.predecessor.votes
    forged = msgspec.structs.replace(votes[0], signature=votes[1].signature)
    certificate = msgspec.structs.replace(sent.predecessor, votes=(forged, *votes[1:]))
    with pytest.raises(PredecessorNotCertified):
        put(
            msgspec.structs.replace(sent, predecessor=certificate),
            guards=without(rules.witnesses_are_members),
        )


# openings


@pytest.mark.parametrize(
    "changes",
    [
        {"payer": X.public_key},
        {"payee": X.public_key},
        {"subject": bytes(32)},
        {"previous": bytes(32)},
        {"terms": bytes(32)},
        {"namespace": "item"},
        {"chain": bytes(32)},
    ],
)
def test_an_opening_with_any_field_altered_is_refused(changes: dict[str, object]) -> None:
    [evidence] = issued()
    body = codec.decode(opening_record(read_coin(evidence.coin)).signed.content, Body)
    altered = Record(Signed(codec.encode(msgspec.structs.replace(body, **changes)), ()))
    with pytest.raises(BodyIsNotTheCoins):
        put_opening(altered, evidence)


def test_step_0_is_only_an_opening() -> None:
    [evidence] = issued()
    body = codec.decode(opening_record(read_coin(evidence.coin)).signed.content, Body)
    altered = Record(Signed(codec.encode(msgspec.structs.replace(body, kind="pay")), ()))
    with pytest.raises(WrongKind):
        put_opening(altered, evidence)


def test_an_opening_follows_nothing() -> None:
    [coin] = held()
    assert coin.certificate is not None
    with pytest.raises(BodyIsNotTheCoins):
        check_put(coin.record, coin.certificate, codec.encode(coin.evidence), NOW, trust())


# windows

EXPIRES = NOW + VALIDITY


@pytest.mark.parametrize(
    ("kind", "until"),
    [("pay", EXPIRES + WINDOW // 2), ("redeem", EXPIRES + WINDOW)],
)
def test_a_witness_votes_until_the_window_closes_and_not_after(kind: str, until: int) -> None:
    [coin] = held()
    sent = transfer(coin, U, V if kind == "pay" else B, kind=kind)
    put(sent, now=until)
    with pytest.raises(CoinHasExpired):
        put(sent, now=until + 1)
    put(sent, now=until + 1, guards=without(rules.coin_has_not_expired))


def test_an_opening_is_voted_for_until_the_coin_closes() -> None:
    [evidence] = issued()
    record = opening_record(read_coin(evidence.coin))
    put_opening(record, evidence, now=EXPIRES + WINDOW)
    with pytest.raises(CoinHasExpired):
        put_opening(record, evidence, now=EXPIRES + WINDOW + 1)


# the length of a life


def test_the_last_step_of_a_generation_is_not_a_payment() -> None:
    [coin] = held()
    for n in range(62):
        payer, payee = (U, V) if n % 2 == 0 else (V, U)
        coin = passed_on(coin, payer, payee)
    assert coin.step.index == 62
    with pytest.raises(LastStepCannotBePaid):
        transfer(coin, U, V)
    last = transfer(coin, U, B, kind="redeem")
    put(last)
    with pytest.raises(LastStepCannotBePaid):
        put(resigned(last, U, kind="pay", payee=V.public_key))
    assert chain(coin.coin) == coin.chain
