"""An authority, a broker, a customer and two vendors, with real keys, for these tests.

The vendors' names are "v1" and "v12", and the order numbers decimal: printed one behind the other,
the fields of some orders cannot be told apart.
"""

from typing import Any

import msgspec

from crypto.documents import Signed, sign_document
from crypto.hashing import digest
from crypto.sealing import SealingKey
from crypto.signing import SigningKey
from nodes.protocols.anonymous_micropayment import deposit, order, pseudonym, settlement, shop
from nodes.protocols.anonymous_micropayment.deposit import FreshDeposit
from nodes.protocols.anonymous_micropayment.messages import (
    ClaimOrder,
    Funds,
    GoodsSent,
    OrderAnswered,
    PlaceOrder,
)
from nodes.protocols.anonymous_micropayment.order import order_key
from nodes.protocols.anonymous_micropayment.settlement import Answered
from nodes.protocols.anonymous_micropayment.state import (
    Prepaid,
    Prepayment,
    Purchase,
    Sale,
    Settled,
    Vendor,
    Wallet,
)
from nodes.protocols.anonymous_micropayment.values import Catalogue, Order
from nodes.protocols.guard import ALL_ON, Guard, Guards

NOW = 1_700_000_000_000
LIFETIME = 30 * 24 * 3_600_000
ANSWER_WITHIN = 10_000
PRICE = 5
TX = b"transaction 0001"


def key(name: str) -> SigningKey:
    return SigningKey(digest("test key", name.encode()))


def secret(name: str) -> bytes:
    return digest("test secret", name.encode())


CUSTOMER, VENDOR, OTHER, BROKER, AUTHORITY = (
    key(name) for name in ("customer", "vendor", "other", "broker", "authority")
)
BROKER_SEALING = SealingKey(secret("broker sealing"))
SHARED = secret("BCA_key")
PSEUDONYM = secret("pseudonym")[:16]
WARE = shop.ware("song", PRICE, b"la la la")
V12 = Vendor("v12", VENDOR.public_key, secret("BVend_key of v12"))
V1 = Vendor("v1", OTHER.public_key, secret("BVend_key of v1"))
CATALOGUE = Catalogue(VENDOR.public_key, "v12", BROKER.public_key, (WARE.goods,), NOW)
SIGNED_CATALOGUE: Signed[Catalogue] = sign_document(CATALOGUE, VENDOR)
FUNDS = Funds("test", b"money")


def without(*rules: Guard[...]) -> Guards:
    return Guards(frozenset(rule.name for rule in rules))


def altered(record: Any, **changes: Any) -> Any:
    return msgspec.structs.replace(record, **changes)


def named(guards: Guards = ALL_ON, which: bytes = PSEUDONYM) -> Wallet:
    """Steps 1, 2."""
    _, given = pseudonym.name_customer(
        CUSTOMER.public_key,
        BROKER.public_key,
        which,
        SHARED,
        now=NOW,
        lifetime=LIFETIME,
        guards=guards,
    )
    return pseudonym.take_pseudonym(given, BROKER.public_key, guards)


def prepayment(
    wallet: Wallet, amount: int = 100, guards: Guards = ALL_ON, which: str = "1", **changes: Any
) -> Prepayment:
    """Step 3, customer."""
    given: dict[str, Any] = {
        "hides": False,
        "broker_sealing_key": BROKER_SEALING.public_key,
        "orders_open": False,
        "deposit_open": False,
    }
    fresh = FreshDeposit(secret(f"nonce {which}")[:16], secret(f"reply key {which}"))
    return deposit.start_deposit(
        wallet, FUNDS, amount, fresh, TX, guards=guards, **(given | changes)
    )


def funded(
    amount: int = 100,
    guards: Guards = ALL_ON,
    *,
    wallet: Wallet | None = None,
    prepaid: Prepaid | None = None,
    hides: bool = False,
    which: str = "1",
) -> tuple[Wallet, Prepaid]:
    """Steps 1-4, or 3 and 4 once more."""
    wallet = wallet or named(guards)
    sent = prepayment(wallet, amount, guards, which, hides=hides)
    contents = deposit.open_deposit(sent.message, BROKER.public_key, BROKER_SEALING, guards)
    assert deposit.check_deposit(contents, prepaid, None, SHARED, NOW, guards) is None
    now_prepaid, deposited = deposit.take_deposit(
        contents, amount, prepaid, secret(f"BCus_key {which}"), guards
    )
    confirmed = deposit.open_confirmation(deposited.confirmation, sent)
    _, wallet = deposit.take_confirmation(confirmed, sent, wallet, guards)
    return wallet, now_prepaid


def ordered(wallet: Wallet, guards: Guards = ALL_ON, **changes: Any) -> tuple[Wallet, Purchase]:
    """Step 5, customer."""
    given: dict[str, Any] = {
        "now": NOW,
        "answer_within": ANSWER_WITHIN,
        "deposit_open": False,
    }
    return order.place_order(wallet, CATALOGUE, WARE.goods, TX, guards=guards, **(given | changes))


def received(message: PlaceOrder, guards: Guards = ALL_ON, before: Sale | None = None) -> Sale:
    """Step 5, vendor."""
    return order.take_order(message, "v12", WARE, before, TX, guards)


def settled(
    claim: ClaimOrder,
    prepaid: Prepaid | None,
    before: Settled | None = None,
    *,
    vendor: Vendor | None = V12,
    number: int | None = None,
    now: int = NOW,
    guards: Guards = ALL_ON,
) -> Answered:
    """Step 6, broker. `number`: of an order that bears an alias."""
    placed = claim.order
    account = settlement.credited_to(claim, vendor, guards)
    used = order_key(prepaid.secret if prepaid else bytes(32), SHARED, guards)
    checked = settlement.check_order(placed, prepaid, before, used, guards)
    which = number or placed.number
    assert which is not None
    return settlement.settle(placed, which, checked, before, account, now=now, guards=guards)


def claimed(placed: Order, vendor: Vendor = V12) -> ClaimOrder:
    """Step 6, vendor."""
    return settlement.claim(placed, vendor.key, vendor.account)


def answered(answer: Answered, placed: Order, guards: Guards = ALL_ON) -> OrderAnswered:
    """Step 7, broker."""
    return settlement.answer_claim(answer.response, placed, V12, guards)


def bought(
    wallet: Wallet, prepaid: Prepaid, guards: Guards = ALL_ON
) -> tuple[Purchase, Sale, Answered, GoodsSent]:
    """Steps 5-8 as they should go, up to what the vendor sends."""
    _, purchase = ordered(wallet, guards)
    sale = received(order.order_message(purchase), guards)
    answer = settled(claimed(sale.order), prepaid, number=purchase.number, guards=guards)
    sale = settlement.take_answer(sale, answered(answer, sale.order, guards), V12.key, guards)
    return purchase, sale, answer, order.send_goods(sale, WARE.content)
