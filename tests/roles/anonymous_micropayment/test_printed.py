"""The protocol as printed, over the network: it runs, and its attacks succeed; mended they fail.

Cheats send the same messages as anybody else, with what they have lawfully seen.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from nodes.protocols.anonymous_micropayment import guards, settlement
from nodes.protocols.anonymous_micropayment.messages import (
    ClaimOrder,
    OrderAnswered,
    RegisterVendor,
    VendorRegistered,
)
from nodes.protocols.anonymous_micropayment.refusals import NotTheVendor, OrderNotAuthentic
from nodes.protocols.anonymous_micropayment.state import Purchase, Sale
from nodes.protocols.anonymous_micropayment.values import Decision, Order
from nodes.protocols.guard import Guard
from tests.roles.anonymous_micropayment.market import Build, Market, Node

pytestmark = pytest.mark.asyncio
ALL = tuple(value.name for value in vars(guards).values() if isinstance(value, Guard))


class World(Market):
    """A market with guards switched off, on every node."""

    def __init__(self, folder: Path, without: tuple[str, ...]) -> None:
        super().__init__(folder)
        self.without = without

    async def add(self, name: str, build: Build, **changed: Any) -> Node:
        return await super().add(name, build, without=self.without, **changed)


@asynccontextmanager
async def trading(folder: Path, *without: str) -> AsyncIterator[tuple[Market, Node, Node]]:
    """A vendor "v12", a customer that has bought from it once, and a market."""
    async with World(folder, without) as market:
        vendor, customer = await market.peer("v12"), await market.peer("customer")
        await vendor.sells(5)
        await customer.named()
        await customer.prepay(100)
        await customer.buys(vendor, 5)
        yield market, vendor, customer
        assert await market.value() == 0


def order_seen_by(vendor: Node) -> Order:
    """The newest that this vendor was paid for."""
    store = vendor.service.party.store
    orders = [sale.order for sale in store.table("pid_sales", Sale).values(store.committed)]
    return max(orders, key=lambda order: order.number or 0)


def order_sent_by(customer: Node) -> Order:
    """This customer's newest."""
    store = customer.service.party.store
    sent = [one.order for one in store.table("pid_purchases", Purchase).values(store.committed)]
    return max(sent, key=lambda order: order.number or 0)


async def registered(vendor: Node, name: str) -> bytes:
    """The key of a name this vendor has, or gets."""
    party, broker = vendor.service.party, vendor.market.broker.service.party.id
    asked, transaction = RegisterVendor(name), party.fresh_transaction()
    return (await party.send(broker, asked, transaction, VendorRegistered)).message.key


async def claims(cheat: Node, claim: ClaimOrder) -> OrderAnswered:
    party = cheat.service.party
    broker = cheat.market.broker.service.party.id
    answer = await party.send(broker, claim, party.fresh_transaction(), OrderAnswered)
    return answer.message


@contextmanager
def refused(by: type[Exception], *, on: bool) -> Iterator[None]:
    if on:
        with pytest.raises(by):
            yield
    else:
        yield


async def test_as_printed_a_purchase_goes_through(tmp_path: Path) -> None:
    async with trading(tmp_path, *ALL) as (market, vendor, customer):
        await customer.buys(vendor, 5)
        assert (await market.prepaid(), await market.balance(vendor)) == (90, 1010)


@pytest.mark.parametrize("on", [False, True])
async def test_pid_a3_a_vendor_of_two_names_is_paid_twice_for_one_order(
    tmp_path: Path, on: bool
) -> None:
    without = () if on else (guards.fields_are_framed.name,)
    async with trading(tmp_path, *without) as (market, vendor, _):
        key = await registered(vendor, "v1")
        seen = order_seen_by(vendor)  # "v12", 1
        shifted = msgspec.structs.replace(seen, vendor="v1", number=21)
        with refused(OrderNotAuthentic, on=on):
            claim = settlement.claim(shifted, key, vendor.service.party.id)
            said = await claims(vendor, claim)
            assert said.response.decision is Decision.ACCEPT
        paid = 5 if on else 10
        assert (await market.prepaid(), await market.balance(vendor)) == (100 - paid, 1000 + paid)


@pytest.mark.parametrize("on", [False, True])
async def test_pid_a5_who_intercepts_an_order_is_paid_for_it(tmp_path: Path, on: bool) -> None:
    without = () if on else (guards.vendor_is_authenticated.name,)
    async with trading(tmp_path, *without) as (market, vendor, customer):
        cheat = await market.peer("cheat")
        await cheat.sells(1)
        await market.broker.stop()
        placed = await customer.orders(vendor, 5)
        seen = order_sent_by(customer)
        await vendor.stop()
        await market.broker.start()
        with refused(NotTheVendor, on=on):
            await claims(cheat, ClaimOrder(seen, cheat.service.party.id, None))
        assert await market.balance(cheat) == (1000 if on else 1005)
        await vendor.start()
        await customer.until(placed, "delivered")


@pytest.mark.parametrize("on", [False, True])
async def test_pid_a4_an_order_claimed_again_is_not_paid_again(tmp_path: Path, on: bool) -> None:
    """Refused by the printed rules themselves."""
    async with trading(tmp_path, *(() if on else ALL)) as (market, vendor, _):
        key = await registered(vendor, "v12")
        for _ in range(3):
            claim = settlement.claim(order_seen_by(vendor), key, vendor.service.party.id)
            assert (await claims(vendor, claim)).response.decision is Decision.ACCEPT
        assert (await market.prepaid(), await market.balance(vendor)) == (95, 1005)
