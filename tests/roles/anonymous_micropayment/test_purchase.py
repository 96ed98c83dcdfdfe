"""A purchase under a pseudonym between real nodes: steps 1-8, what it costs, who learns what."""

import json
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from crypto import codec
from crypto.meter import metering
from nodes.peer.anonymous_micropayment.books import Books, Open
from nodes.protocols.anonymous_micropayment.messages import Voucher
from tests.roles.anonymous_micropayment.market import Market, Node, Refusal

pytestmark = pytest.mark.asyncio
PK_OPERATIONS = {"sign", "verify", "seal", "open", "modular_exponentiation"}


async def test_steps_1_to_8_the_goods_come_and_the_money_goes(market: Market) -> None:
    vendor, customer = await market.peer("vendor"), await market.peer("customer")
    await vendor.sells(5, text="la la la")
    await customer.named()
    await customer.prepay(112)
    bought = await customer.buys(vendor, 5)
    assert bytes.fromhex(bought["goods"]).decode() == "la la la"
    assert await market.prepaid() == 107
    assert await market.balance(vendor) == 1005
    assert await market.balance(customer) == 1000 - 112
    assert (await customer.ledger())["wallets"][0]["balance"] == 107
    await vendor.until(bought["id"], "paid", side="vendor")


async def test_a_purchase_costs_no_operation_with_a_public_key(market: Market) -> None:
    vendor, customer = await market.peer("vendor"), await market.peer("customer")
    await vendor.sells(5)
    await customer.named()
    await customer.prepay(100)
    for _ in range(10):
        await customer.buys(vendor, 5)
    for node, step in ((customer, "5"), (vendor, "5"), (market.broker, "6")):
        counted = node.counted(step)
        assert counted["mac"] > 0
        assert not PK_OPERATIONS & counted.keys(), (node.name, counted)
    rows = market.broker.service.party.observer.rows()
    steps = [row.step for row in rows if row.direction == "in" and row.kind == "request"]
    assert [steps.count(step) for step in ("3", "6", "V3")] == [1, 10, 1]
    assert not [row for row in rows if row.step in ("3", "6") and row.signatures]


async def test_a_purchase_costs_four_commits_and_eight_keyed_hashes(market: Market) -> None:
    """Customer: the order before it leaves, and the goods. Broker: the commit point. Vendor: what
    it was paid for, before the goods leave. A tag and its check for the order, the claim and both
    halves of the answer."""
    vendor, customer = await market.peer("vendor"), await market.peer("customer")
    await vendor.sells(5)
    await customer.named()
    await customer.prepay(100)
    await customer.buys(vendor, 5)
    parties = (customer, vendor, market.broker)

    def spent() -> list[tuple[int, int]]:
        stores = [node.service.party.store.commits for node in parties]
        tags = [node.counted("5", "6").get("mac", 0) for node in parties]
        return list(zip(stores, tags, strict=True))

    before = spent()
    await customer.buys(vendor, 5)
    assert [(c - b, m - n) for (c, m), (b, n) in zip(spent(), before, strict=True)] == [
        (2, 2),
        (1, 2),
        (1, 4),
    ]


async def test_looking_at_one_purchase_reads_that_one_alone(market: Market) -> None:
    """Counted in digests: a row of a purchase or sale has one, the order's."""
    vendor, customer = await market.peer("vendor"), await market.peer("customer")
    await vendor.sells(5)
    await customer.named()
    await customer.prepay(100)
    bought = [await customer.buys(vendor, 5) for _ in range(5)]
    for node in (customer, vendor):
        (shown,) = [books for books in node.service.records if isinstance(books, Books)]
        with metering() as meter:
            (row,) = shown.details(bytes.fromhex(bought[0]["id"]))
        assert (row["id"], meter["hash"]) == (bought[0]["id"], 1)


