"""Steps 5, 8: what customer and vendor say to each other, and what they believe."""

from typing import Any

import pytest

from crypto import codec
from crypto.meter import metering
from nodes.protocols.anonymous_micropayment import order
from nodes.protocols.anonymous_micropayment.guards import order_names_the_goods
from nodes.protocols.anonymous_micropayment.messages import GoodsSent, PlaceOrder
from nodes.protocols.anonymous_micropayment.refusals import (
    GoodsNotAsOrdered,
    MoveNotAllowed,
    NotFunded,
    OrderForAnother,
    OrderMalformed,
    PriceDiffers,
    PseudonymHasExpired,
    ResponseNotAuthentic,
)
from nodes.protocols.anonymous_micropayment.state import PurchaseState, SaleState
from nodes.protocols.anonymous_micropayment.values import Decision, Reason
from nodes.protocols.guard import ALL_ON
from tests.protocols.anonymous_micropayment.market import (
    ANSWER_WITHIN,
    LIFETIME,
    NOW,
    PRICE,
    PSEUDONYM,
    TX,
    WARE,
    altered,
    bought,
    claimed,
    funded,
    named,
    ordered,
    received,
    settled,
    without,
)

CHANGES: list[dict[str, Any]] = [
    {"amount": PRICE + 1},
    {"vendor": "v1"},
    {"pseudonym": b"p" * 16},
    {"number": 2},
    {"goods": bytes(32)},
    {"goods": None},
    {"tag": bytes(32)},
]
"""One altered field of an order each."""


def test_steps_5_to_8_the_customer_has_the_goods_and_the_vendor_the_response() -> None:
    purchase, sale, answer, sent = bought(*funded())
    done = order.take_goods(purchase, sent, ALL_ON)
    assert done.state is PurchaseState.DELIVERED
    assert done.response == sale.response == answer.response
    assert sent.goods == WARE.content


@pytest.mark.parametrize("hides", [False, True])
def test_a_purchase_takes_no_operation_with_a_public_key(hides: bool) -> None:
    """Section 3: public keys are used when BCus_key is agreed, and never again."""
    wallet, prepaid = funded(hides=hides)
    with metering() as meter:
        purchase, _, _, sent = bought(wallet, prepaid)
        order.take_goods(purchase, sent, ALL_ON)
    assert set(meter) <= {"mac", "hash"}
    assert meter["mac"] <= 10


def test_numbers_rise_and_none_is_given_twice() -> None:
    wallet, _ = funded()
    wallet, first = ordered(wallet)
    wallet, second = ordered(wallet)
    assert (first.number, second.number, wallet.next_number) == (1, 2, 3)


def test_with_an_alias_the_vendor_sees_neither_pseudonym_nor_number() -> None:
    wallet, _ = funded(hides=True)
    wallet, first = ordered(wallet)
    _, second = ordered(wallet)
    for purchase in (first, second):
        assert (purchase.order.pseudonym, purchase.order.number) == (None, None)
        assert PSEUDONYM not in codec.encode(order.order_message(purchase))
    assert first.order.alias != second.order.alias
    shared = set(codec.decode(codec.encode(first.order), tuple)) & set(
        codec.decode(codec.encode(second.order), tuple)
    )
    assert shared == {PRICE, "v12", None, WARE.goods.digest}


def test_who_has_deposited_nothing_cannot_order() -> None:
    with pytest.raises(NotFunded):
        ordered(named())


def test_an_expired_pseudonym_orders_nothing() -> None:
    wallet, _ = funded()
    with pytest.raises(PseudonymHasExpired):
        ordered(wallet, now=NOW + LIFETIME + 1)


# Step 5, vendor


