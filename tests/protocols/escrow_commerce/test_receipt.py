"""Step 8 at the peers, and asking again (crash table: whoever comes back fetches what is his)."""

import pytest

from nodes.protocols.escrow_commerce import dispute, receipt, release
from nodes.protocols.escrow_commerce.messages import (
    AbortNotice,
    AbortReason,
    Finding,
    KeyRelease,
    PaymentRelease,
    Refund,
    SaleState,
    SaleStatus,
    Verdict,
)
from nodes.protocols.escrow_commerce.refusals import NotYourSale, PaymentNotAsAgreed, WrongState
from nodes.protocols.escrow_commerce.state import (
    BUYER_MOVES,
    SELLER_MOVES,
    BuyerState,
    SellerState,
)
from tests.protocols.escrow_commerce.market import (
    BUYER,
    ESCROW,
    KEY,
    NOW,
    PRICE,
    SELLER,
    STRANGER,
    delivery_in,
    purchase_in,
    sale_in,
)

ES = ESCROW.public_key
KEY_RELEASE = KeyRelease(KEY, NOW + 120_000)
NOTICE = AbortNotice(AbortReason.DIGESTS_DIFFER)
RELEASE = PaymentRelease("test-coins", PRICE, b"paid")


# Buyer


@pytest.mark.parametrize("state", BuyerState)
def test_step_8a_opens_a_purchase_that_is_paid_and_no_other(state: BuyerState) -> None:
    purchase = purchase_in(state)
    with pytest.raises(NotYourSale):
        receipt.key_arrives(purchase, KEY_RELEASE, SELLER.public_key)
    if state is BuyerState.PAID:
        held = receipt.key_arrives(purchase, KEY_RELEASE, ES)
        assert (held.key, held.dispute_until) == (KEY, NOW + 120_000)
    else:
        with pytest.raises(WrongState):
            receipt.key_arrives(purchase, KEY_RELEASE, ES)


@pytest.mark.parametrize("state", BuyerState)
def test_step_8x_ends_a_purchase_where_the_table_says(state: BuyerState) -> None:
    purchase = purchase_in(state)
    with pytest.raises(NotYourSale):
        receipt.abort_arrives(purchase, NOTICE, STRANGER.public_key)
    if BuyerState.ABORTED in {state, *BUYER_MOVES[state]}:
        assert receipt.abort_arrives(purchase, NOTICE, ES).reason is NOTICE.reason
    else:
        with pytest.raises(WrongState):
            receipt.abort_arrives(purchase, NOTICE, ES)


def test_step_8x_never_ends_a_purchase_whose_payment_is_being_made() -> None:
    with pytest.raises(WrongState):
        receipt.abort_arrives(purchase_in(BuyerState.PAYING), NOTICE, ES)


@pytest.mark.parametrize("state", BuyerState)
def test_step_8r_gives_back_where_the_table_says(state: BuyerState) -> None:
    purchase = purchase_in(state)
    with pytest.raises(NotYourSale):
        receipt.may_be_refunded(purchase, SELLER.public_key)
    if state in (
        BuyerState.PAID,
        BuyerState.ABORTED,
        BuyerState.UPHELD,
        BuyerState.DISPUTED,
    ):
        receipt.may_be_refunded(purchase, ES)
        assert receipt.refunded(purchase).state is BuyerState.REFUNDED
    else:
        with pytest.raises(WrongState):
            receipt.may_be_refunded(purchase, ES)


# Seller


def test_step_8r_that_brings_less_than_it_says_is_refused() -> None:
    receipt.require_refund(Refund("test-coins", PRICE, b"back"), PRICE)
    receipt.require_refund(Refund("test-coins", 0, b"a part"), PRICE - 1)
    with pytest.raises(PaymentNotAsAgreed):
        receipt.require_refund(Refund("test-coins", PRICE, b"back"), PRICE - 1)
    with pytest.raises(PaymentNotAsAgreed):
        receipt.require_refund(Refund("test-coins", 1, b""), 0)


@pytest.mark.parametrize("state", SellerState)
def test_step_8b_pays_a_delivery_that_is_deposited_and_no_other(state: SellerState) -> None:
    delivery = delivery_in(state)
    with pytest.raises(NotYourSale):
        receipt.may_be_paid(delivery, RELEASE, BUYER.public_key)
    if state is SellerState.DEPOSITED:
        receipt.may_be_paid(delivery, RELEASE, ES)
        assert receipt.paid(delivery, PRICE).state is SellerState.PAID
    else:
        with pytest.raises(WrongState):
            receipt.may_be_paid(delivery, RELEASE, ES)


@pytest.mark.parametrize("amount", [0, PRICE - 1, PRICE + 1])
def test_step_8b_anything_but_the_price_is_refused(amount: int) -> None:
    delivery = delivery_in(SellerState.DEPOSITED)
    with pytest.raises(PaymentNotAsAgreed):
        receipt.may_be_paid(delivery, PaymentRelease("test-coins", amount, b""), ES)
    with pytest.raises(PaymentNotAsAgreed):
        receipt.paid(delivery, amount)