async def test_a_key_is_not_renewed_while_anything_goes_on_under_it(market: Market) -> None:
    vendor, customer = await market.peer("vendor"), await market.peer("customer")
    await vendor.sells(5)
    await customer.named()
    await customer.prepay(100)
    await customer.buys(vendor, 5)
    drawn = await customer.ask("pid_vouchers", amount=10)
    await customer.until(drawn["transaction"], "held")

    async with away(market.broker):
        placed = await customer.orders(vendor, 5)
        await is_refused(customer.ask("pid_deposit", amount=10), "orders-are-open")
    await customer.until(placed, "delivered")

    async with away(market.broker):
        back = await customer.ask("pid_refund", amount=1)
        await is_refused(customer.ask("pid_deposit", amount=10), "orders-are-open")
    await customer.until(back["transaction"], "held")

    async with away(market.broker):
        paid_in = await customer.ask("pid_deposit", amount=10)
        await customer.until(paid_in["transaction"], "sent")
        await is_refused(customer.orders(vendor, 5), "deposit-is-open")
        await is_refused(customer.ask("pid_deposit", amount=1), "deposit-is-open")
        await is_refused(customer.ask("pid_refund", amount=1), "deposit-is-open")
    await customer.until(paid_in["transaction"], "confirmed")

    await customer.buys(vendor, 5)
    store = customer.service.party.store
    assert store.table("pid_open", Open).count(store.committed) == 0


@asynccontextmanager
async def away(node: Node) -> AsyncIterator[None]:
    await node.stop()
    yield
    await node.start()


async def is_refused(asked: Awaitable[object], code: str) -> None:
    with pytest.raises(Refusal) as refused:
        await asked
    assert refused.value.code == f"anonymous_micropayment/{code}"


async def test_neither_vendor_nor_broker_nor_both_learn_who_bought(market: Market) -> None:
    vendor, customer = await market.peer("vendor"), await market.peer("customer")
    await vendor.sells(5)
    pseudonym = await customer.named()
    await customer.prepay(100)
    await customer.buys(vendor, 5)
    anonymous = {"3", "5", "6", "7", "8", "G1", "V1"}
    for node in (vendor, market.broker):
        assert customer.id not in json.dumps(steps_seen(node, anonymous))
        rows = node.service.party.observer.rows()
        met = {name for row in rows if row.step in anonymous for name in (row.sender, row.receiver)}
        assert customer.name not in met
    bought = json.dumps(steps_seen(market.broker, {"V3", "V4"}))
    assert pseudonym not in bought
    (deposit,) = steps_seen(market.broker, {"3"})
    funds = bytes.fromhex(deposit["value"]["funds"]["payment"])
    for voucher in codec.decode(funds, tuple[Voucher, ...]):
        assert voucher.serial.hex() not in bought
        assert voucher.signature.hex() not in bought


def steps_seen(node: Node, steps: set[str]) -> list[Any]:
    """What a node could read at these steps; of step 3 what it opened."""
    view = node.service.party.observer.view()
    seen = [line for line in view if line["step"] in steps]
    return [line for line in seen if line["step"] != "3" or line["what"] == "the deposit"]


async def test_the_authority_sees_no_order(market: Market) -> None:
    vendor, customer = await market.peer("vendor"), await market.peer("customer")
    await vendor.sells(5)
    await customer.named()
    await customer.prepay(100)
    await customer.buys(vendor, 5)
    steps = {row.step for row in market.authority.service.party.observer.rows()}
    assert not steps & {"3", "5", "6", "7", "8", "G1", "T1"}


async def test_with_aliases_no_vendor_can_link_two_orders(market: Market) -> None:
    vendor, customer = await market.peer("vendor"), await market.peer("customer")
    await vendor.sells(5)
    pseudonym = await customer.named()
    await customer.prepay(100, hides=True)
    for _ in range(3):
        await customer.buys(vendor, 5)
    assert await market.balance(vendor) == 1015
    view = [v for v in vendor.service.party.observer.view() if v["step"] in ("5", "7")]
    assert pseudonym not in json.dumps(view)
    orders = [v["value"]["order"] for v in view if v["step"] == "5"]
    assert len({order["alias"] for order in orders}) == 3
    assert {(order["pseudonym"], order["number"]) for order in orders} == {(None, None)}


async def test_more_orders_than_money_the_last_are_rejected(market: Market) -> None:
    vendor, customer = await market.peer("vendor"), await market.peer("customer")
    await vendor.sells(40)
    await customer.named()
    await customer.prepay(100)
    placed = [await customer.orders(vendor, 40) for _ in range(4)]
    ended = [await customer.until(one, "delivered", "rejected") for one in placed]
    assert sorted(one["state"] for one in ended) == ["delivered"] * 2 + ["rejected"] * 2
    assert {one["reason"] for one in ended if one["state"] == "rejected"} == {"balance-too-small"}
    assert await market.prepaid() == 20


