"""E-cash as the payment of a sale: locked, then released or refunded, once (X6 a)."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from nodes.cash_wallet.sale_payment import INSTRUMENT
from nodes.escrow_server.cash_payment import CashInEscrow
from nodes.peer.cash_payment import CashOfPeer
from nodes.protocols.electronic_cash.refusals import NotEnoughCoins, ParcelUnreadable
from nodes.protocols.errors import Refused
from nodes.protocols.escrow_commerce.payment import Invalid, Locked, Pending
from nodes.protocols.escrow_commerce.state import Decision, Lock, PayOut
from nodes.protocols.message import Role
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings
from tests.roles.electronic_cash.world import BUILDERS, World

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Market(World):
    """The world of e-cash, with an escrow server in it."""

    def build_escrow(self, settings: Settings) -> Service:
        service = Service(Role.ESCROW_SERVER, settings, purpose="escrow")
        self.escrow = CashInEscrow(service)
        return service

    async def start(self) -> None:
        await super().start()
        BUILDERS["escrow-server"] = self.build_escrow
        try:
            await self.start_node("escrow-server")
        finally:
            del BUILDERS["escrow-server"]
        self.sold = 0

    async def withdraw(self, name: str, amount: int) -> None:
        asked = await self.control(name, "cash_withdraw", amount=amount)
        await self.ended(name, asked, "completed")

    def purse(self, name: str) -> CashOfPeer:
        return self.instruments[name]

    def sale(self) -> bytes:
        self.sold += 1
        return self.sold.to_bytes(16, "big")

    async def pay_in(self, sale: bytes, price: int) -> Lock:
        until = self.nodes["alice"].party.now() + 3_600_000
        buyer, escrow = self.id("alice"), self.id("escrow-server")
        payment = await self.purse("alice").prepare(sale, escrow, price, until)
        return Lock(sale, buyer, INSTRUMENT, payment, price)

    def order(self, sale: bytes, decision: Decision, to: str, amount: int) -> PayOut:
        return PayOut(sale, decision, self.id(to), INSTRUMENT, amount)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def market(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Market]:
    made = Market(tmp_path_factory.mktemp("market"))
    try:
        await made.start()
        await made.withdraw("alice", 60)
        yield made
    finally:
        await made.close()


async def test_a_payment_is_locked_and_released_to_the_seller(market: Market) -> None:
    before = await market.coins("alice")
    sale = market.sale()
    locked = await market.escrow.lock(await market.pay_in(sale, 3))
    assert locked == Locked(3, None)
    assert await market.coins("escrow-server") == 3
    paid = await market.escrow.pay_out(market.order(sale, Decision.RELEASE, "bob", 3))
    assert paid
    assert await market.purse("bob").take(sale, paid) == 3
    await market.check_books()
    assert (await market.coins("alice"), await market.coins("bob")) == (before - 3, 3)
    assert await market.coins("escrow-server") == 0


async def test_a_refund_goes_back_to_the_buyer(market: Market) -> None:
    before = await market.coins("alice")
    sale = market.sale()
    await market.escrow.lock(await market.pay_in(sale, 5))
    paid = await market.escrow.pay_out(market.order(sale, Decision.REFUND, "alice", 5))
    assert paid
    assert await market.purse("alice").take(sale, paid) == 5
    await market.check_books()
    assert await market.coins("alice") == before


async def test_everything_may_be_asked_for_again_and_happens_once(market: Market) -> None:
    sale = market.sale()
    once = await market.pay_in(sale, 2)
    assert await market.pay_in(sale, 2) == once
    assert await market.escrow.lock(once) == await market.escrow.lock(once) == Locked(2, None)
    order = market.order(sale, Decision.RELEASE, "bob", 2)
    paid = await market.escrow.pay_out(order)
    assert paid
    assert await market.escrow.pay_out(order) == paid
    before = await market.coins("bob")
    assert await market.purse("bob").take(sale, paid) == 2
    assert await market.purse("bob").take(sale, paid) == 2
    assert await market.coins("bob") == before + 2
    await market.check_books()


async def test_a_payment_for_another_sale_or_no_payment_is_invalid(market: Market) -> None:
    one, other = market.sale(), market.sale()
    lock = await market.pay_in(one, 2)
    for payment in (lock.payment[:-1], b""):
        assert isinstance(
            await market.escrow.lock(Lock(one, lock.buyer, INSTRUMENT, payment, 2)), Invalid
        )
    wrong = Lock(other, lock.buyer, INSTRUMENT, lock.payment, 2)
    assert isinstance(await market.escrow.lock(wrong), Invalid)
    assert isinstance(await market.escrow.check(wrong), Invalid)
    assert await market.escrow.check(lock) == Locked(2, None)
    assert await market.escrow.pay_out(market.order(other, Decision.REFUND, "alice", 2)) == b""
    assert await market.escrow.lock(lock) == Locked(2, None)
    paid = await market.escrow.pay_out(market.order(one, Decision.REFUND, "alice", 2))
    assert paid
    with pytest.raises(ParcelUnreadable):
        await market.purse("alice").take(other, paid)
    with pytest.raises(Refused, match="someone else"):
        await market.purse("bob").take(one, paid)
    assert await market.purse("alice").take(one, paid) == 2
    assert await market.purse("alice").take(other, b"") == 0
    await market.check_books()


async def test_more_than_the_buyer_holds_cannot_be_prepared(market: Market) -> None:
    with pytest.raises(NotEnoughCoins):
        await market.pay_in(market.sale(), 10_000)


async def test_a_lock_waits_for_its_coin_server(market: Market) -> None:
    sale = market.sale()
    lock = await market.pay_in(sale, 2)
    await market.stop_node("coin-server-1")
    assert isinstance(await market.escrow.lock(lock), Pending)
    assert await market.escrow.pay_out(market.order(sale, Decision.REFUND, "alice", 2)) is None
    await market.restart("coin-server-1")
    assert await market.escrow.lock(lock) == Locked(2, None)
    paid = await market.escrow.pay_out(market.order(sale, Decision.REFUND, "alice", 2))
    assert paid
    assert await market.purse("alice").take(sale, paid) == 2
    await market.check_books()
