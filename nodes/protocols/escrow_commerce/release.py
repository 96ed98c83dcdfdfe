"""Step 8: compare, then release both or neither.

    proceed           both are in: compare; the digests differ: abort
    commit            the commit point. The key leaves (8a)
    settle, expire    accepted, or the dispute time is over: the payment is the seller's (8b)
    next_work         what the instrument does next; take_result, take_paid_out: what came of it

A decision about the payment is written once, before the instrument signs it over to anyone.
"""

import enum
from dataclasses import replace

from nodes.protocols.escrow_commerce.dispute import nothing_uploaded
from nodes.protocols.escrow_commerce.guards import (
    payment_is_checked,
    payment_is_held,
    payment_is_locked,
    payment_is_the_price,
    payment_outlasts,
)
from nodes.protocols.escrow_commerce.messages import (
    AbortNotice,
    AbortReason,
    Contract,
    KeyRelease,
    PaymentBytes,
    PaymentRelease,
    Refund,
    SaleState,
)
from nodes.protocols.escrow_commerce.payment import Invalid, Locked, LockResult
from nodes.protocols.escrow_commerce.reading import changed
from nodes.protocols.escrow_commerce.refusals import (
    PaymentExpiresTooSoon,
    PaymentNotChecked,
    PaymentNotLocked,
    PaymentNotThePrice,
    TooEarly,
    WrongState,
)
from nodes.protocols.escrow_commerce.state import (
    PAYMENT_MOVES,
    BuyerSide,
    Decided,
    Decision,
    EscrowTerms,
    Lock,
    Payment,
    PaymentState,
    PayOut,
    Sale,
    To,
    moved,
)
from nodes.protocols.guard import Guards
from nodes.protocols.message import Milliseconds

BEFORE_COMMIT = frozenset({SaleState.SELLER_IN, SaleState.BUYER_IN, SaleState.BOTH_IN})
KEY_RELEASED = frozenset(
    {
        SaleState.COMMITTED,
        SaleState.DISPUTED,
        SaleState.RELEASED,
        SaleState.REFUNDED,
        SaleState.CLOSED,
    }
)


def payment_must_last_until(contract: Contract, terms: EscrowTerms) -> Milliseconds:
    """The latest a sale can end: dispute time to complain, and time to upload."""
    dispute = terms.dispute_milliseconds + terms.upload_milliseconds(contract.size)
    return contract.deadline + dispute + terms.margin_milliseconds


# Before the commit point


def proceed(
    sale: Sale,
    now: Milliseconds,
    terms: EscrowTerms,
    guards: Guards,
    *,
    lock: Lock | None = None,
) -> Decided:
    """As far as the sale can go by now: it waits, aborts, or commits."""
    if sale.state is not SaleState.BOTH_IN:
        return Decided(sale, lock=lock)
    if now > sale.contract.deadline:
        return abort(sale, AbortReason.DEADLINE_PASSED, lock=lock)
    if not digests_agree(sale):
        return abort(sale, AbortReason.DIGESTS_DIFFER, lock=lock)
    try:
        return replace(commit(sale, now, terms, guards), lock=lock)
    except (PaymentNotChecked, PaymentNotLocked):
        return Decided(sale, lock=lock)
    except PaymentNotThePrice:
        return abort(sale, AbortReason.PAYMENT_NOT_THE_PRICE, lock=lock)
    except PaymentExpiresTooSoon:
        return abort(sale, AbortReason.PAYMENT_EXPIRES_TOO_SOON, lock=lock)


def digests_agree(sale: Sale) -> bool:
    """Step 8: Compare(H(E_K(C)), H'(E_K(C)))."""
    assert sale.seller_side is not None, "compared once both are in"
    assert sale.buyer_side is not None, "compared once both are in"
    return sale.seller_side.ciphertext_digest == sale.buyer_side.ciphertext_digest


