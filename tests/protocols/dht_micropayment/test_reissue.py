"""Steps R1-R5, equations (6)-(9): a coin renewed by its holder is as good as the broker's."""

import itertools
from collections.abc import Callable

import msgspec
import pytest

from crypto import codec
from crypto.documents import document_digest, sign_document
from nodes.protocols.dht_micropayment import guards as rules
from nodes.protocols.dht_micropayment import holding as holdings
from nodes.protocols.dht_micropayment import reissue as rule
from nodes.protocols.dht_micropayment.coin import Coin, Evidence, chain, read_coin
from nodes.protocols.dht_micropayment.genuine import check_coin
from nodes.protocols.dht_micropayment.holding import CoinState, Holding
from nodes.protocols.dht_micropayment.refusals import (
    AlreadySigned,
    BodyIsNotTheCoins,
    CoinHasExpired,
    CoinIsNotGenuine,
    ExpiryIsNotFixed,
    MoveNotAllowed,
    NothingCommitted,
    ReissueBesideTheChain,
    ReissueDoesNotFollow,
    ReissueNotCertified,
    TooEarlyToReissue,
    WitnessIsNotAMember,
)
from nodes.protocols.dht_micropayment.reissue import RENEWAL_MOVES, Renewal, RenewalState
from nodes.protocols.dht_micropayment.transfer import Transfer
from nodes.protocols.dht_micropayment.validator import check_put
from nodes.protocols.errors import Refused
from nodes.protocols.guard import ALL_ON, Guards
from tests.protocols.dht_micropayment.market import (
    NOW,
    STRANGERS,
    TX,
    VALIDITY,
    WINDOW,
    U,
    V,
    W,
    X,
    certify,
    committed,
    held,
    passed_on,
    resigned,
    transfer,
    trust,
    without,
)

EXPIRES = NOW + VALIDITY
OPEN = EXPIRES - WINDOW
CLOSED = EXPIRES + WINDOW


def old_coin() -> Holding:
    """Issued to U, paid to V and on to W."""
    [coin] = held()
    return passed_on(passed_on(coin, U, V), V, W)


def begun(now: int = OPEN, guards: Guards = ALL_ON) -> Holding:
    return rule.begin_reissue(old_coin(), now, TX, W, guards)


def with_successor(new: Coin, guards: Guards = ALL_ON) -> Transfer:
    """What a holder that makes the new coin as it likes would put."""
    leaving = rule.commit_reissue(old_coin(), sign_document(new, W), TX, W.public_key, guards)
    return holdings.sign_committed(leaving, W)


def put(sent: Transfer, *, now: int = OPEN, guards: Guards = ALL_ON) -> None:
    check_put(sent.record, sent.predecessor, codec.encode(sent.evidence), now, trust(guards))


def renewed(guards: Guards = ALL_ON) -> Holding:
    """W's new coin, opened and certified."""
    leaving = begun(guards=guards)
    settled = holdings.settled(leaving, certify(holdings.sign_committed(leaving, W).record))
    coming = rule.complete_reissue(settled)
    return holdings.certified(coming, certify(coming.record))


def test_equation_6_the_new_coin_keeps_owner_and_serial_and_lasts_as_the_broker_fixed() -> None:
    old, new = old_coin().coin, renewed().coin
    assert (new.owner, new.serial, new.issuer) == (old.owner, old.serial, old.issuer)
    assert new.expires == old.expires + VALIDITY
    assert (new.generation, new.holder, new.previous) == (1, W.public_key, document_digest(old))


def test_the_witnesses_vote_for_an_honest_reissue_and_for_its_opening() -> None:
    put(holdings.sign_committed(begun(), W))
    coin = renewed()
    check_put(coin.record, None, codec.encode(coin.evidence), OPEN, trust())


def test_dc_20_a_payee_who_never_saw_the_old_coin_takes_the_new_one() -> None:
    coin = renewed()
    sent = transfer(coin, W, X)
    put(sent, now=EXPIRES + 1)
    check_coin(sent.evidence, trust())


def test_what_proves_a_coin_does_not_grow_with_its_history() -> None:
    sizes = []
    for generations in (1, 2, 3):
        coin, now = old_coin(), OPEN
        for _ in range(generations):
            leaving = rule.begin_reissue(coin, now, TX, W, ALL_ON)
            sent = holdings.sign_committed(leaving, W)
            put(sent, now=now)
            coming = rule.complete_reissue(holdings.settled(leaving, certify(sent.record)))
            coin, now = holdings.certified(coming, certify(coming.record)), now + VALIDITY
        sizes.append(len(codec.encode(coin.evidence)))
    assert sizes[1] == sizes[2]
    assert max(sizes) < 4096


# when


