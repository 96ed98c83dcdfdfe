"""Steps 6, 7: the vendor claims an order, the broker checks it and pays. The commit point.

One transaction at the broker holds all: the number used, the pseudonym debited, the vendor's
account credited, the response kept. The key is (PID, S_N): the same order again gets the same
response and moves nothing (PID-R4, PID-A4); another order under the same number is rejected
(PID-A14). Orders that come at once are settled one after the other (PID-A13).
"""

import hmac
from dataclasses import dataclass

import msgspec

from nodes.protocols.anonymous_micropayment.guards import (
    answer_fields,
    answer_is_the_brokers,
    is_tagged,
    tag_of,
    vendor_is_authenticated,
)
from nodes.protocols.anonymous_micropayment.messages import ClaimOrder, OrderAnswered
from nodes.protocols.anonymous_micropayment.numbers import Fresh
from nodes.protocols.anonymous_micropayment.order import check_shape
from nodes.protocols.anonymous_micropayment.refusals import (
    MoveNotAllowed,
    NoSuchPseudonym,
    NoSuchVendor,
    NumberTooFarAhead,
    OrderNotAuthentic,
)
from nodes.protocols.anonymous_micropayment.state import (
    Prepaid,
    Sale,
    SaleState,
    Settled,
    Vendor,
)
from nodes.protocols.anonymous_micropayment.tags import (
    all_of_order,
    framed_tag,
    order_statement,
    response_statement,
)
from nodes.protocols.anonymous_micropayment.values import (
    Decision,
    Order,
    OrderNumber,
    Reason,
    Response,
    Secret,
    Standing,
)
from nodes.protocols.guard import Guards
from nodes.protocols.message import Amount, Milliseconds, PartyId

# Step 6, vendor


def claim(order: Order, key: Secret, me: PartyId) -> ClaimOrder:
    """Step 6: the same each time. The account is what the paper prints; the tag is what counts."""
    return ClaimOrder(order, me, framed_tag(key, "claim", *all_of_order(order)))


# Step 6, broker


@dataclass(frozen=True)
class Answered:
    """What the broker decided; to be saved as one, before it is said."""

    response: Response
    settled: Settled | None = None
    """None: it was decided before, or the number was gone before."""
    prepaid: Prepaid | None = None
    """The pseudonym as it is now."""
    credit_to: PartyId | None = None
    amount: Amount = 0


def credited_to(claim: ClaimOrder, vendor: Vendor | None, guards: Guards) -> PartyId:
    """Whose account is paid: the registered one; or, as printed, the one in the message.

    Raises NoSuchVendor or NotTheVendor.
    """
    if vendor is None:
        raise NoSuchVendor(claim.order.vendor)
    guards.require(vendor_is_authenticated, claim, vendor.key)
    if guards.is_on(vendor_is_authenticated):
        return vendor.account
    return claim.account or vendor.account


def check_order(
    order: Order, prepaid: Prepaid | None, before: Settled | None, key: Secret, guards: Guards
) -> Prepaid:
    """The order was made with the pseudonym's key. `key`: see `order.order_key`.

    One that was decided before is known by all its bytes, also if a top-up has renewed the key.
    Raises OrderMalformed, NoSuchPseudonym or OrderNotAuthentic.
    """
    check_shape(order)
    if prepaid is None:
        raise NoSuchPseudonym()
    is_known = before is not None and before.order == order
    if not is_known and not is_tagged(order.tag, key, order_statement(order), guards):
        raise OrderNotAuthentic()
    return prepaid


def settle(
    order: Order,
    number: OrderNumber,
    prepaid: Prepaid,
    before: Settled | None,
    account: PartyId,
    *,
    now: Milliseconds,
    guards: Guards,
) -> Answered:
    """Step 6 -> 7, broker, after `credited_to` and `check_order`: one durable decision a number.

    `number` is the order's, or its alias's. Raises NumberTooFarAhead.
    """
    if before is not None and before.order == order and before.response is not None:
        return Answered(before.response)
    gone = _gone(number, prepaid, before)
    if gone is not None:
        return Answered(respond(order, prepaid.secret, Decision.REJECT, gone, guards))
    used = msgspec.structs.replace(prepaid, window=prepaid.window.use(number))
    reason = _why_not(order, prepaid, now)
    decision = Decision.ACCEPT if reason is None else Decision.REJECT
    response = respond(order, prepaid.secret, decision, reason, guards)
    settled = Settled(
        state=Standing.ACCEPTED if reason is None else Standing.REJECTED,
        pseudonym=prepaid.pseudonym,
        number=number,
        order=order,
        response=response,
        account=account if reason is None else None,
        settled_at=now,
    )
    if reason is not None:
        return Answered(response, settled, used)
    debited = msgspec.structs.replace(used, balance=used.balance - order.amount)
    return Answered(response, settled, debited, account, order.amount)


def _gone(number: OrderNumber, prepaid: Prepaid, before: Settled | None) -> Reason | None:
    if before is not None:
        return Reason.NUMBER_USED
    told = prepaid.window.tell(number)
    if told is Fresh.TOO_FAR_AHEAD:
        raise NumberTooFarAhead()
    if told is Fresh.USED:
        return Reason.NUMBER_USED
    return Reason.NUMBER_TOO_OLD if told is Fresh.TOO_OLD else None


def _why_not(order: Order, prepaid: Prepaid, now: Milliseconds) -> Reason | None:
    if now > prepaid.expires:
        return Reason.PSEUDONYM_EXPIRED
    return Reason.BALANCE_TOO_SMALL if prepaid.balance < order.amount else None


def respond(
    order: Order, secret: Secret, decision: Decision, reason: Reason | None, guards: Guards
) -> Response:
    """B_respond, under BCus_key."""
    tag = tag_of(secret, response_statement(order, decision, reason), guards)
    return Response(decision, reason, tag)


# Step 7


def answer_claim(response: Response, order: Order, vendor: Vendor, guards: Guards) -> OrderAnswered:
    """Step 7, broker: with a tag that the vendor can check; as printed, without."""
    if not guards.is_on(answer_is_the_brokers):
        return OrderAnswered(response, None)
    fields = answer_fields(order, response)
    return OrderAnswered(response, framed_tag(vendor.key, "answer", *fields))


def take_answer(sale: Sale, answered: OrderAnswered, key: Secret, guards: Guards) -> Sale:
    """Step 7, vendor. Raises AnswerNotTheBrokers; MoveNotAllowed if it was answered otherwise."""
    guards.require(answer_is_the_brokers, answered, sale.order, key)
    response = answered.response
    if sale.response is not None:
        if not _same(sale.response, response):
            raise MoveNotAllowed("the broker answered otherwise before")
        return sale
    accepted = response.decision is Decision.ACCEPT
    return sale.moved(SaleState.PAID if accepted else SaleState.REJECTED, response=response)


def _same(one: Response, other: Response) -> bool:
    return one.decision is other.decision and hmac.compare_digest(one.tag, other.tag)