def message(**changes: Any) -> PlaceOrder:
    placed = order.order_message(ordered(funded()[0])[1])
    return altered(placed, order=altered(placed.order, **changes))  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"vendor": "v1"}, OrderForAnother),
        ({"amount": PRICE - 1}, PriceDiffers),
        ({"amount": PRICE + 1}, PriceDiffers),
        ({"goods": None}, GoodsNotAsOrdered),
        ({"goods": bytes(32)}, GoodsNotAsOrdered),
        ({"pseudonym": None}, OrderMalformed),
        ({"number": None}, OrderMalformed),
        ({"alias": bytes(32)}, OrderMalformed),
        ({"pseudonym": None, "number": None}, OrderMalformed),
        ({"pseudonym": None, "alias": bytes(32)}, OrderMalformed),
    ],
)
def test_an_order_that_is_not_for_this_vendor_these_goods_this_price_is_refused(
    changes: dict[str, Any], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        received(message(**changes))


def test_the_same_order_again_is_the_same_sale() -> None:
    sale = received(message())
    assert received(message(), before=sale) is sale
    assert order.order_digest(message().order) != order.order_digest(message(number=2).order)


def test_no_goods_before_the_broker_has_answered() -> None:
    with pytest.raises(MoveNotAllowed):
        order.send_goods(received(message()), WARE.content)


def test_a_rejected_order_gets_its_rejection_and_no_goods() -> None:
    _, sale, answer, sent = bought(*funded(PRICE - 1))
    assert sale.state is SaleState.REJECTED
    assert (sent.goods, sent.response) == (None, answer.response)
    assert sent.response.reason is Reason.BALANCE_TOO_SMALL


# Step 8, customer


def test_a_rejection_ends_the_purchase() -> None:
    purchase, _, _, sent = bought(*funded(PRICE - 1))
    done = order.take_goods(purchase, sent, ALL_ON)
    assert (done.state, done.reason) == (PurchaseState.REJECTED, "balance-too-small")


@pytest.mark.parametrize(
    "changes",
    [
        {"decision": Decision.REJECT},
        {"decision": Decision.REJECT, "reason": Reason.BALANCE_TOO_SMALL},
        {"reason": Reason.NUMBER_USED},
        {"tag": bytes(32)},
    ],
)
def test_pid_a7_an_altered_response_is_seen_and_the_vendor_doubted(
    changes: dict[str, Any],
) -> None:
    purchase, _, _, sent = bought(*funded())
    lie = GoodsSent(altered(sent.response, **changes), None)
    with pytest.raises(ResponseNotAuthentic):
        order.take_goods(purchase, lie, ALL_ON)
    assert order.doubt(purchase, "a lie").state is PurchaseState.DOUBTED


@pytest.mark.parametrize("changes", CHANGES[:5])
def test_the_response_to_another_order_does_not_serve(changes: dict[str, Any]) -> None:
    purchase, _, _, sent = bought(*funded())
    other = altered(purchase, order=altered(purchase.order, **changes))
    with pytest.raises(ResponseNotAuthentic):
        order.take_goods(other, sent, ALL_ON)


def test_pid_a8_paid_goods_that_do_not_come_or_are_others_are_owed() -> None:
    purchase, _, _, sent = bought(*funded())
    for goods in (None, b"something else"):
        owed = order.take_goods(purchase, GoodsSent(sent.response, goods), ALL_ON)
        assert (owed.state, owed.response) == (PurchaseState.OWED, sent.response)
        assert owed.reason
        assert order.take_goods(owed, GoodsSent(sent.response, b"still not"), ALL_ON) is not owed
        assert order.take_goods(owed, sent, ALL_ON).state is PurchaseState.DELIVERED


def test_pid_a8_without_the_goods_in_the_order_others_are_not_seen_to_be_others() -> None:
    printed = without(order_names_the_goods)
    purchase, _, _, sent = bought(*funded(guards=printed), guards=printed)
    assert purchase.order.goods is None
    lie = GoodsSent(sent.response, b"something else")
    assert order.take_goods(purchase, lie, printed).state is PurchaseState.DELIVERED


def test_silence_is_doubted_after_its_time_and_not_before() -> None:
    _, purchase = ordered(funded()[0])
    with pytest.raises(MoveNotAllowed):
        order.expire(purchase, NOW + ANSWER_WITHIN)
    assert order.expire(purchase, NOW + ANSWER_WITHIN + 1).state is PurchaseState.DOUBTED


def test_after_a_top_up_the_response_to_an_older_order_is_still_believed() -> None:
    wallet, prepaid = funded()
    wallet, purchase = ordered(wallet)
    answer = settled(claimed(purchase.order), prepaid)
    funded(wallet=wallet, prepaid=answer.prepaid, which="2")
    sent = GoodsSent(answer.response, WARE.content)
    assert order.take_goods(purchase, sent, ALL_ON).state is PurchaseState.DELIVERED


def test_a_message_is_the_same_each_time_it_is_sent() -> None:
    _, purchase = ordered(funded()[0])
    assert codec.encode(order.order_message(purchase)) == codec.encode(
        order.order_message(purchase)
    )
    assert purchase.transaction == TX
