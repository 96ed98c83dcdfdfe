"""Step 8: compare, then release both or neither. Claims of section 4: fairness, integrity."""

from itertools import product

import msgspec
import pytest

from nodes.protocols.escrow_commerce import release
from nodes.protocols.escrow_commerce.messages import (
    AbortNotice,
    AbortReason,
    KeyRelease,
    PaymentRelease,
    Refund,
    SaleState,
)
from nodes.protocols.escrow_commerce.payment import Invalid, Locked, Pending
from nodes.protocols.escrow_commerce.refusals import (
    PaymentExpiresTooSoon,
    PaymentHeld,
    PaymentNotChecked,
    PaymentNotLocked,
    PaymentNotThePrice,
    TooEarly,
    WrongState,
)
from nodes.protocols.escrow_commerce.release import Work
from nodes.protocols.escrow_commerce.state import Decision, PaymentState, Sale, To
from tests.protocols.escrow_commerce.market import (
    ALL_ON,
    BUYER,
    DEADLINE,
    END,
    KEY,
    NOW,
    OTHER_DIGEST,
    PRICE,
    SALE,
    SELLER,
    TERMS,
    buyer_deposit,
    locked,
    off,
    sale_in,
    seller_deposit,
    take_buyer,
    take_seller,
    with_payment,
)

SALE_MOVED_BY_TIME = {
    SaleState.SELLER_IN: SaleState.ABORTED,
    SaleState.BUYER_IN: SaleState.ABORTED,
    SaleState.BOTH_IN: SaleState.ABORTED,
    SaleState.COMMITTED: SaleState.RELEASED,
    SaleState.DISPUTED: SaleState.RELEASED,
}
LATER = NOW + 10**9


def aborted(before: Sale, reason: AbortReason) -> None:
    """Neither side got anything, and what was paid in goes back."""
    assert (before.state, before.reason) == (SaleState.ABORTED, reason)
    assert before.decision in (None, Decision.REFUND)


# Compare


@pytest.mark.parametrize("first", ["seller", "buyer"])
def test_step_8_digests_that_differ_end_the_sale_and_both_are_told(first: str) -> None:
    new, wrong = Sale(SALE), buyer_deposit(ciphertext_digest=OTHER_DIGEST)
    if first == "seller":
        decided = take_buyer(take_seller(new).sale, wrong)
        assert decided.lock is not None, "what was paid in must be followed to be given back"
    else:
        decided = take_seller(take_buyer(new, wrong).sale)
    aborted(decided.sale, AbortReason.DIGESTS_DIFFER)
    notice = AbortNotice(AbortReason.DIGESTS_DIFFER)
    assert set(decided.messages) == {
        To(BUYER.public_key, notice),
        To(SELLER.public_key, notice),
    }


def test_step_8_a_single_flipped_byte_is_enough() -> None:
    digest = bytearray(seller_deposit().ciphertext_digest)
    digest[7] ^= 1
    wrong = seller_deposit(ciphertext_digest=bytes(digest))
    aborted(take_seller(take_buyer(Sale(SALE)).sale, wrong).sale, AbortReason.DIGESTS_DIFFER)


# The commit point


@pytest.mark.parametrize("order", ["seller-buyer-lock", "buyer-seller-lock", "buyer-lock-seller"])
def test_step_8_the_key_leaves_once_both_are_in_and_the_payment_is_locked(order: str) -> None:
    moves = {"seller": take_seller, "buyer": take_buyer, "lock": locked}
    now_at, decided = Sale(SALE), None
    for name in order.split("-"):
        assert decided is None or decided.messages == ()
        decided = moves[name](now_at)
        now_at = decided.sale
    assert decided is not None
    assert now_at.state is SaleState.COMMITTED
    assert decided.messages == (To(BUYER.public_key, KeyRelease(KEY, NOW + 120_000)),)
    assert now_at.decision is None, "who gets the payment is decided later"


@pytest.mark.parametrize("state", SaleState)
def test_only_a_sale_with_both_sides_in_commits(state: SaleState) -> None:
    before = sale_in(state)
    if state is SaleState.BOTH_IN:
        before = with_payment(before, PaymentState.LOCKED)
        assert release.commit(before, NOW, TERMS, ALL_ON).sale.state is SaleState.COMMITTED
    else:
        with pytest.raises(WrongState):
            release.commit(before, NOW, TERMS, ALL_ON)


def test_a_sale_whose_digests_differ_cannot_be_committed() -> None:
    both = with_payment(sale_in(SaleState.BOTH_IN), PaymentState.LOCKED)
    assert both.buyer_side is not None
    side = msgspec.structs.replace(both.buyer_side, ciphertext_digest=OTHER_DIGEST)
    with pytest.raises(WrongState):
        release.commit(msgspec.structs.replace(both, buyer_side=side), NOW, TERMS, ALL_ON)