@pytest.mark.parametrize(
    ("now", "refusal"), [(OPEN - 1, TooEarlyToReissue), (CLOSED + 1, CoinHasExpired)]
)
def test_a_coin_is_renewed_only_in_its_window(now: int, refusal: type[Refused]) -> None:
    with pytest.raises(refusal):
        begun(now)
    with pytest.raises(refusal):
        put(holdings.sign_committed(begun(), W), now=now)


@pytest.mark.parametrize("now", [OPEN, EXPIRES, CLOSED])
def test_a_coin_is_renewed_at_both_ends_of_its_window(now: int) -> None:
    put(holdings.sign_committed(begun(now), W), now=now)


# who


def test_a_coin_that_is_not_held_cannot_be_renewed() -> None:
    with pytest.raises(MoveNotAllowed):
        rule.begin_reissue(committed(old_coin(), W, X), OPEN, TX, W, ALL_ON)


def test_nothing_comes_of_a_reissue_that_is_not_certified() -> None:
    with pytest.raises(NothingCommitted):
        rule.complete_reissue(begun())


def test_a_stranger_cannot_renew_a_coin() -> None:
    new = rule.renewed(old_coin().coin, X.public_key)
    leaving = rule.commit_reissue(old_coin(), sign_document(new, X), TX, X.public_key, ALL_ON)
    with pytest.raises(rules.payer_holds_the_coin.refuses):
        put(holdings.sign_committed(leaving, X))


# what


def altered(change: Callable[[Coin], dict[str, object]]) -> Coin:
    new = rule.renewed(old_coin().coin, W.public_key)
    return msgspec.structs.replace(new, **change(new))


@pytest.mark.parametrize(
    "changes",
    [
        {"owner": W.public_key},
        {"serial": 99},
        {"validity": 2 * VALIDITY},
        {"window": 2 * WINDOW},
        {"previous": bytes(32)},
        {"holder": X.public_key},
        {"generation": 2},
        {"generation": 0},
    ],
)
def test_a_new_coin_that_is_not_the_old_ones_next_is_refused(changes: dict[str, object]) -> None:
    new = altered(lambda _: changes)
    with pytest.raises(ReissueDoesNotFollow):
        put(with_successor(new))


def test_a_new_coin_of_another_broker_is_refused() -> None:
    new = altered(lambda _: {"issuer": X.public_key})
    with pytest.raises(ReissueDoesNotFollow):
        put(with_successor(new))


@pytest.mark.parametrize("expires", [EXPIRES, EXPIRES + VALIDITY + 1, 2**53])
def test_dc_a10_an_expiry_of_ones_own_choice_is_refused_by_its_guard(expires: int) -> None:
    new = altered(lambda _: {"expires": expires})
    off = without(rules.expiry_is_fixed)
    with pytest.raises(ExpiryIsNotFixed):
        put(with_successor(new))
    put(with_successor(new), guards=off)


def test_a_reissue_of_another_new_coin_than_the_one_shown_is_refused() -> None:
    sent = holdings.sign_committed(begun(), W)
    other = resigned(sent, W, terms=bytes(32))
    with pytest.raises(ReissueDoesNotFollow):
        put(other)


def test_a_reissue_that_shows_no_new_coin_is_refused() -> None:
    sent = holdings.sign_committed(begun(), W)
    bare = Evidence(sent.evidence.coin)
    with pytest.raises(ReissueDoesNotFollow):
        put(msgspec.structs.replace(sent, evidence=bare))


def test_a_reissue_in_someone_elses_favour_is_refused() -> None:
    sent = holdings.sign_committed(begun(), W)
    with pytest.raises(ReissueDoesNotFollow):
        put(resigned(sent, W, payee=X.public_key))


def test_a_new_coin_its_holder_did_not_sign_is_refused() -> None:
    sent = holdings.sign_committed(begun(), W)
    assert sent.evidence.successor is not None
    new = sign_document(read_coin(sent.evidence.successor), X)
    evidence = msgspec.structs.replace(sent.evidence, successor=new)
    with pytest.raises(CoinIsNotGenuine):
        put(msgspec.structs.replace(sent, evidence=evidence))


# DC-A7, DC-A8: one register for payment and reissue


def test_dc_a7_a_reissue_takes_the_register_a_payment_would_take() -> None:
    paying = committed(old_coin(), W, X)
    assert paying.committed is not None
    body = begun().committed
    assert body is not None
    assert body.name == paying.committed.name