async def test_a_top_up_adds_to_what_there_is_and_orders_go_on(market: Market) -> None:
    vendor, customer = await market.peer("vendor"), await market.peer("customer")
    await vendor.sells(5)
    await customer.named()
    await customer.prepay(10)
    await customer.buys(vendor, 5)
    await customer.prepay(20, hides=True)
    await customer.buys(vendor, 5)
    await customer.prepay(1)
    await customer.buys(vendor, 5)
    assert await market.prepaid() == 31 - 15


async def test_what_is_left_comes_back_as_vouchers_and_as_money(market: Market) -> None:
    customer = await market.peer("customer")
    await customer.named()
    await customer.prepay(100)
    back = await customer.ask("pid_refund", amount=60)
    await customer.until(back["transaction"], "held")
    assert (await customer.ledger())["held_vouchers"] == 60
    assert await market.prepaid() == 40
    cash = await customer.ask("pid_cash", amount=60)
    await customer.until(cash["transaction"], "cashed")
    assert await market.balance(customer) == 1000 - 40
    with pytest.raises(Refusal) as refused:
        await customer.ask("pid_refund", amount=41)
    assert refused.value.code == "anonymous_micropayment/prepaid-too-small"


async def test_vouchers_bought_before_are_used_first(market: Market) -> None:
    customer = await market.peer("customer")
    bought = await customer.ask("pid_vouchers", amount=111)
    await customer.until(bought["transaction"], "held")
    assert (await market.broker.ledger())["vouchers"]["outstanding"] == 111
    await customer.named()
    await customer.prepay(101)
    assert (await customer.ledger())["held_vouchers"] == 10
    assert await market.balance(customer) == 1000 - 111


async def test_who_has_too_little_gets_no_vouchers_and_no_deposit(market: Market) -> None:
    customer = await market.peer("customer")
    await customer.named()
    asked = await customer.ask("pid_deposit", amount=1001)
    refused = await customer.until(asked["transaction"], "refused")
    assert refused["reason"] == "accounts/balance-too-small"
    assert await market.prepaid() == 0


async def test_nothing_can_be_bought_without_a_pseudonym_a_deposit_the_goods(
    market: Market,
) -> None:
    vendor, customer = await market.peer("vendor"), await market.peer("customer")
    await vendor.sells(5)
    for prepare, goods, price, code in (
        (None, "song", 5, "not-funded"),
        (customer.named, "song", 5, "not-funded"),
        (None, "poem", 5, "no-such-goods"),
        (None, "song", 4, "price-differs"),
    ):
        if prepare is not None:
            await prepare()
        with pytest.raises(Refusal) as refused:
            await customer.orders(vendor, price, goods=goods)
        assert refused.value.code == f"anonymous_micropayment/{code}"
    with pytest.raises(Refusal):
        await customer.ask("pid_buy", vendor="nobody", goods="song", price=5)


async def test_a_vendors_name_is_bound_to_one_account(market: Market) -> None:
    vendor, other = await market.peer("vendor"), await market.peer("other")
    await vendor.ask("pid_sell", goods="song", price=5, text="la", vendor_name="shop")
    with pytest.raises(Refusal) as refused:
        await other.ask("pid_sell", goods="song", price=5, text="la", vendor_name="shop")
    assert refused.value.code == "anonymous_micropayment/vendor-name-taken"
    await vendor.ask("pid_sell", goods="poem", price=1, text="oh")
    assert (await market.broker.ledger())["vendors"] == [{"name": "shop", "account": vendor.id}]


async def test_a_vendor_gives_an_orders_money_back(market: Market) -> None:
    vendor, customer = await market.peer("vendor"), await market.peer("customer")
    await vendor.sells(5)
    await customer.named()
    await customer.prepay(10)
    bought = await customer.buys(vendor, 5)
    for _ in range(2):
        done = await vendor.ask("pid_give_back", transaction=bought["id"])
        assert done["state"] == "given-back"
    assert (await market.prepaid(), await market.balance(vendor)) == (10, 1000)
