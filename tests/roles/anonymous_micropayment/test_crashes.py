"""Whoever is away, or ends between two messages: no money is lost, and every purchase ends.

`loses` lets one answer be lost at a named point, as if the process had ended there; `again` is the
restart: what was in memory is gone, what was on disk goes on.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from nodes.protocols.anonymous_micropayment import order as rule
from nodes.protocols.anonymous_micropayment.messages import GoodsSent, PlaceOrder
from nodes.protocols.anonymous_micropayment.refusals import OrderNotAuthentic
from nodes.protocols.anonymous_micropayment.state import Purchase, Sale
from nodes.protocols.anonymous_micropayment.values import Decision
from nodes.runtime.refusals import UnexpectedFailure
from tests.roles.anonymous_micropayment.market import Market, Node

pytestmark = pytest.mark.asyncio
PROTOCOL = "anonymous_micropayment"


@asynccontextmanager
async def loses(node: Node, step: str, point: str) -> AsyncIterator[None]:
    """Inside, the node's first message of `step` goes no further than `point`."""
    observer, lost = node.service.party.observer, asyncio.Event()
    honest = observer.reached

    def reached(at: Any, protocol: str, which: str) -> None:
        honest(at, protocol, which)
        if (at, protocol, which) == (point, PROTOCOL, step) and not lost.is_set():
            lost.set()
            raise UnexpectedFailure("the process ended here")

    observer.reached = reached  # type: ignore[method-assign, assignment]
    try:
        yield
        async with asyncio.timeout(20):
            await lost.wait()
    finally:
        observer.reached = honest  # type: ignore[method-assign]


async def again(node: Node) -> None:
    await node.stop()
    await node.start()


async def trading(market: Market, **how: Any) -> tuple[Node, Node]:
    vendor, customer = await market.peer("vendor"), await market.peer("customer", **how)
    await vendor.sells(5)
    await customer.named()
    await customer.prepay(100)
    shown = await customer.ask("pid_catalogue", vendor=vendor.name)
    assert [goods["name"] for goods in shown["goods"]] == ["song"]
    return vendor, customer


async def is_paid_once(market: Market, vendor: Node) -> None:
    assert (await market.prepaid(), await market.balance(vendor)) == (95, 1005)


@pytest.mark.parametrize(
    ("who", "step", "point"),
    [
        ("customer", "5", "saved"),
        ("vendor", "5", "received"),
        ("vendor", "6", "saved"),
        ("broker", "6", "received"),
        ("broker", "6", "saved"),
        ("vendor", "6", "sent"),
        ("vendor", "5", "saved"),
        ("customer", "5", "sent"),
    ],
)
@pytest.mark.parametrize("restarts", [False, True])
async def test_an_answer_that_is_lost_anywhere_is_given_again_and_paid_once(
    market: Market, who: str, step: str, point: str, restarts: bool
) -> None:
    vendor, customer = await trading(market)
    victim = {"customer": customer, "vendor": vendor, "broker": market.broker}[who]
    async with loses(victim, step, point):
        placed = await customer.orders(vendor, 5)
    if restarts:
        await again(victim)
    await customer.until(placed, "delivered")
    await is_paid_once(market, vendor)


async def test_an_order_on_disk_survives_its_customer(market: Market) -> None:
    vendor, customer = await trading(market)
    await vendor.stop()
    placed = await customer.orders(vendor, 5)
    await again(customer)
    await vendor.start()
    await customer.until(placed, "delivered")
    await is_paid_once(market, vendor)


async def test_a_vendor_that_stays_away_costs_nothing_the_number_is_void(market: Market) -> None:
    vendor, customer = await trading(market)
    await vendor.stop()
    placed = await customer.orders(vendor, 5, within_seconds=0.2)
    await customer.until(placed, "voided")
    assert (await market.prepaid(), await market.balance(vendor)) == (100, 1000)
    assert (await market.broker.ledger())["orders"][0]["state"] == "voided"


async def test_a_vendor_that_comes_late_with_a_void_order_gets_nothing(market: Market) -> None:
    vendor, customer = await trading(market)
    await market.broker.stop()
    placed = await customer.orders(vendor, 5, within_seconds=0.5)
    await vendor.reached("5")
    await vendor.stop()
    await market.broker.start()
    await customer.until(placed, "voided")
    await vendor.start()
    sent = await order_again(customer, vendor, placed)
    assert (sent.response.decision, sent.goods) == (Decision.REJECT, None)
    await vendor.until(placed, "rejected", side="vendor")
    assert (await market.prepaid(), await market.balance(vendor)) == (100, 1000)


