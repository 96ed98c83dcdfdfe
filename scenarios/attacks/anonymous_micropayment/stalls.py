"""A customer with money under a pseudonym, a vendor with a stall, and orders seen on the way."""

import asyncio
from collections.abc import Iterable

import msgspec

from nodes.protocols.accounts.messages import AccountOpened, OpenAccount
from nodes.protocols.anonymous_micropayment import settlement
from nodes.protocols.anonymous_micropayment.guards import tag_of
from nodes.protocols.anonymous_micropayment.messages import (
    ClaimOrder,
    OrderAnswered,
    RegisterVendor,
    VendorRegistered,
)
from nodes.protocols.anonymous_micropayment.shop import goods_digest
from nodes.protocols.anonymous_micropayment.state import Purchase, Sale
from nodes.protocols.anonymous_micropayment.tags import order_statement
from nodes.protocols.anonymous_micropayment.values import Decision, Order, Secret
from scenarios.adversaries.outsider import Mallory
from scenarios.lab.acting import Act
from scenarios.lab.node_client import Node
from scenarios.lab.worth import ACCOUNT, PREPAID

PRICE = 5
PREPAY = 100
GOODS = "song"
TEXT = "la la la"
REASON_SECONDS = 15.0


async def open_stall(vendor: Node, name: str = "") -> None:
    named = {"vendor_name": name} if name else {}
    await vendor.control("pid_sell", goods=GOODS, price=PRICE, text=TEXT, **named)


async def prepay(customer: Node, amount: int = PREPAY, *, hides: bool = False) -> str:
    """Money under a fresh pseudonym, which is told (hex)."""
    asked = await customer.control("pid_pseudonym")
    await customer.until(asked["transaction"], "named")
    asked = await customer.control("pid_deposit", amount=amount, hides=hides)
    await customer.until(asked["transaction"], "confirmed")
    return str((await customer.get("/inspect/ledger"))["wallets"][-1]["pseudonym"])


def purse_of(pseudonym: str) -> str:
    """How the ledgers call what lies under a pseudonym."""
    return f"pseudonym {pseudonym[:8]}"


async def order(customer: Node, vendor: Node) -> str:
    """Step 5 is on its way; the transaction."""
    asked = await customer.control("pid_buy", vendor=vendor.name, goods=GOODS, price=PRICE)
    return str(asked["transaction"])


async def buy(customer: Node, vendor: Node) -> None:
    await customer.until(await order(customer, vendor), "delivered")


def order_sent(act: Act, customer: Node) -> Order:
    """This customer's newest: an order travels for everyone on the way to read."""
    return _newest(one.order for one in act.voice(customer).kept("pid_purchases", Purchase))


def order_seen(act: Act, vendor: Node) -> Order:
    """The newest that this vendor was paid for."""
    return _newest(sale.order for sale in act.voice(vendor).kept("pid_sales", Sale))


def _newest(orders: Iterable[Order]) -> Order:
    return max(orders, key=lambda one: one.number or 0)


async def become_vendor(mallory: Mallory, name: str) -> Secret:
    """S1: a name, an account to be paid into, and the key to claim orders with."""
    party = mallory.party
    broker = await broker_of(mallory)
    await party.send(broker, OpenAccount(), party.fresh_transaction(), AccountOpened)
    asked = RegisterVendor(name)
    answer = await party.send(broker, asked, party.fresh_transaction(), VendorRegistered)
    return answer.message.key


async def broker_of(mallory: Mallory) -> bytes:
    return (await mallory.party.directory.named("broker")).id


async def send_claim(mallory: Mallory, claim: ClaimOrder) -> OrderAnswered:
    party = mallory.party
    broker = await broker_of(mallory)
    answer = await party.send(broker, claim, party.fresh_transaction(), OrderAnswered)
    return answer.message


def made_order(mallory: Mallory, pseudonym: str, number: int, vendor: str, key: Secret) -> Order:
    """An order in the name of whoever has this pseudonym, under whatever key is at hand."""
    made = Order(
        amount=PRICE,
        vendor=vendor,
        pseudonym=bytes.fromhex(pseudonym),
        number=number,
        alias=None,
        goods=goods_digest(TEXT.encode()),
        tag=bytes(32),
    )
    tag = tag_of(key, order_statement(made), mallory.party.guards)
    return msgspec.structs.replace(made, tag=tag)


async def cash_in(act: Act, mallory: Mallory, made: Order, key: Secret, victim: str) -> None:
    """Step 6 for a forged order, by an accomplice who is the vendor it names."""
    claim = settlement.claim(made, key, mallory.id)
    said = await act.attempt(act.live.broker, send_claim(mallory, claim))
    if said is not None and said.response.decision is Decision.ACCEPT:
        act.harm(purse_of(victim), PRICE, PREPAID, says=f"{mallory.name} was paid")


def paid_for(act: Act, pseudonym: str, vendor: Node) -> None:
    """An order that its customer made: that its vendor is paid for it is as it should be."""
    act.came.fair[purse_of(pseudonym), PREPAID] = -PRICE
    act.fair(vendor, ACCOUNT, PRICE)


async def reason_of(customer: Node, transaction: str) -> str:
    """Why a transaction does not go on, as soon as its owner can see it."""
    async with asyncio.timeout(REASON_SECONDS):
        while True:
            [record] = (await customer.get(f"/inspect/transactions/{transaction}"))["found"]
            if record["reason"]:
                return str(record["reason"])
            await customer.trace(after=10**9, wait=0.1)
