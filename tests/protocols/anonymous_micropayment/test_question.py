"""Q1, Q2, R1: what the customer asks of the broker itself."""

from typing import Any

import pytest

from nodes.protocols.anonymous_micropayment import order, question
from nodes.protocols.anonymous_micropayment.messages import AskOrder, Blinded, VoidOrder
from nodes.protocols.anonymous_micropayment.numbers import WINDOW
from nodes.protocols.anonymous_micropayment.refusals import (
    MoveNotAllowed,
    NoSuchPseudonym,
    NumberTooFarAhead,
    PrepaidTooSmall,
    QuestionNotAuthentic,
    RefundDiffers,
    ResponseNotAuthentic,
    StandingNotTheBrokers,
)
from nodes.protocols.anonymous_micropayment.state import (
    Prepaid,
    Purchase,
    PurchaseState,
    Refunded,
    Settled,
    Wallet,
)
from nodes.protocols.anonymous_micropayment.values import Decision, Reason, Standing
from nodes.protocols.guard import ALL_ON
from tests.protocols.anonymous_micropayment.market import (
    LIFETIME,
    NOW,
    PRICE,
    altered,
    bought,
    claimed,
    funded,
    ordered,
    secret,
    settled,
)

BLINDED = (Blinded(10, b"\x01" * 256), Blinded(1, b"\x02" * 256))


def doubted(amount: int = 100) -> tuple[Wallet, Prepaid, Purchase]:
    wallet, prepaid = funded(amount)
    wallet, purchase = ordered(wallet)
    return wallet, prepaid, order.doubt(purchase, "silence")


def key_of(wallet: Wallet) -> bytes:
    assert wallet.secret is not None
    return wallet.secret


def asked(purchase: Purchase, wallet: Wallet, settled_: Settled | None) -> Purchase:
    q = question.ask(purchase, key_of(wallet), NOW)
    answer = question.standing(q, settled_, key_of(wallet))
    return question.take_standing(purchase, q, answer, key_of(wallet), ALL_ON)


# Q1


def test_pid_a7_an_accept_that_a_vendor_keeps_silent_about_is_found_at_the_broker() -> None:
    wallet, prepaid, purchase = doubted()
    answer = settled(claimed(purchase.order), prepaid)
    owed = asked(purchase, wallet, answer.settled)
    assert (owed.state, owed.response) == (PurchaseState.OWED, answer.response)


def test_a_rejection_is_found_at_the_broker() -> None:
    wallet, prepaid, purchase = doubted(PRICE - 1)
    answer = settled(claimed(purchase.order), prepaid)
    assert asked(purchase, wallet, answer.settled).state is PurchaseState.REJECTED


def test_an_order_the_broker_has_not_seen_stays_doubted_for_it_may_come_yet() -> None:
    wallet, _, purchase = doubted()
    assert asked(purchase, wallet, None) == purchase


def test_a_question_is_the_customers_alone() -> None:
    wallet, prepaid, purchase = doubted()
    q = question.ask(purchase, key_of(wallet), NOW)
    assert question.check_question(q, prepaid) == prepaid
    for bad in (
        altered(q, number=2),
        altered(q, asked_at=NOW + 1),
        altered(q, tag=bytes(32)),
        altered(q, pseudonym=bytes(16)),
        question.ask(purchase, secret("a vendor's guess"), NOW),
    ):
        with pytest.raises(QuestionNotAuthentic):
            question.check_question(bad, prepaid)
    with pytest.raises(NoSuchPseudonym):
        question.check_question(q, None)


def test_a_question_to_know_does_not_serve_as_one_to_void() -> None:
    wallet, prepaid, purchase = doubted()
    q = question.ask(purchase, key_of(wallet), NOW)
    as_void = VoidOrder(q.pseudonym, q.number, q.asked_at, q.tag)
    with pytest.raises(QuestionNotAuthentic):
        question.check_question(as_void, prepaid)