@pytest.mark.parametrize("state", [s for s in PaymentState if s is not PaymentState.LOCKED])
def test_the_key_stays_until_the_payment_is_locked(state: PaymentState) -> None:
    both = with_payment(sale_in(SaleState.BOTH_IN), state)
    refusal = PaymentNotLocked if state is PaymentState.CHECKED else PaymentNotChecked
    with pytest.raises(refusal):
        release.commit(both, NOW, TERMS, ALL_ON)
    assert release.proceed(both, NOW, TERMS, ALL_ON).sale == both


@pytest.mark.parametrize("amount", [0, PRICE - 1, PRICE + 1])
def test_step_8_another_amount_than_the_price_ends_the_sale(amount: int) -> None:
    decided = locked(sale_in(SaleState.BOTH_IN), amount=amount)
    aborted(decided.sale, AbortReason.PAYMENT_NOT_THE_PRICE)
    assert release.next_work(decided.sale, ALL_ON) is Work.PAY_OUT
    paying = msgspec.structs.replace(
        sale_in(SaleState.BOTH_IN), payment=decided.sale.payment, state=SaleState.BOTH_IN
    )
    with pytest.raises(PaymentNotThePrice):
        release.commit(paying, NOW, TERMS, ALL_ON)


def test_step_8_a_payment_that_could_expire_before_the_end_ends_the_sale() -> None:
    decided = locked(sale_in(SaleState.BOTH_IN), expires=END - 1)
    aborted(decided.sale, AbortReason.PAYMENT_EXPIRES_TOO_SOON)
    paying = msgspec.structs.replace(
        sale_in(SaleState.BOTH_IN), payment=decided.sale.payment, state=SaleState.BOTH_IN
    )
    with pytest.raises(PaymentExpiresTooSoon):
        release.commit(paying, NOW, TERMS, ALL_ON)
    assert locked(sale_in(SaleState.BOTH_IN), expires=END).sale.state is SaleState.COMMITTED


@pytest.mark.parametrize("state", [SaleState.BUYER_IN, SaleState.BOTH_IN])
def test_step_8_a_payment_that_is_not_good_ends_the_sale(state: SaleState) -> None:
    decided = release.take_result(sale_in(state), Work.LOCK, Invalid("spent"), NOW, TERMS, ALL_ON)
    aborted(decided.sale, AbortReason.PAYMENT_INVALID)
    assert not [to for to in decided.messages if isinstance(to.message, KeyRelease)]


def test_a_payment_still_on_its_way_changes_nothing() -> None:
    both = sale_in(SaleState.BOTH_IN)
    decided = release.take_result(both, Work.LOCK, Pending("5 of 8"), NOW, TERMS, ALL_ON)
    assert decided.sale == both
    assert decided.messages == ()


def test_a_lock_that_comes_after_the_deadline_does_not_commit() -> None:
    decided = locked(sale_in(SaleState.BOTH_IN), now=DEADLINE + 1)
    aborted(decided.sale, AbortReason.DEADLINE_PASSED)
    assert locked(sale_in(SaleState.BOTH_IN), now=DEADLINE).sale.state is SaleState.COMMITTED


# Settlement: 8b at acceptance or when the dispute time ends


@pytest.mark.parametrize("state", SaleState)
def test_only_a_committed_sale_is_settled(state: SaleState) -> None:
    before = sale_in(state)
    if state is SaleState.COMMITTED:
        after = release.settle(before, LATER, ALL_ON).sale
        assert (after.state, after.decision) == (SaleState.RELEASED, Decision.RELEASE)
    else:
        with pytest.raises(WrongState):
            release.settle(before, LATER, ALL_ON)


def test_step_8b_stays_until_the_dispute_time_is_over() -> None:
    committed = sale_in(SaleState.COMMITTED)
    assert committed.dispute_until is not None
    with pytest.raises(PaymentHeld):
        release.settle(committed, committed.dispute_until, ALL_ON)
    release.settle(committed, committed.dispute_until + 1, ALL_ON)


@pytest.mark.parametrize("state", SaleState)
def test_time_moves_a_sale_only_after_its_last_moment(state: SaleState) -> None:
    before = sale_in(state)
    last = release.due(before, ALL_ON)
    if state not in SALE_MOVED_BY_TIME:
        assert last is None
        with pytest.raises(WrongState):
            release.expire(before, LATER, ALL_ON)
        return
    assert last is not None
    with pytest.raises(TooEarly):
        release.expire(before, last, ALL_ON)
    assert release.expire(before, last + 1, ALL_ON).sale.state is SALE_MOVED_BY_TIME[state]


# The instrument's work


def work(before: Sale) -> Work | None:
    return release.next_work(before, ALL_ON)


def test_the_payment_is_locked_at_once_whoever_comes_first() -> None:
    assert work(sale_in(SaleState.BUYER_IN)) is Work.LOCK
    assert work(sale_in(SaleState.BOTH_IN)) is Work.LOCK
    assert work(sale_in(SaleState.SELLER_IN)) is None
    assert work(sale_in(SaleState.NEW)) is None


