"""Steps 5, 8: the customer orders from the vendor, and what comes back.

The number is reserved on disk before the order is sent, so no two orders bear the same. Between 5
and 8 the vendor asks the broker (settlement.py). What a vendor answers is believed only with the
broker's response under BCus_key; whoever refuses, is silent or says what cannot be is doubted, and
then the broker is asked (question.py).
"""

import msgspec

from crypto import codec
from crypto.hashing import Digest, digest
from nodes.protocols.anonymous_micropayment.guards import (
    authority_key_stays_secret,
    is_tagged,
    order_names_the_goods,
    tag_of,
)
from nodes.protocols.anonymous_micropayment.messages import GoodsSent, PlaceOrder
from nodes.protocols.anonymous_micropayment.numbers import alias_of
from nodes.protocols.anonymous_micropayment.refusals import (
    DepositIsOpen,
    GoodsNotAsOrdered,
    MoveNotAllowed,
    NotFunded,
    OrderForAnother,
    OrderMalformed,
    PriceDiffers,
    PseudonymHasExpired,
    ResponseNotAuthentic,
)
from nodes.protocols.anonymous_micropayment.shop import goods_digest
from nodes.protocols.anonymous_micropayment.state import (
    Purchase,
    PurchaseState,
    Sale,
    SaleState,
    Wallet,
    Ware,
)
from nodes.protocols.anonymous_micropayment.tags import order_statement, response_statement
from nodes.protocols.anonymous_micropayment.values import (
    Catalogue,
    Decision,
    Goods,
    GoodsBytes,
    Order,
    Response,
    Secret,
    VendorName,
)
from nodes.protocols.guard import Guards
from nodes.protocols.message import Milliseconds, TransactionId


def order_key(secret: Secret, shared_key: Secret | None, guards: Guards) -> Secret:
    """BCus_key; or BCA_key, as the formula of step 5 is printed (PID-R1 b)."""
    if guards.is_on(authority_key_stays_secret) or shared_key is None:
        return secret
    return shared_key


# Step 5, customer


def place_order(
    wallet: Wallet,
    catalogue: Catalogue,
    goods: Goods,
    transaction: TransactionId,
    *,
    now: Milliseconds,
    answer_within: int,
    deposit_open: bool,
    guards: Guards,
) -> tuple[Wallet, Purchase]:
    """Step 5: the next number is taken, the order made. To be on disk before it is sent.

    `answer_within`: milliseconds until the vendor is doubted. Raises NotFunded, DepositIsOpen or
    PseudonymHasExpired.
    """
    if wallet.secret is None:
        raise NotFunded()
    if deposit_open:
        raise DepositIsOpen()
    if now > wallet.certificate.expires:
        raise PseudonymHasExpired()
    number = wallet.next_number
    order = sign_order(
        Order(
            amount=goods.price,
            vendor=catalogue.vendor_name,
            pseudonym=None if wallet.hides else wallet.pseudonym,
            number=None if wallet.hides else number,
            alias=alias_of(wallet.secret, number) if wallet.hides else None,
            goods=goods.digest if guards.is_on(order_names_the_goods) else None,
            tag=bytes(32),
        ),
        order_key(wallet.secret, wallet.shared_key, guards),
        guards,
    )
    purchase = Purchase(
        state=PurchaseState.ORDERED,
        transaction=transaction,
        pseudonym=wallet.pseudonym,
        number=number,
        vendor=catalogue.vendor,
        order=order,
        goods=goods,
        deadline=now + answer_within,
        secret=wallet.secret,
    )
    return msgspec.structs.replace(wallet, next_number=number + 1), purchase


def sign_order(order: Order, key: Secret, guards: Guards) -> Order:
    """The order with its keyed hash."""
    return msgspec.structs.replace(order, tag=tag_of(key, order_statement(order), guards))


def order_message(purchase: Purchase) -> PlaceOrder:
    """The same each time."""
    return PlaceOrder(purchase.order, purchase.goods.name)


# Step 5, vendor


def order_digest(order: Order) -> Digest:
    """A whole order with its tag: what the vendor keeps it by."""
    return digest("anonymous_micropayment/order", codec.encode(order))


def check_shape(order: Order) -> None:
    """Raises OrderMalformed."""
    named = (order.pseudonym is not None, order.number is not None)
    if named != (order.alias is None, order.alias is None):
        raise OrderMalformed()


def take_order(
    message: PlaceOrder,
    name: VendorName,
    ware: Ware,
    before: Sale | None,
    transaction: TransactionId,
    guards: Guards,
) -> Sale:
    """Step 5, vendor: an order for these goods at their price; or the record of it.

    Whether it is genuine only the broker can say. Raises OrderMalformed, OrderForAnother,
    PriceDiffers or GoodsNotAsOrdered.
    """
    if before is not None:
        return before
    order = message.order
    check_shape(order)
    if order.vendor != name:
        raise OrderForAnother(order.vendor)
    if order.amount != ware.goods.price:
        raise PriceDiffers(f"{ware.goods.name} costs {ware.goods.price}")
    guards.require(order_names_the_goods, order, ware.goods.digest)
    return Sale(SaleState.RECEIVED, transaction, order, message.goods)


# Step 8, vendor


def send_goods(sale: Sale, content: GoodsBytes) -> GoodsSent:
    """Step 8: B_respond, and the goods if it says accept. Asked again, the same."""
    if sale.response is None:
        raise MoveNotAllowed("the broker has not answered")
    return GoodsSent(sale.response, content if sale.state is SaleState.PAID else None)


# Step 8, customer


def check_response(response: Response, order: Order, secret: Secret, guards: Guards) -> None:
    """B_respond is the broker's, to this very order. Raises ResponseNotAuthentic (PID-A7)."""
    statement = response_statement(order, response.decision, response.reason)
    if not is_tagged(response.tag, secret, statement, guards):
        raise ResponseNotAuthentic()


def take_goods(purchase: Purchase, sent: GoodsSent, guards: Guards) -> Purchase:
    """Step 8, customer: delivered, rejected, or owed the goods that were paid.

    Raises ResponseNotAuthentic; then the vendor is doubted.
    """
    check_response(sent.response, purchase.order, purchase.secret, guards)
    if sent.response.decision is Decision.REJECT:
        reason = sent.response.reason
        return purchase.moved(
            PurchaseState.REJECTED, response=sent.response, reason=reason.value if reason else ""
        )
    fault = _fault(purchase, sent.goods, guards)
    if not fault:
        return purchase.moved(PurchaseState.DELIVERED, response=sent.response, reason="")
    if purchase.state is PurchaseState.OWED:
        return msgspec.structs.replace(purchase, reason=fault)
    return purchase.moved(PurchaseState.OWED, response=sent.response, reason=fault)


def _fault(purchase: Purchase, goods: GoodsBytes | None, guards: Guards) -> str:
    """What is wrong with what came, by its code; empty if nothing is."""
    if goods is None:
        return "no-goods"
    try:
        guards.require(order_names_the_goods, purchase.order, goods_digest(goods))
    except GoodsNotAsOrdered as error:
        return error.code
    return ""


def doubt(purchase: Purchase, reason: str) -> Purchase:
    """The vendor refused or said what cannot be: before anything else, ask the broker."""
    return purchase.moved(PurchaseState.DOUBTED, reason=reason)


def expire(purchase: Purchase, now: Milliseconds) -> Purchase:
    """The vendor has kept silent too long. Raises MoveNotAllowed before the deadline."""
    if now <= purchase.deadline:
        raise MoveNotAllowed("there is time left")
    return doubt(purchase, "silence")