@pytest.mark.parametrize("state", SellerState)
def test_step_8x_ends_a_delivery_where_the_table_says(state: SellerState) -> None:
    delivery = delivery_in(state)
    with pytest.raises(NotYourSale):
        receipt.seller_abort_arrives(delivery, NOTICE, BUYER.public_key)
    if SellerState.ABORTED in {state, *SELLER_MOVES[state]}:
        ended = receipt.seller_abort_arrives(delivery, NOTICE, ES)
        assert ended.may_discard
    else:
        with pytest.raises(WrongState):
            receipt.seller_abort_arrives(delivery, NOTICE, ES)


# Q1


@pytest.mark.parametrize("state", [s for s in SaleState if s is not SaleState.NEW])
def test_q1_shows_each_side_its_own_and_a_stranger_nothing(state: SaleState) -> None:
    sale = sale_in(state)
    with pytest.raises(NotYourSale):
        receipt.status(sale, STRANGER.public_key)
    for side in (BUYER, SELLER):
        answer = receipt.status(sale, side.public_key)
        assert answer.state is state
        due = state in release.KEY_RELEASED and side is BUYER
        assert answer.key == (KEY if due else None)
        paid = state is SaleState.CLOSED and side is SELLER
        assert answer.payment == (b"paid" if paid else None)


def test_q1_gives_a_refund_to_the_buyer_alone() -> None:
    back = release.take_paid_out(sale_in(SaleState.REFUNDED), b"back").sale
    assert receipt.status(back, BUYER.public_key).payment == b"back"
    assert receipt.status(back, BUYER.public_key).amount == PRICE
    assert receipt.status(back, SELLER.public_key).payment is None


def heard_by_buyer(purchase_state: BuyerState, answer: SaleStatus) -> list[object]:
    return list(receipt.missed_by_buyer(purchase_in(purchase_state), answer))


def test_q1r_brings_the_buyer_what_it_missed_in_order() -> None:
    refunded = release.take_paid_out(sale_in(SaleState.REFUNDED), b"back").sale
    answer = receipt.status(refunded, BUYER.public_key)
    verdict, refund = Verdict(True, Finding.CANNOT_DECRYPT), Refund("test-coins", PRICE, b"back")
    assert heard_by_buyer(BuyerState.DISPUTED, answer) == [verdict, refund]
    assert heard_by_buyer(BuyerState.UPHELD, answer) == [refund]
    assert heard_by_buyer(BuyerState.REFUNDED, answer) == []
    committed = receipt.status(sale_in(SaleState.COMMITTED), BUYER.public_key)
    assert heard_by_buyer(BuyerState.PAID, committed) == [KEY_RELEASE]
    assert heard_by_buyer(BuyerState.OPENED, committed) == []
    aborted = receipt.status(sale_in(SaleState.ABORTED), BUYER.public_key)
    notice = AbortNotice(AbortReason.DEADLINE_PASSED)
    assert heard_by_buyer(BuyerState.PAID, aborted) == [notice]
    assert heard_by_buyer(BuyerState.ABORTED, aborted) == []
    closed = receipt.status(sale_in(SaleState.CLOSED), BUYER.public_key)
    assert heard_by_buyer(BuyerState.ACCEPTED, closed) == []


def test_q1r_tells_a_buyer_of_a_denied_complaint() -> None:
    denied = dispute.nothing_uploaded(sale_in(SaleState.DISPUTED)).sale
    answer = receipt.status(denied, BUYER.public_key)
    assert heard_by_buyer(BuyerState.DISPUTED, answer) == [Verdict(False, Finding.NOTHING_UPLOADED)]


def test_q1r_brings_the_seller_what_it_missed() -> None:
    deposited = delivery_in(SellerState.DEPOSITED)
    closed = receipt.status(sale_in(SaleState.CLOSED), SELLER.public_key)
    assert receipt.missed_by_seller(deposited, closed) == (RELEASE,)
    assert receipt.missed_by_seller(delivery_in(SellerState.PAID), closed) == ()
    refunded = receipt.status(sale_in(SaleState.REFUNDED), SELLER.public_key)
    assert receipt.missed_by_seller(deposited, refunded) == (Verdict(True, Finding.CANNOT_DECRYPT),)
    aborted = receipt.status(sale_in(SaleState.ABORTED), SELLER.public_key)
    assert receipt.missed_by_seller(deposited, aborted) == (
        AbortNotice(AbortReason.DEADLINE_PASSED),
    )
    committed = receipt.status(sale_in(SaleState.COMMITTED), SELLER.public_key)
    assert receipt.missed_by_seller(deposited, committed) == ()


def test_q1r_tells_a_buyer_whose_complaint_came_too_late() -> None:
    settled = receipt.status(sale_in(SaleState.RELEASED), BUYER.public_key)
    assert heard_by_buyer(BuyerState.DISPUTED, settled) == [
        Verdict(False, Finding.NOTHING_UPLOADED)
    ]
    committed = receipt.status(sale_in(SaleState.COMMITTED), BUYER.public_key)
    assert heard_by_buyer(BuyerState.DISPUTED, committed) == []
