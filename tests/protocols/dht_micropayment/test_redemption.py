"""Steps D1, D2: the broker takes a coin back once, in whatever generation it comes."""

import itertools

import msgspec
import pytest

from nodes.protocols.dht_micropayment import guards as rules
from nodes.protocols.dht_micropayment import holding as holdings
from nodes.protocols.dht_micropayment import redemption as rule
from nodes.protocols.dht_micropayment.fraud import Freeze
from nodes.protocols.dht_micropayment.holding import Holding
from nodes.protocols.dht_micropayment.messages import Credit, Redeem, Redeemed, Withdraw
from nodes.protocols.dht_micropayment.redemption import (
    HANDED_IN_MOVES,
    REDEEMED_MOVES,
    HandedIn,
    HandedInState,
    RedeemedState,
    Redemption,
)
from nodes.protocols.dht_micropayment.refusals import (
    AlreadyRedeemed,
    CertificateIsAnothers,
    CoinHasExpired,
    CoinIsFrozen,
    MoveNotAllowed,
    NeverIssued,
    PayeeIsNotYou,
    WrongKind,
    WrongNumberOfCoins,
)
from nodes.protocols.dht_micropayment.reissue import begin_reissue, complete_reissue
from nodes.protocols.dht_micropayment.step import Step
from nodes.protocols.dht_micropayment.transfer import Transfer
from nodes.protocols.dht_micropayment.withdrawal import Issued, IssueTerms, issue
from nodes.protocols.guard import ALL_ON
from tests.protocols.dht_micropayment.market import (
    NOW,
    ORDER,
    TX,
    VALIDITY,
    WINDOW,
    B,
    U,
    V,
    certify,
    held,
    passed_on,
    to,
    transfer,
    trust,
    without,
)


def book() -> Issued:
    _, (kept,) = issue(Withdraw(1), U.public_key, 0, NOW, IssueTerms(VALIDITY, WINDOW), B)
    return kept


def at_v() -> Holding:
    return passed_on(held()[0], U, V)


def checked(sent: Transfer, now: int = NOW) -> Step:
    [step] = rule.check_redeem(Redeem(ORDER, (sent,)), to(B, now), trust())
    return step


def accepted(
    sent: Transfer | None = None,
    *,
    issued: Issued | None = None,
    credited: Redemption | None = None,
    frozen: Freeze | None = None,
) -> Redemption:
    sent = sent or transfer(at_v(), V, B, kind="redeem")
    return rule.accept(
        checked(sent), sent, TX, issued=issued or book(), credited=credited, frozen=frozen
    )


def credited() -> Redemption:
    pending = accepted()
    return rule.credit(pending, certify(pending.transfer.record), None)


def renewed_at_v() -> Holding:
    leaving = begin_reissue(at_v(), NOW + VALIDITY, TX, V, ALL_ON)
    sent = holdings.sign_committed(leaving, V)
    coming = complete_reissue(holdings.settled(leaving, certify(sent.record)))
    return holdings.certified(coming, certify(coming.record))


def test_a_coin_is_credited_to_its_holder_when_its_end_is_certified() -> None:
    pending = accepted()
    assert (pending.state, pending.to) == (RedeemedState.PENDING, V.public_key)
    assert credited().state is RedeemedState.CREDITED


def test_a_coin_whose_register_holds_another_record_is_not_credited() -> None:
    assert rule.refuse(accepted()).state is RedeemedState.REFUSED


def test_the_certificate_of_another_step_credits_nothing() -> None:
    other = transfer(held(after=4)[0], U, B, kind="redeem")
    with pytest.raises(CertificateIsAnothers):
        rule.credit(accepted(), certify(other.record), None)


def test_dc_a12_the_same_coin_is_not_redeemed_again() -> None:
    with pytest.raises(AlreadyRedeemed):
        accepted(credited=credited())


def test_dc_a12_nor_in_a_later_generation() -> None:
    again = transfer(renewed_at_v(), V, B, kind="redeem")
    with pytest.raises(AlreadyRedeemed):
        accepted(again, credited=credited())


def test_dc_a12_of_two_that_were_both_pending_one_is_credited() -> None:
    other = transfer(renewed_at_v(), V, B, kind="redeem")
    late = accepted(other)
    done = rule.credit(late, certify(other.record), credited())
    assert done.state is RedeemedState.REFUSED


