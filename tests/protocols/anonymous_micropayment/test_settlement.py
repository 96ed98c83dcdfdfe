"""Steps 6, 7: the commit point. One decision a number; what is credited is what is debited."""

from typing import Any

import pytest

from nodes.protocols.anonymous_micropayment import order, settlement
from nodes.protocols.anonymous_micropayment.numbers import WINDOW
from nodes.protocols.anonymous_micropayment.refusals import (
    AnswerNotTheBrokers,
    MoveNotAllowed,
    NoSuchPseudonym,
    NoSuchVendor,
    NotTheVendor,
    NumberTooFarAhead,
    OrderMalformed,
    OrderNotAuthentic,
)
from nodes.protocols.anonymous_micropayment.settlement import Answered
from nodes.protocols.anonymous_micropayment.state import Prepaid, Purchase, SaleState, Wallet
from nodes.protocols.anonymous_micropayment.values import Decision, Reason, Response, Standing
from nodes.protocols.guard import ALL_ON
from tests.protocols.anonymous_micropayment.market import (
    LIFETIME,
    NOW,
    OTHER,
    PRICE,
    V1,
    V12,
    VENDOR,
    altered,
    answered,
    claimed,
    funded,
    ordered,
    received,
    secret,
    settled,
)
from tests.protocols.anonymous_micropayment.test_order import CHANGES


def one_order(amount: int = 100, **how: Any) -> tuple[Wallet, Prepaid, Purchase]:
    wallet, prepaid = funded(amount, **how)
    wallet, purchase = ordered(wallet)
    return wallet, prepaid, purchase


def test_step_7_pseudonym_debited_vendor_credited_number_used_response_kept() -> None:
    _, prepaid, purchase = one_order()
    answer = settled(claimed(purchase.order), prepaid)
    assert answer.prepaid is not None
    assert answer.settled is not None
    assert (answer.prepaid.balance, answer.amount) == (100 - PRICE, PRICE)
    assert answer.credit_to == VENDOR.public_key == answer.settled.account
    assert answer.prepaid.window.used == (1,)
    assert (answer.settled.state, answer.settled.response) == (Standing.ACCEPTED, answer.response)


def test_pid_a4_the_same_order_again_gets_the_same_response_and_moves_nothing() -> None:
    _, prepaid, purchase = one_order()
    first = settled(claimed(purchase.order), prepaid)
    again = settled(claimed(purchase.order), first.prepaid, first.settled)
    assert again == Answered(first.response)


def test_a_rejected_order_stays_rejected_though_money_comes() -> None:
    wallet, prepaid, purchase = one_order(PRICE - 1)
    first = settled(claimed(purchase.order), prepaid)
    assert first.response.reason is Reason.BALANCE_TOO_SMALL
    assert (first.amount, first.credit_to) == (0, None)
    _, rich = funded(100, wallet=wallet, prepaid=first.prepaid, which="2")
    again = settled(claimed(purchase.order), rich, first.settled)
    assert again == Answered(first.response)


@pytest.mark.parametrize("changes", CHANGES)
def test_each_altered_field_of_an_order_is_refused(changes: dict[str, Any]) -> None:
    _, prepaid, purchase = one_order()
    bad = altered(purchase.order, **changes)
    vendor = V1 if bad.vendor == "v1" else V12
    with pytest.raises(OrderNotAuthentic):
        settled(claimed(bad, vendor), prepaid, vendor=vendor)


def test_an_order_of_neither_kind_is_refused() -> None:
    _, prepaid, purchase = one_order()
    bad = altered(purchase.order, alias=bytes(32))
    with pytest.raises(OrderMalformed):
        settled(claimed(bad), prepaid)


def test_an_order_under_an_unknown_pseudonym_or_for_an_unknown_vendor_is_refused() -> None:
    _, prepaid, purchase = one_order()
    with pytest.raises(NoSuchPseudonym):
        settled(claimed(purchase.order), None)
    with pytest.raises(NoSuchVendor):
        settled(claimed(purchase.order), prepaid, vendor=None)


def test_pid_a5_only_the_vendor_that_an_order_names_can_claim_it() -> None:
    _, prepaid, purchase = one_order()
    stolen = settlement.claim(purchase.order, V1.key, OTHER.public_key)
    for claim in (stolen, altered(stolen, tag=None), altered(stolen, tag=bytes(32))):
        with pytest.raises(NotTheVendor):
            settled(claim, prepaid)


def test_pid_a14_one_number_for_two_vendors_the_first_wins() -> None:
    wallet, prepaid, purchase = one_order()
    other = order.sign_order(altered(purchase.order, vendor="v1"), wallet.secret or b"", ALL_ON)
    first = settled(claimed(purchase.order), prepaid)
    second = settled(claimed(other, V1), first.prepaid, first.settled, vendor=V1)
    assert second.response.decision is Decision.REJECT
    assert second.response.reason is Reason.NUMBER_USED
    assert (second.settled, second.prepaid, second.amount) == (None, None, 0)