def test_nothing_is_paid_out_before_it_is_decided_and_once_after() -> None:
    assert work(sale_in(SaleState.COMMITTED)) is None
    assert work(sale_in(SaleState.DISPUTED)) is None
    assert work(sale_in(SaleState.RELEASED)) is Work.PAY_OUT
    assert work(sale_in(SaleState.REFUNDED)) is Work.PAY_OUT
    assert work(sale_in(SaleState.CLOSED)) is None


def test_a_payment_that_failed_is_never_the_sellers() -> None:
    failed = with_payment(sale_in(SaleState.RELEASED), PaymentState.FAILED)
    assert work(failed) is None


def test_with_the_lock_off_the_payment_is_only_looked_at_until_it_is_decided() -> None:
    guards = off("payment-locked-before-key")
    both = sale_in(SaleState.BOTH_IN)
    assert release.next_work(both, guards) is Work.CHECK
    checked = release.take_result(both, Work.CHECK, Locked(PRICE, None), NOW, TERMS, guards).sale
    assert checked.state is SaleState.COMMITTED
    assert release.next_work(checked, guards) is None
    assert release.next_work(release.accept(checked).sale, guards) is Work.LOCK


def test_with_both_off_the_key_leaves_unpaid_as_printed() -> None:
    """PC-17: the buyer holds K, and what the payment is worth is seen too late."""
    guards = off("payment-checked-before-key", "payment-locked-before-key")
    decided = take_buyer(take_seller(Sale(SALE)).sale, guards=guards)
    assert decided.sale.state is SaleState.COMMITTED
    assert decided.lock is not None, "what came in is kept, to be looked at later"
    assert To(BUYER.public_key, KeyRelease(KEY, NOW + 120_000)) in decided.messages
    released = release.accept(decided.sale).sale
    assert release.next_work(released, guards) is Work.LOCK
    end = release.take_result(released, Work.LOCK, Invalid("empty"), NOW, TERMS, guards)
    assert (end.sale.state, end.sale.reason) == (SaleState.CLOSED, AbortReason.PAYMENT_INVALID)
    assert end.messages == (To(SELLER.public_key, AbortNotice(AbortReason.PAYMENT_INVALID)),)


@pytest.mark.parametrize("state", SaleState)
def test_paying_out_in_every_state(state: SaleState) -> None:
    before = sale_in(state)
    if work(before) is not Work.PAY_OUT:
        with pytest.raises((AssertionError, WrongState)):
            release.take_paid_out(before, b"paid")
        return
    decided = release.take_paid_out(before, b"paid")
    (to,) = decided.messages
    assert decided.sale.payment is not None
    assert decided.sale.payment.paid_out == b"paid"
    if state is SaleState.RELEASED:
        assert to == To(SELLER.public_key, PaymentRelease("test-coins", PRICE, b"paid"))
        assert decided.sale.state is SaleState.CLOSED
    else:
        assert to == To(BUYER.public_key, Refund("test-coins", PRICE, b"paid"))
        assert decided.sale.state is state
    assert work(decided.sale) is None


def test_an_aborted_sale_gives_back_the_whole_payment_once_it_is_locked() -> None:
    late = release.abort(sale_in(SaleState.BOTH_IN), AbortReason.DEADLINE_PASSED).sale
    assert work(late) is Work.LOCK
    back = locked(late).sale
    order = release.order_pay_out(back)
    assert (order.decision, order.to, order.amount) == (Decision.REFUND, BUYER.public_key, PRICE)


def test_what_came_in_part_goes_back_with_no_amount_promised() -> None:
    late = release.abort(sale_in(SaleState.BOTH_IN), AbortReason.DEADLINE_PASSED).sale
    failed = release.take_result(late, Work.LOCK, Invalid("x"), NOW, TERMS, ALL_ON).sale
    assert release.order_pay_out(failed).amount == 0
    refunded = release.take_paid_out(failed, b"two of three").sale
    assert refunded.payment is not None
    assert refunded.payment.state is PaymentState.REFUNDED


def test_the_key_and_an_abort_never_leave_the_same_sale() -> None:
    """Fairness, section 3: over every order of the three inputs and every fate of the payment."""
    fates = [Locked(PRICE, None), Locked(PRICE - 1, None), Invalid("spent"), Pending("slow")]
    digests = [seller_deposit().ciphertext_digest, OTHER_DIGEST]
    for fate, digest, seller_first in product(fates, digests, [True, False]):
        steps = [
            take_seller,
            lambda s, d=digest: take_buyer(s, buyer_deposit(ciphertext_digest=d)),
        ]
        now_at, sent = Sale(SALE), []
        for step in steps if seller_first else steps[::-1]:
            decided = step(now_at)
            now_at = decided.sale
            sent.extend(to.message for to in decided.messages)
        if work(now_at) is Work.LOCK:
            decided = release.take_result(now_at, Work.LOCK, fate, NOW, TERMS, ALL_ON)
            now_at = decided.sale
            sent.extend(to.message for to in decided.messages)
        keys = [m for m in sent if isinstance(m, KeyRelease)]
        aborts = [m for m in sent if isinstance(m, AbortNotice)]
        assert not (keys and aborts)
        good = fate == Locked(PRICE, None) and digest == digests[0]
        assert bool(keys) is good