def commit(sale: Sale, now: Milliseconds, terms: EscrowTerms, guards: Guards) -> Decided:
    """The commit point: digests equal, payment locked, price right. 8a leaves.

    Raises PaymentNotChecked, PaymentNotLocked, PaymentNotThePrice, PaymentExpiresTooSoon.
    """
    if sale.state is not SaleState.BOTH_IN or not digests_agree(sale):
        raise WrongState("this sale cannot be committed")
    assert sale.payment is not None, "step 7 brings a payment"
    assert sale.seller_side is not None, "step 6a brings a key"
    guards.require(payment_is_checked, sale.payment)
    guards.require(payment_is_locked, sale.payment)
    guards.require(payment_is_the_price, sale.payment, sale.contract)
    end = payment_must_last_until(sale.contract, terms)
    guards.require(payment_outlasts, sale.payment, end)
    dispute_until = now + terms.dispute_milliseconds
    committed = sale.moved(SaleState.COMMITTED, dispute_until=dispute_until)
    key = KeyRelease(sale.seller_side.key, dispute_until)
    return Decided(committed, (To(committed.buyer, key),))


def abort(sale: Sale, reason: AbortReason, *, lock: Lock | None = None) -> Decided:
    """Neither key nor payment: both sides are told, and what was paid in goes back."""
    decision = Decision.REFUND if sale.buyer_side is not None else None
    aborted = sale.moved(SaleState.ABORTED, reason=reason, decision=decision)
    notice = AbortNotice(reason)
    return Decided(aborted, (To(sale.buyer, notice), To(sale.seller, notice)), lock)


def return_late_payment(sale: Sale, side: BuyerSide, payment: Payment, lock: Lock) -> Decided:
    """Step 7 for a sale that is over: the payment is followed to its lock and then given back."""
    assert sale.state is SaleState.ABORTED, "only an aborted sale returns what comes late"
    assert sale.reason is not None, "an aborted sale has its reason"
    taken = changed(sale, buyer_side=side, payment=payment, decision=Decision.REFUND)
    return Decided(taken, (To(taken.buyer, AbortNotice(sale.reason)),), lock)


# After the commit point


def settle(sale: Sale, now: Milliseconds, guards: Guards) -> Decided:
    """The dispute time is over: the payment is the seller's. Raises PaymentHeld before."""
    if sale.state is not SaleState.COMMITTED:
        raise WrongState(f"the sale is {sale.state.value}")
    guards.require(payment_is_held, sale, now)
    return accept(sale)


def accept(sale: Sale) -> Decided:
    """The buyer is content, or can complain no more."""
    return Decided(sale.moved(SaleState.RELEASED, decision=Decision.RELEASE))


def due(sale: Sale, guards: Guards) -> Milliseconds | None:
    """The last moment before time alone moves this sale; None: it never does."""
    if sale.state in BEFORE_COMMIT:
        return sale.contract.deadline
    if sale.state is SaleState.COMMITTED and not guards.is_on(payment_is_held):
        return 0
    if sale.state in (SaleState.COMMITTED, SaleState.DISPUTED):
        return sale.dispute_until
    return None


def expire(sale: Sale, now: Milliseconds, guards: Guards) -> Decided:
    """A deadline before the commit point aborts; dispute time over pays. Raises TooEarly."""
    last = due(sale, guards)
    if last is None:
        raise WrongState(f"no deadline moves a sale that is {sale.state.value}")
    if now <= last:
        raise TooEarly()
    if sale.state in BEFORE_COMMIT:
        return abort(sale, AbortReason.DEADLINE_PASSED)
    if sale.state is SaleState.COMMITTED:
        return settle(sale, now, guards)
    return nothing_uploaded(sale)


def time_again(sale: Sale, now: Milliseconds, terms: EscrowTerms) -> Sale:
    """At a start: nobody could complain to a server that was away, so there is time again.

    As much as there was at first, as long as the payment lasts.
    """
    if sale.dispute_until is None or sale.state not in (SaleState.COMMITTED, SaleState.DISPUTED):
        return sale
    until = now + terms.dispute_milliseconds
    if sale.state is SaleState.DISPUTED:
        until = now + terms.upload_milliseconds(sale.contract.size)
    if sale.payment is not None and sale.payment.expires is not None:
        until = min(until, sale.payment.expires - terms.margin_milliseconds)
    return changed(sale, dispute_until=max(until, sale.dispute_until))