def test_a_renewed_coin_is_redeemed_as_the_one_the_broker_issued() -> None:
    sent = transfer(renewed_at_v(), V, B, kind="redeem")
    assert accepted(sent).serial == book().serial


def test_a_coin_the_broker_never_issued_is_refused() -> None:
    sent = transfer(at_v(), V, B, kind="redeem")
    with pytest.raises(NeverIssued):
        rule.accept(checked(sent), sent, TX, issued=None, credited=None, frozen=None)


@pytest.mark.parametrize("field", ["owner", "serial", "validity", "window"])
def test_a_coin_that_differs_from_what_was_issued_is_refused(field: str) -> None:
    sent = transfer(at_v(), V, B, kind="redeem")
    step = checked(sent)
    other = V.public_key if field == "owner" else 5
    coin = msgspec.structs.replace(step.coin, **{field: other})
    wrong = Step(coin, step.body, step.previous)
    with pytest.raises(NeverIssued):
        rule.accept(wrong, sent, TX, issued=book(), credited=None, frozen=None)


def test_a_payment_is_no_redemption() -> None:
    with pytest.raises(WrongKind):
        checked(transfer(at_v(), V, B))


def test_a_redemption_to_another_is_refused() -> None:
    with pytest.raises(PayeeIsNotYou):
        checked(transfer(at_v(), V, U, kind="redeem"))


def test_dc_a11_a_coin_is_redeemed_until_its_window_closes() -> None:
    sent = transfer(at_v(), V, B, kind="redeem")
    last = NOW + VALIDITY + WINDOW
    checked(sent, last)
    with pytest.raises(CoinHasExpired):
        checked(sent, last + 1)
    off = without(rules.coin_has_not_expired)
    rule.check_redeem(Redeem(ORDER, (sent,)), to(B, last + 1), trust(off))


# a coin that was spent twice


def freeze(index: int, culprit: bytes, generation: int = 0) -> Freeze:
    return Freeze(U.public_key, 1, generation, index, culprit)


def test_a_coin_spent_twice_at_this_step_or_later_is_held_back() -> None:
    for index in (2, 3):
        with pytest.raises(CoinIsFrozen):
            accepted(frozen=freeze(index, U.public_key))


def test_a_certified_step_behind_the_double_one_is_honoured() -> None:
    assert accepted(frozen=freeze(1, U.public_key)).state is RedeemedState.PENDING


def test_what_the_double_spender_hands_in_is_held_back_wherever_it_stands() -> None:
    with pytest.raises(CoinIsFrozen):
        accepted(frozen=freeze(1, V.public_key))


def test_a_later_generation_is_honoured() -> None:
    sent = transfer(renewed_at_v(), V, B, kind="redeem")
    assert accepted(sent, frozen=freeze(9, U.public_key)).state is RedeemedState.PENDING


# D2


def test_the_answer_says_how_each_coin_stands() -> None:
    answer = rule.redeemed((accepted(), credited(), rule.refuse(accepted())))
    assert answer.credits == (Credit.PENDING, Credit.CREDITED, Credit.REFUSED)
    assert rule.take_redeemed(answer, 3) == answer.credits


def test_an_answer_for_more_or_fewer_coins_is_refused() -> None:
    with pytest.raises(WrongNumberOfCoins):
        rule.take_redeemed(Redeemed((Credit.CREDITED,)), 2)


@pytest.mark.parametrize(
    ("state", "goal"),
    [
        (a, b)
        for a, b in itertools.product(RedeemedState, RedeemedState)
        if b not in REDEEMED_MOVES[a]
    ],
)
def test_a_move_outside_the_table_is_refused(state: RedeemedState, goal: RedeemedState) -> None:
    with pytest.raises(MoveNotAllowed):
        msgspec.structs.replace(accepted(), state=state).moved(goal)


@pytest.mark.parametrize(
    ("state", "goal"),
    [
        (a, b)
        for a, b in itertools.product(HandedInState, HandedInState)
        if b not in HANDED_IN_MOVES[a]
    ],
)
def test_a_holders_move_outside_the_table_is_refused(
    state: HandedInState, goal: HandedInState
) -> None:
    with pytest.raises(MoveNotAllowed):
        HandedIn(state, TX, B.public_key, ()).moved(goal)


def test_a_coin_among_others_that_is_not_accepted_is_kept_as_refused() -> None:
    sent = transfer(at_v(), V, B, kind="redeem")
    assert rule.refused(checked(sent), sent, TX).state is RedeemedState.REFUSED
