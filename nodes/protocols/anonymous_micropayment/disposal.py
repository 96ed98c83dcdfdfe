"""E1, E2: what becomes of an accepted order's money, for a vendor that holds it for others.

A vendor gives it back to the pseudonym, or hands it on to another account: one of the two, once.
This is what an escrow server needs to take orders as payments: an order to the server is the lock,
handing on is the release, giving back the refund. It also ends PID-A8 for whoever buys that way.
"""

from dataclasses import dataclass

import msgspec

from nodes.protocols.anonymous_micropayment.messages import DisposeOfOrder, OrderDisposed
from nodes.protocols.anonymous_micropayment.refusals import (
    AnswerNotTheBrokers,
    NoSuchVendor,
    NotTheVendor,
    OrderNotHeld,
)
from nodes.protocols.anonymous_micropayment.state import (
    Prepaid,
    Sale,
    SaleState,
    Settled,
    Vendor,
)
from nodes.protocols.anonymous_micropayment.tags import (
    Field,
    all_of_order,
    framed_tag,
    is_framed_tag,
)
from nodes.protocols.anonymous_micropayment.values import Order, Secret, Standing
from nodes.protocols.message import Amount, PartyId


def dispose(order: Order, to: PartyId | None, key: Secret) -> DisposeOfOrder:
    """E1, vendor. `to`: an account; None for back to the customer."""
    return DisposeOfOrder(order, to, framed_tag(key, "dispose", to, *all_of_order(order)))


@dataclass(frozen=True)
class Disposed:
    """What the broker does, as one: the vendor's account is debited by `amount`."""

    settled: Settled
    amount: Amount
    """0 for a repeat."""
    prepaid: Prepaid | None = None
    """Credited with it, when given back."""
    credit_to: PartyId | None = None
    """This account is credited, when handed on."""


def dispose_of(
    asked: DisposeOfOrder, vendor: Vendor | None, settled: Settled | None, prepaid: Prepaid | None
) -> Disposed:
    """E1, broker. Raises NoSuchVendor, NotTheVendor, OrderNotHeld, or MoveNotAllowed."""
    if vendor is None:
        raise NoSuchVendor(asked.order.vendor)
    if not is_framed_tag(asked.tag, vendor.key, "dispose", *_fields(asked)):
        raise NotTheVendor()
    if settled is None or settled.order != asked.order or prepaid is None:
        raise OrderNotHeld()
    to = Standing.GIVEN_BACK if asked.to is None else Standing.HANDED_ON
    if settled.state is to and settled.handed_to == asked.to:
        return Disposed(settled, 0)
    if settled.state is not Standing.ACCEPTED:
        raise OrderNotHeld(f"it is {settled.state.value}")
    amount = asked.order.amount
    moved = settled.moved(to, handed_to=asked.to)
    if asked.to is not None:
        return Disposed(moved, amount, credit_to=asked.to)
    credited = msgspec.structs.replace(prepaid, balance=prepaid.balance + amount)
    return Disposed(moved, amount, prepaid=credited)


def disposed(asked: DisposeOfOrder, settled: Settled, key: Secret) -> OrderDisposed:
    """E2, broker."""
    tag = framed_tag(key, "disposed", settled.state.value, *_fields(asked))
    return OrderDisposed(settled.state, tag)


def take_disposed(asked: DisposeOfOrder, answer: OrderDisposed, sale: Sale, key: Secret) -> Sale:
    """E2, vendor. Raises AnswerNotTheBrokers."""
    if not is_framed_tag(answer.tag, key, "disposed", answer.standing.value, *_fields(asked)):
        raise AnswerNotTheBrokers()
    to = SaleState.GIVEN_BACK if asked.to is None else SaleState.HANDED_ON
    return sale if sale.state is to else sale.moved(to)


def _fields(asked: DisposeOfOrder) -> tuple[Field, ...]:
    return asked.to, *all_of_order(asked.order)
