"""X9: a deposit under a pseudonym with e-cash. The bank's e-cash, the broker's pseudonyms."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from nodes.bank_account_server import service as bank_account_server
from nodes.broker import anonymous_micropayment as at_broker
from nodes.broker.accounts import Accounts
from nodes.broker.anonymous_micropayment.cash import CashDeposits
from nodes.certificate_authority import service as certificate_authority
from nodes.coin_server import service as coin_server
from nodes.peer import anonymous_micropayment as at_peer
from nodes.peer import electronic_cash
from nodes.peer.anonymous_micropayment.cash_funds import CashFunds
from nodes.protocols.electronic_cash.refusals import ParcelUnreadable
from nodes.protocols.message import Role
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings
from tests.roles.anonymous_micropayment.market import Market, Node

pytestmark = pytest.mark.asyncio


class CashMarket(Market):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.cash: dict[str, electronic_cash.Cash] = {}
        self.instrument: CashDeposits

    def build_broker(self, settings: Settings) -> Service:
        service = Service(Role.BROKER, settings, purpose="Settles, and takes e-cash.")
        self.instrument = CashDeposits(service)
        at_broker.install(service, Accounts(service), [self.instrument])
        return service

    def build_peer(self, settings: Settings) -> Service:
        service = Service(Role.PEER, settings, purpose="Buys and sells, and has e-cash.")
        cash = self.cash[settings.name] = electronic_cash.install(service)
        at_peer.install(service, cash)
        return service

    async def __aenter__(self) -> "CashMarket":
        self.http = aiohttp.ClientSession()
        self.authority = await self.add("authority", certificate_authority.build)
        self.broker = await self.add("broker", self.build_broker)
        self.bank = await self.add("bank", bank_account_server.build)
        self.coins = await self.add("coin-server", coin_server.build)
        return self

    async def peer(self, name: str, **changed: Any) -> Node:
        return await self.add(name, self.build_peer, **changed)

    async def ready(self, node: Node) -> None:
        while node.service.missing():
            await node.service.party.observer.changed()


@pytest_asyncio.fixture
async def market(tmp_path: Path) -> AsyncIterator[CashMarket]:
    async with CashMarket(tmp_path) as market:
        await market.ready(market.coins)
        yield market
        assert await market.value() == 0, "money has appeared or is lost"


async def customer_with_cash(market: CashMarket, amount: int) -> Node:
    customer = await market.peer("customer")
    taken = (await customer.ask("cash_withdraw", amount=amount))["transaction"]
    await customer.until(taken, "completed", side="user")
    await customer.named()
    return customer


async def cash_of(node: Node) -> int:
    rows = (await node.ledger())["cash_wallet"]
    return sum(int(row["amount"]) for row in rows if row["state"] == "held")


async def test_a_deposit_with_e_cash_is_credited_and_buys(market: CashMarket) -> None:
    vendor = await market.peer("vendor")
    await vendor.sells(5)
    customer = await customer_with_cash(market, 40)
    await customer.prepay(25, by="ecash")
    assert await market.prepaid() == 25
    assert await cash_of(market.broker) == 25
    await customer.buys(vendor, 5)
    assert (await market.prepaid(), await market.balance(vendor)) == (20, 1005)
    assert (await market.broker.ledger())["cash_taken"] == 25


async def test_the_change_comes_back(market: CashMarket) -> None:
    customer = await customer_with_cash(market, 32)
    asked = (await customer.ask("pid_deposit", amount=25, by="ecash"))["transaction"]
    await customer.until(asked, "settled", side="holder")
    assert await cash_of(customer) == 7


async def test_neither_bank_nor_coin_server_reads_a_pseudonym_nor_the_broker_a_name(
    market: CashMarket,
) -> None:
    customer = await customer_with_cash(market, 25)
    await customer.prepay(25, by="ecash")
    pseudonym = (await customer.ledger())["wallets"][-1]["pseudonym"]
    for server in (market.bank, market.coins):
        assert pseudonym not in str(await server.get("/inspect/view"))
        assert pseudonym not in str(await server.get("/inspect/trace"))
    assert customer.id not in str(await market.broker.get("/inspect/view"))
    assert customer.id not in str((await market.broker.ledger())["accounts"])


async def test_without_enough_e_cash_nothing_is_paid_in(market: CashMarket) -> None:
    customer = await customer_with_cash(market, 8)
    asked = (await customer.ask("pid_deposit", amount=9, by="ecash"))["transaction"]
    refused = await customer.until(asked, "refused")
    assert refused["reason"] == "electronic_cash/not-enough-coins"
    assert (await cash_of(customer), await market.prepaid()) == (8, 0)


async def test_a_payment_made_for_one_deposit_serves_for_no_other(market: CashMarket) -> None:
    """And so for no other pseudonym."""
    customer = await customer_with_cash(market, 16)
    service, one, other = customer.service, bytes(32), bytes(31) + b"1"
    funds = CashFunds(service, market.cash[customer.name])
    paid = await funds.provide(one, bytes.fromhex(market.broker.id), 16, bytes(16))
    with pytest.raises(ParcelUnreadable):
        await market.instrument.receive(other, paid.payment)
    await market.instrument.receive(one, paid.payment)
    assert await cash_of(market.broker) == 16


async def test_a_deposit_waits_for_the_coin_server_and_is_credited_once(market: CashMarket) -> None:
    customer = await customer_with_cash(market, 16)
    await market.coins.stop()
    asked = (await customer.ask("pid_deposit", amount=16, by="ecash"))["transaction"]
    await market.broker.reached("P2")
    await market.broker.stop()
    await asyncio.gather(market.broker.start(), market.coins.start())
    await customer.until(asked, "confirmed")
    assert (await market.prepaid(), await cash_of(market.broker)) == (16, 16)