def test_dc_a7_a_reissue_beside_the_chain_doubles_the_coin_unless_its_guard_is_on() -> None:
    off = without(rules.reissue_takes_the_next_register)
    beside = holdings.sign_committed(begun(guards=off), W)
    with pytest.raises(ReissueBesideTheChain):
        put(beside)
    put(beside, guards=off)
    put(transfer(old_coin(), W, X), guards=off)  # and the old coin is still paid away
    coin = renewed(off)
    check_coin(coin.evidence, trust(off))
    with pytest.raises(ReissueBesideTheChain):
        check_coin(coin.evidence, trust())


def test_dc_a8_two_reissues_of_one_coin_take_one_register_unless_that_guard_is_off() -> None:
    first = rule.renewed(old_coin().coin, W.public_key)
    second = msgspec.structs.replace(first, generation=2)
    off = without(rules.reissue_takes_the_next_register)
    with pytest.raises(ReissueDoesNotFollow):
        put(with_successor(second))
    records = [with_successor(new, off) for new in (first, second)]
    for sent in records:
        put(sent, guards=off)
    one, two = (sent.record.body().name for sent in records)
    assert one != two


def test_dc_a8_an_honest_wallet_renews_a_coin_once() -> None:
    once = begun()
    other = sign_document(rule.renewed(once.coin, W.public_key, expires=1), W)
    with pytest.raises(AlreadySigned):
        rule.commit_reissue(once, other, TX, W.public_key, ALL_ON)


# DC-A9: minting


def minted() -> Evidence:
    """X signs a coin that never was."""
    coin = msgspec.structs.replace(
        rule.renewed(old_coin().coin, X.public_key), serial=77, owner=X.public_key
    )
    return Evidence(sign_document(coin, X))


def test_dc_a9_a_coin_made_from_nothing_is_refused_by_its_guard() -> None:
    with pytest.raises(ReissueNotCertified):
        check_coin(minted(), trust())
    check_coin(minted(), trust(without(rules.reissue_is_certified)))


def test_dc_a9_a_reissue_with_too_few_votes_makes_no_coin() -> None:
    evidence = renewed().evidence
    assert evidence.reissue is not None
    few = certify(evidence.reissue.record, votes=3)
    with pytest.raises(ReissueNotCertified):
        check_coin(msgspec.structs.replace(evidence, reissue=few), trust())


def test_dc_a6_a_reissue_certified_by_strangers_makes_no_coin() -> None:
    evidence = renewed().evidence
    assert evidence.reissue is not None
    friends = certify(evidence.reissue.record, voters=STRANGERS[:4])
    shown = msgspec.structs.replace(evidence, reissue=friends)
    with pytest.raises(WitnessIsNotAMember):
        check_coin(shown, trust())
    check_coin(shown, trust(without(rules.witnesses_are_members)))


def test_the_certified_reissue_of_another_coin_makes_no_coin() -> None:
    evidence = renewed().evidence
    [other] = held(after=50)
    other = passed_on(other, U, W)
    leaving = rule.begin_reissue(other, OPEN, TX, W, ALL_ON)
    certificate = certify(holdings.sign_committed(leaving, W).record)
    with pytest.raises(BodyIsNotTheCoins):
        check_coin(msgspec.structs.replace(evidence, reissue=certificate), trust())


def test_a_certified_payment_makes_no_new_coin() -> None:
    evidence = renewed().evidence
    paid = certify(transfer(old_coin(), W, X).record)
    with pytest.raises(ReissueDoesNotFollow):
        check_coin(msgspec.structs.replace(evidence, reissue=paid), trust())


@pytest.mark.parametrize("missing", ["parent", "reissue"])
def test_half_of_what_proves_a_new_coin_is_not_enough(missing: str) -> None:
    evidence = msgspec.structs.replace(renewed().evidence, **{missing: None})
    with pytest.raises(ReissueNotCertified):
        check_coin(evidence, trust())


def test_nothing_follows_a_reissue_in_the_old_chain() -> None:
    leaving = begun()
    sent = holdings.sign_committed(leaving, W)
    after = Holding(
        CoinState.HELD,
        Evidence(sent.evidence.coin),
        sent.record,
        sent.predecessor,
        TX,
        certificate=certify(sent.record),
    )
    with pytest.raises(rules.steps_follow_each_other.refuses):
        put(transfer(after, W, X))


def test_the_new_coin_lives_in_a_chain_of_its_own() -> None:
    old, new = old_coin(), renewed()
    assert old.chain == chain(old.coin) != new.chain
    assert new.step.index == 0


@pytest.mark.parametrize(
    ("state", "goal"),
    [(a, b) for a, b in itertools.product(RenewalState, RenewalState) if b not in RENEWAL_MOVES[a]],
)
def test_a_move_outside_the_table_is_refused(state: RenewalState, goal: RenewalState) -> None:
    with pytest.raises(MoveNotAllowed):
        Renewal(state, TX, b"old", b"new").moved(goal)
