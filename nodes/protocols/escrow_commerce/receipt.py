"""Step 8 at the peers: what the escrow server sends, and asking it where the sale stands.

Every message may come twice, late, or not at all: then the answer to a question (Q1) brings what
was missed, and it is taken in by the same rules.
"""

from typing import TypeVar

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
from nodes.protocols.escrow_commerce.reading import changed, require_sender
from nodes.protocols.escrow_commerce.refusals import PaymentNotAsAgreed, UnknownSale, WrongState
from nodes.protocols.escrow_commerce.release import KEY_RELEASED
from nodes.protocols.escrow_commerce.state import (
    BUYER_MOVES,
    BuyerState,
    Decision,
    Delivery,
    Purchase,
    Sale,
    SellerState,
)
from nodes.protocols.message import Amount, Message, PartyId

R = TypeVar("R", Sale, Purchase, Delivery)

# Buyer


def key_arrives(purchase: Purchase, message: KeyRelease, sender: PartyId) -> Purchase:
    """8a: K, and until when the buyer may complain."""
    require_sender(sender, purchase.contract.escrow_server)
    return purchase.moved(BuyerState.KEY_HELD, key=message.key, dispute_until=message.dispute_until)


def abort_arrives(purchase: Purchase, message: AbortNotice, sender: PartyId) -> Purchase:
    """8x, buyer: what it paid in comes back with 8r. Its own clock may have ended it before."""
    require_sender(sender, purchase.contract.escrow_server)
    if purchase.state is BuyerState.ABORTED:
        return changed(purchase, reason=message.reason)
    return purchase.moved(BuyerState.ABORTED, reason=message.reason)


def may_be_refunded(purchase: Purchase, sender: PartyId) -> None:
    """8r, before the payment is taken: whether a refund can come now."""
    require_sender(sender, purchase.contract.escrow_server)
    if BuyerState.REFUNDED not in BUYER_MOVES[purchase.state]:
        raise WrongState(f"the purchase is {purchase.state.value}")


def require_refund(message: Refund, taken: Amount) -> None:
    """8r: at least what it says came back. A payment that never came in whole says nothing."""
    if taken < message.amount:
        raise PaymentNotAsAgreed(f"{taken} instead of {message.amount}")


def refunded(purchase: Purchase) -> Purchase:
    """8r: the payment is the buyer's again."""
    return purchase.moved(BuyerState.REFUNDED)


# Seller


def may_be_paid(delivery: Delivery, message: PaymentRelease, sender: PartyId) -> None:
    """8b, before the payment is taken: it is the price, or raises PaymentNotAsAgreed."""
    require_sender(sender, delivery.contract.escrow_server)
    if delivery.state is not SellerState.DEPOSITED:
        raise WrongState(f"the sale is {delivery.state.value}")
    _require_price(delivery, message.amount)


def paid(delivery: Delivery, taken: Amount) -> Delivery:
    """8b: `taken` is what the payment was found to be worth."""
    _require_price(delivery, taken)
    return delivery.moved(SellerState.PAID)


def _require_price(delivery: Delivery, amount: Amount) -> None:
    price = delivery.contract.price
    if price is not None and amount != price:
        raise PaymentNotAsAgreed(f"{amount} instead of {price}")


def seller_abort_arrives(delivery: Delivery, message: AbortNotice, sender: PartyId) -> Delivery:
    """8x, seller: the encrypted content and its key are needed no more."""
    require_sender(sender, delivery.contract.escrow_server)
    if delivery.state is SellerState.ABORTED:
        return changed(delivery, reason=message.reason)
    return delivery.moved(SellerState.ABORTED, reason=message.reason)


# Asking


def known(record: R | None) -> R:
    """Raises UnknownSale where there is no record."""
    if record is None:
        raise UnknownSale()
    return record


def status(sale: Sale, sender: PartyId) -> SaleStatus:
    """Q1, escrow server: each side gets what is its own by now, and nothing else."""
    require_sender(sender, (sale.buyer, sale.seller))
    is_buyer = sender == sale.buyer
    mine = Decision.REFUND if is_buyer else Decision.RELEASE
    payment = sale.payment
    settled = payment is not None and payment.paid_out is not None and sale.decision is mine
    key_is_due = is_buyer and sale.state in KEY_RELEASED and sale.seller_side is not None
    return SaleStatus(
        state=sale.state,
        reason=sale.reason,
        dispute_until=sale.dispute_until,
        finding=sale.finding,
        key=sale.seller_side.key if key_is_due and sale.seller_side else None,
        instrument=payment.instrument if payment and settled else None,
        amount=(payment.amount or 0) if payment and settled else None,
        payment=payment.paid_out if payment and settled else None,
    )


def missed_by_buyer(purchase: Purchase, answer: SaleStatus) -> tuple[Message, ...]:
    """Q1r, buyer: what it would have heard by now, in order; to be taken in one by one."""
    missed: list[Message] = []
    state = purchase.state
    if answer.state is SaleState.ABORTED and BuyerState.ABORTED in BUYER_MOVES[state]:
        missed.append(AbortNotice(answer.reason or AbortReason.DEADLINE_PASSED))
    if answer.key is not None and state is BuyerState.PAID:
        missed.append(KeyRelease(answer.key, answer.dispute_until or 0))
    if state is BuyerState.DISPUTED and answer.state not in (
        SaleState.COMMITTED,
        SaleState.DISPUTED,
    ):
        missed.append(_verdict(answer.state, answer.finding or Finding.NOTHING_UPLOADED))
    if answer.payment is not None and state is not BuyerState.REFUNDED:
        missed.append(_refund(answer))
    return tuple(missed)


def missed_by_seller(delivery: Delivery, answer: SaleStatus) -> tuple[Message, ...]:
    """Q1r, seller."""
    if delivery.may_discard:
        return ()
    if answer.state is SaleState.ABORTED:
        return (AbortNotice(answer.reason or AbortReason.DEADLINE_PASSED),)
    missed: list[Message] = []
    if answer.finding is not None and delivery.finding is None:
        missed.append(_verdict(answer.state, answer.finding))
    if answer.payment is not None:
        release = _refund(answer)
        missed.append(PaymentRelease(release.instrument, release.amount, release.payment))
    elif answer.state is SaleState.CLOSED and answer.reason is not None:
        missed.append(AbortNotice(answer.reason))
    return tuple(missed)


def _verdict(state: SaleState, finding: Finding) -> Verdict:
    return Verdict(state is SaleState.REFUNDED, finding)


def _refund(answer: SaleStatus) -> Refund:
    assert answer.payment is not None, "asked only where there is one"
    return Refund(answer.instrument or "unknown", answer.amount or 0, answer.payment)