def test_pid_a13_parallel_orders_spend_no_more_than_there_is() -> None:
    wallet, prepaid = funded(2 * PRICE + 1)
    accepted = 0
    for _ in range(5):
        wallet, purchase = ordered(wallet)
        answer = settled(claimed(purchase.order), prepaid)
        assert answer.prepaid is not None
        prepaid = answer.prepaid
        accepted += answer.response.decision is Decision.ACCEPT
    assert (accepted, prepaid.balance) == (2, 1)


def test_pid_17_an_order_that_was_overtaken_is_accepted() -> None:
    wallet, prepaid = funded()
    wallet, slow = ordered(wallet)
    wallet, fast = ordered(wallet)
    for purchase in (fast, slow):
        answer = settled(claimed(purchase.order), prepaid)
        assert answer.response.decision is Decision.ACCEPT
        assert answer.prepaid is not None
        prepaid = answer.prepaid


def test_numbers_outside_the_window() -> None:
    wallet, prepaid = funded()
    _, first = ordered(wallet)
    _, last = ordered(altered(wallet, next_number=WINDOW + 1))
    with pytest.raises(NumberTooFarAhead):
        settled(claimed(last.order), prepaid)
    _, at_the_end = ordered(altered(wallet, next_number=WINDOW))
    prepaid = settled(claimed(at_the_end.order), prepaid).prepaid or prepaid
    prepaid = settled(claimed(last.order), prepaid).prepaid or prepaid
    answer = settled(claimed(first.order), prepaid)
    assert (answer.response.reason, answer.settled) == (Reason.NUMBER_TOO_OLD, None)


def test_an_expired_pseudonym_pays_nothing() -> None:
    _, prepaid, purchase = one_order()
    late = settled(claimed(purchase.order), prepaid, now=NOW + LIFETIME + 1)
    assert late.response.reason is Reason.PSEUDONYM_EXPIRED
    assert late.amount == 0


def test_a_decided_order_is_known_though_a_top_up_renewed_the_key() -> None:
    wallet, prepaid, purchase = one_order()
    first = settled(claimed(purchase.order), prepaid)
    _, topped = funded(50, wallet=wallet, prepaid=first.prepaid, which="2")
    assert settled(claimed(purchase.order), topped, first.settled) == Answered(first.response)
    with pytest.raises(OrderNotAuthentic):
        settled(claimed(purchase.order), topped)


def test_with_an_alias_the_broker_settles_the_number_it_stands_for() -> None:
    wallet, prepaid, purchase = one_order(hides=True)
    answer = settled(claimed(purchase.order), prepaid, number=1)
    assert answer.settled is not None
    assert (answer.settled.number, answer.settled.pseudonym) == (1, wallet.pseudonym)
    assert answer.response.decision is Decision.ACCEPT


# Step 7, vendor


def test_the_vendor_owes_the_goods_once_the_broker_has_paid() -> None:
    _, prepaid, purchase = one_order()
    sale = received(order.order_message(purchase))
    answer = answered(settled(claimed(sale.order), prepaid), sale.order)
    paid = settlement.take_answer(sale, answer, V12.key, ALL_ON)
    assert (paid.state, paid.response) == (SaleState.PAID, answer.response)
    assert settlement.take_answer(paid, answer, V12.key, ALL_ON) == paid


@pytest.mark.parametrize("changes", CHANGES)
def test_pid_a6_an_accept_of_another_order_is_refused(changes: dict[str, Any]) -> None:
    _, prepaid, purchase = one_order()
    sale = received(order.order_message(purchase))
    answer = answered(settled(claimed(sale.order), prepaid), altered(sale.order, **changes))
    with pytest.raises(AnswerNotTheBrokers):
        settlement.take_answer(sale, answer, V12.key, ALL_ON)


def test_pid_a6_a_forged_or_altered_answer_is_refused() -> None:
    _, prepaid, purchase = one_order(PRICE - 1)
    sale = received(order.order_message(purchase))
    rejected = answered(settled(claimed(sale.order), prepaid), sale.order)
    accept = Response(Decision.ACCEPT, None, secret("forged"))
    for bad in (
        altered(rejected, response=accept),
        altered(rejected, response=altered(rejected.response, reason=Reason.NUMBER_USED)),
        altered(rejected, tag=None),
        altered(rejected, tag=bytes(32)),
    ):
        with pytest.raises(AnswerNotTheBrokers):
            settlement.take_answer(sale, bad, V12.key, ALL_ON)
    with pytest.raises(AnswerNotTheBrokers):
        settlement.take_answer(sale, rejected, V1.key, ALL_ON)


def test_a_broker_that_answers_otherwise_the_second_time_is_not_followed() -> None:
    _, prepaid, purchase = one_order()
    sale = received(order.order_message(purchase))
    accepted = answered(settled(claimed(sale.order), prepaid), sale.order)
    poor = altered(prepaid, balance=0)
    rejected = answered(settled(claimed(sale.order), poor), sale.order)
    paid = settlement.take_answer(sale, accepted, V12.key, ALL_ON)
    with pytest.raises(MoveNotAllowed):
        settlement.take_answer(paid, rejected, V12.key, ALL_ON)