# The instrument's work


class Work(enum.StrEnum):
    """What the instrument does next for a sale."""

    CHECK = "check"
    LOCK = "lock"
    PAY_OUT = "pay-out"


def next_work(sale: Sale, guards: Guards) -> Work | None:
    """Lock before the commit; what is decided, or comes too late, is followed to its end."""
    payment = sale.payment
    if payment is None or payment.paid_out is not None:
        return None
    if payment.state in (PaymentState.LOCKED, PaymentState.FAILED):
        return Work.PAY_OUT if _wants_paying_out(sale, payment) else None
    if sale.decision is not None:
        return Work.LOCK
    if guards.is_on(payment_is_locked):
        return Work.LOCK
    if guards.is_on(payment_is_checked) and payment.state is PaymentState.LOCKING:
        return Work.CHECK
    return None


def _wants_paying_out(sale: Sale, payment: Payment) -> bool:
    """A payment that failed may have come in part: that goes back, but never to the seller."""
    failed = payment.state is PaymentState.FAILED
    return sale.decision is Decision.REFUND or (sale.decision is not None and not failed)


def take_result(
    sale: Sale,
    work: Work,
    result: LockResult,
    now: Milliseconds,
    terms: EscrowTerms,
    guards: Guards,
) -> Decided:
    """What came of CHECK or LOCK."""
    assert sale.payment is not None, "there is work only where there is a payment"
    if isinstance(result, Locked):
        state = PaymentState.LOCKED if work is Work.LOCK else PaymentState.CHECKED
        payment = moved(
            sale.payment, PAYMENT_MOVES, state, amount=result.amount, expires=result.expires
        )
        return proceed(changed(sale, payment=payment), now, terms, guards)
    if isinstance(result, Invalid):
        payment = moved(sale.payment, PAYMENT_MOVES, PaymentState.FAILED, amount=None)
        return _payment_failed(changed(sale, payment=payment))
    return Decided(sale)


def _payment_failed(sale: Sale) -> Decided:
    """The sale aborts; where the key has left already (a guard is off) the seller stays unpaid."""
    if sale.state in BEFORE_COMMIT:
        return abort(sale, AbortReason.PAYMENT_INVALID)
    if sale.state is SaleState.RELEASED:
        reason = AbortReason.PAYMENT_INVALID
        closed = sale.moved(SaleState.CLOSED, reason=reason)
        return Decided(closed, (To(sale.seller, AbortNotice(reason)),), rated=sale.rated)
    return Decided(sale)


def order_pay_out(sale: Sale) -> PayOut:
    """To whom the decision gives the payment."""
    assert sale.payment is not None, "there is work only where there is a payment"
    assert sale.decision is not None, "nothing is paid out before it is decided"
    to = sale.seller if sale.decision is Decision.RELEASE else sale.buyer
    whole = sale.payment.state is PaymentState.LOCKED
    amount = (sale.payment.amount or 0) if whole else 0
    return PayOut(sale.sale, sale.decision, to, sale.payment.instrument, amount)


def take_paid_out(sale: Sale, paid: PaymentBytes) -> Decided:
    """The instrument has signed the payment over: 8b to the seller, or the refund to the buyer.

    What the buyer rated meanwhile is passed on once the seller is paid (step 10).
    """
    order = order_pay_out(sale)
    assert sale.payment is not None, "an order of pay-out has a payment"
    if sale.decision is Decision.RELEASE:
        payment = moved(sale.payment, PAYMENT_MOVES, PaymentState.RELEASED, paid_out=paid)
        closed = sale.moved(SaleState.CLOSED, payment=payment)
        release = PaymentRelease(order.instrument, order.amount, paid)
        return Decided(closed, (To(order.to, release),), rated=sale.rated)
    payment = moved(sale.payment, PAYMENT_MOVES, PaymentState.REFUNDED, paid_out=paid)
    refund = Refund(order.instrument, order.amount, paid)
    return Decided(changed(sale, payment=payment), (To(order.to, refund),))