async def order_again(customer: Node, vendor: Node, placed: str) -> GoodsSent:
    """Step 5 of an order as it lies on its customer's disk."""
    party = customer.service.party
    kept = party.store.table("pid_purchases", Purchase)
    purchase = kept.get(party.store.committed, bytes.fromhex(placed))
    assert purchase is not None
    answer = await party.send(
        vendor.service.party.id, rule.order_message(purchase), purchase.transaction, GoodsSent
    )
    return answer.message


async def test_an_order_that_nobody_vouches_for_leaves_nothing_at_its_vendor(
    market: Market,
) -> None:
    vendor, customer = await trading(market)
    bought = await customer.buys(vendor, 5)
    party, store = customer.service.party, vendor.service.party.store
    kept = party.store.table("pid_purchases", Purchase)
    purchase = kept.get(party.store.committed, bytes.fromhex(bought["id"]))
    assert purchase is not None
    forged = msgspec.structs.replace(purchase.order, tag=bytes(32))
    commits, sales = store.commits, store.table("pid_sales", Sale)
    with pytest.raises(OrderNotAuthentic):
        await party.send(
            vendor.service.party.id,
            PlaceOrder(forged, purchase.goods.name),
            party.fresh_transaction(),
            GoodsSent,
        )
    assert (store.commits, sales.count(store.committed)) == (commits, 1)


async def test_a_broker_that_is_away_delays_a_purchase_and_nothing_else(market: Market) -> None:
    vendor, customer = await trading(market)
    await market.broker.stop()
    placed = await customer.orders(vendor, 5)
    await vendor.reached("6")
    await market.broker.start()
    await customer.until(placed, "delivered")
    await is_paid_once(market, vendor)


async def test_a_vendor_that_was_paid_and_forgot_to_deliver_is_asked_again(market: Market) -> None:
    """Q1 shows the accept; the customer's disk has the order, and the broker's the response."""
    vendor, customer = await trading(market)
    async with loses(vendor, "6", "sent"):
        placed = await customer.orders(vendor, 5, within_seconds=0.2)
    await vendor.stop()
    await customer.until(placed, "owed")
    await is_paid_once(market, vendor)
    await vendor.start()
    await customer.ask("pid_ask", transaction=placed)
    await customer.until(placed, "delivered")
    await is_paid_once(market, vendor)


async def test_without_the_authority_existing_pseudonyms_go_on_and_new_ones_wait(
    market: Market,
) -> None:
    vendor, customer = await trading(market)
    await market.authority.stop()
    await customer.buys(vendor, 5)
    asked = await customer.ask("pid_pseudonym")
    await market.authority.start()
    await customer.until(asked["transaction"], "named")
    await is_paid_once(market, vendor)


@pytest.mark.parametrize(("who", "point"), [("broker", "saved"), ("customer", "sent")])
@pytest.mark.parametrize("restarts", [False, True])
async def test_a_deposit_whose_confirmation_is_lost_is_made_once(
    market: Market, who: str, point: str, restarts: bool
) -> None:
    customer = await market.peer("customer")
    await customer.named()
    victim = {"customer": customer, "broker": market.broker}[who]
    async with loses(victim, "3", point):
        asked = await customer.ask("pid_deposit", amount=100)
    if restarts:
        await again(victim)
    await customer.until(asked["transaction"], "confirmed")
    assert (await market.prepaid(), await market.balance(customer)) == (100, 900)


@pytest.mark.parametrize(
    ("step", "operation", "state"),
    [("1", "pid_pseudonym", "named"), ("V3", "pid_vouchers", "held"), ("R1", "pid_refund", "held")],
)
@pytest.mark.parametrize("point", ["saved", "sent"])
async def test_a_customer_that_ends_while_it_asks_asks_again(
    market: Market, step: str, operation: str, state: str, point: str
) -> None:
    customer = await market.peer("customer")
    await customer.named()
    await customer.prepay(50)
    amount = {} if step == "1" else {"amount": 12}
    async with loses(customer, step, point):
        asked = await customer.ask(operation, **amount)
    await again(customer)
    await customer.until(asked["transaction"], state)
    names = (await market.authority.ledger())["named"]
    assert len(names) == (2 if step == "1" else 1)


async def test_a_deposit_ends_though_its_customer_did_while_it_bought_vouchers(
    market: Market,
) -> None:
    customer = await market.peer("customer")
    await customer.named()
    async with loses(customer, "V3", "sent"):
        asked = await customer.ask("pid_deposit", amount=23)
    await again(customer)
    await customer.until(asked["transaction"], "confirmed")
    assert (await market.prepaid(), await market.balance(customer)) == (23, 977)