@pytest.mark.parametrize(
    "changes",
    [
        {"standing": Standing.NOTHING},
        {"standing": Standing.REJECTED},
        {"response": None},
        {"tag": bytes(32)},
    ],
)
def test_each_altered_field_of_a_standing_is_refused(changes: dict[str, Any]) -> None:
    wallet, prepaid, purchase = doubted()
    answer = settled(claimed(purchase.order), prepaid)
    q = question.ask(purchase, key_of(wallet), NOW)
    said = altered(question.standing(q, answer.settled, key_of(wallet)), **changes)
    with pytest.raises(StandingNotTheBrokers):
        question.take_standing(purchase, q, said, key_of(wallet), ALL_ON)


def test_the_answer_to_an_earlier_question_or_another_number_is_refused() -> None:
    wallet, _, purchase = doubted()
    earlier = question.ask(purchase, key_of(wallet), NOW - 1)
    said = question.standing(earlier, None, key_of(wallet))
    q = question.ask(purchase, key_of(wallet), NOW)
    with pytest.raises(StandingNotTheBrokers):
        question.take_standing(purchase, q, said, key_of(wallet), ALL_ON)


def test_accepted_counts_only_with_the_accept_of_this_very_order() -> None:
    wallet, prepaid, purchase = doubted()
    answer = settled(claimed(purchase.order), prepaid)
    assert answer.settled is not None
    q = question.ask(purchase, key_of(wallet), NOW)
    lie = altered(answer.settled, response=altered(answer.response, decision=Decision.REJECT))
    with pytest.raises(StandingNotTheBrokers):
        question.take_standing(
            purchase, q, question.standing(q, lie, key_of(wallet)), key_of(wallet), ALL_ON
        )
    other = altered(answer.settled, response=altered(answer.response, tag=bytes(32)))
    with pytest.raises(ResponseNotAuthentic):
        question.take_standing(
            purchase, q, question.standing(q, other, key_of(wallet)), key_of(wallet), ALL_ON
        )


def test_after_a_top_up_an_owed_order_is_asked_for_with_the_new_key() -> None:
    wallet, prepaid, purchase = doubted()
    answer = settled(claimed(purchase.order), prepaid)
    again, _ = funded(50, wallet=wallet, prepaid=answer.prepaid, which="2")
    assert again.secret != wallet.secret
    assert asked(purchase, again, answer.settled).state is PurchaseState.OWED


def test_money_that_a_vendor_gave_back_ends_an_owed_order() -> None:
    wallet, prepaid, purchase = doubted()
    answer = settled(claimed(purchase.order), prepaid)
    assert answer.settled is not None
    owed = asked(purchase, wallet, answer.settled)
    back = asked(owed, wallet, altered(answer.settled, state=Standing.GIVEN_BACK))
    assert back.state is PurchaseState.GIVEN_BACK


def test_a_purchase_that_has_ended_is_not_moved_by_an_answer() -> None:
    purchase, _, answer, sent = bought(*funded())
    done = order.take_goods(purchase, sent, ALL_ON)
    wallet, _ = funded()
    voided = altered(answer.settled, state=Standing.VOIDED)
    with pytest.raises(MoveNotAllowed):
        asked(done, wallet, voided)


# Q2


def voided(
    purchase: Purchase, wallet: Wallet, prepaid: Prepaid, before: Settled | None
) -> tuple[Purchase, Prepaid, Settled]:
    q = question.void(purchase, key_of(wallet), NOW)
    question.check_question(q, prepaid)
    prepaid, settled_ = question.take_out_of_use(q, prepaid, before, NOW)
    answer = question.void_standing(q, settled_, key_of(wallet))
    taken = question.take_standing(purchase, q, answer, key_of(wallet), ALL_ON)
    return taken, prepaid, settled_


def test_a_void_number_is_never_paid_however_late_its_order_comes() -> None:
    wallet, prepaid, purchase = doubted()
    done, after, settled_ = voided(purchase, wallet, prepaid, None)
    assert done.state is PurchaseState.VOIDED
    assert after.balance == prepaid.balance
    late = settled(claimed(purchase.order), after, settled_)
    assert (late.response.reason, late.amount) == (Reason.NUMBER_USED, 0)


def test_what_was_paid_cannot_be_voided() -> None:
    wallet, prepaid, purchase = doubted()
    answer = settled(claimed(purchase.order), prepaid)
    assert answer.prepaid is not None
    done, after, settled_ = voided(purchase, wallet, answer.prepaid, answer.settled)
    assert (done.state, after, settled_) == (PurchaseState.OWED, answer.prepaid, answer.settled)


def test_voiding_twice_is_voiding_once() -> None:
    wallet, prepaid, purchase = doubted()
    _, after, first = voided(purchase, wallet, prepaid, None)
    _, again, second = voided(purchase, wallet, after, first)
    assert (again, second) == (after, first)


def test_a_number_too_far_ahead_is_not_voided_and_one_too_old_is_void_anyway() -> None:
    wallet, prepaid, purchase = doubted()
    far = altered(purchase, number=WINDOW + 1)
    with pytest.raises(NumberTooFarAhead):
        voided(far, wallet, prepaid, None)
    later = altered(prepaid, window=prepaid.window.use(WINDOW).use(WINDOW + 1))
    done, after, _ = voided(purchase, wallet, later, None)
    assert (done.state, after) == (PurchaseState.VOIDED, later)


# R1


def test_pid_r9_unspent_money_is_given_back_as_vouchers() -> None:
    wallet, prepaid = funded(20)
    asked_ = question.ask_refund(wallet, key_of(wallet), b"n" * 16, BLINDED)
    result = question.refund(asked_, prepaid, None)
    assert result is not None
    assert result[0].balance == 9
    answer = question.refunded(asked_, (b"s" * 256, b"t" * 256), prepaid.secret)
    question.check_refunded(asked_, answer, key_of(wallet))
    for bad in (altered(answer, signatures=(b"s" * 256,)), altered(answer, tag=bytes(32))):
        with pytest.raises(StandingNotTheBrokers):
            question.check_refunded(asked_, bad, key_of(wallet))


def test_a_refund_is_made_once_and_no_other_under_its_nonce() -> None:
    wallet, prepaid = funded(20)
    asked_ = question.ask_refund(wallet, key_of(wallet), b"n" * 16, BLINDED)
    result = question.refund(asked_, prepaid, None)
    assert result is not None
    before = Refunded(result[1], (), 0)
    assert question.refund(asked_, result[0], before) is None
    other = question.ask_refund(wallet, key_of(wallet), b"n" * 16, BLINDED[:1])
    with pytest.raises(RefundDiffers):
        question.refund(other, result[0], before)


def test_no_more_is_given_back_than_there_is_and_only_to_the_customer() -> None:
    wallet, prepaid = funded(10)
    asked_ = question.ask_refund(wallet, key_of(wallet), b"n" * 16, BLINDED)
    with pytest.raises(PrepaidTooSmall):
        question.refund(asked_, prepaid, None)
    with pytest.raises(NoSuchPseudonym):
        question.refund(asked_, None, None)
    for bad in (
        altered(asked_, blinded=BLINDED[1:]),
        altered(asked_, nonce=bytes(16)),
        altered(asked_, tag=bytes(32)),
    ):
        with pytest.raises(QuestionNotAuthentic):
            question.refund(bad, prepaid, None)


def test_an_expired_pseudonym_gets_its_money_too() -> None:
    wallet, prepaid = funded(20)
    expired = altered(prepaid, expires=NOW - LIFETIME)
    asked_ = question.ask_refund(wallet, key_of(wallet), b"n" * 16, BLINDED)
    assert question.refund(asked_, expired, None) is not None


def test_a_question_has_its_own_type() -> None:
    _, _, purchase = doubted()
    assert isinstance(question.ask(purchase, secret("k"), NOW), AskOrder)
