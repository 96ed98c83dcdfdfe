"""Coins as the payment of a sale: locked, then released or refunded, once (X6 b)."""

import pytest

from nodes.protocols.dht_micropayment.refusals import NotEnoughCoins
from nodes.protocols.escrow_commerce.payment import Invalid, Locked, Pending
from nodes.protocols.escrow_commerce.state import Decision, Lock, PayOut
from nodes.wallet.sale_payment import INSTRUMENT, written
from tests.wallet.cheats import held_coins, pay_unprobed, signed_away
from tests.wallet.market import PEERS, Market, Node

pytestmark = pytest.mark.asyncio

SALE = b"sale number 0001"


async def pay_in(market: Market, buyer: Node, price: int) -> Lock:
    expires_after = buyer.service.party.now() + 3_600_000
    payment = await buyer.coins.prepare(SALE, market.escrow.id, price, expires_after)
    return Lock(SALE, buyer.id, INSTRUMENT, payment, price)


def release(to: Node, amount: int) -> PayOut:
    return PayOut(SALE, Decision.RELEASE, to.id, INSTRUMENT, amount)


def refund(to: Node, amount: int) -> PayOut:
    return PayOut(SALE, Decision.REFUND, to.id, INSTRUMENT, amount)


async def test_a_payment_is_locked_and_released_to_the_seller(market: Market) -> None:
    buyer, seller, *_ = market.peers
    await buyer.withdraw(3)
    locked = await market.escrow.escrow.lock(await pay_in(market, buyer, 3))
    assert isinstance(locked, Locked)
    assert locked.amount == 3
    assert await market.escrow.coins_in("held") == 3
    paid = await market.escrow.escrow.pay_out(release(seller, 3))
    assert paid is not None
    assert await seller.coins.take(SALE, paid) == 3
    assert await seller.coins_in("held") == 3
    await market.escrow.has_coins(3, "spent")
    assert await market.worth() == 1000 * PEERS


async def test_a_refund_goes_back_to_the_buyer(market: Market) -> None:
    buyer, *_ = market.peers
    await buyer.withdraw(2)
    await market.escrow.escrow.lock(await pay_in(market, buyer, 2))
    paid = await market.escrow.escrow.pay_out(refund(buyer, 2))
    assert paid is not None
    assert await buyer.coins.take(SALE, paid) == 2
    assert await buyer.coins_in("held") == 2


async def test_everything_may_be_asked_for_again_and_happens_once(market: Market) -> None:
    buyer, seller, *_ = market.peers
    await buyer.withdraw(4)
    once = await pay_in(market, buyer, 2)
    assert await pay_in(market, buyer, 2) == once
    escrow = market.escrow.escrow
    assert await escrow.lock(once) == await escrow.lock(once)
    paid = await escrow.pay_out(release(seller, 2))
    assert paid == await escrow.pay_out(release(seller, 2))
    assert paid is not None
    assert await seller.coins.take(SALE, paid) == await seller.coins.take(SALE, paid) == 2
    assert await seller.coins_in("held") == 2
    assert await buyer.coins_in("held") == 2


async def test_a_restart_between_the_steps_changes_nothing(market: Market) -> None:
    buyer, seller, *_ = market.peers
    await buyer.withdraw(2)
    once = await pay_in(market, buyer, 2)
    await buyer.restart()
    assert await pay_in(market, buyer, 2) == once
    await market.escrow.escrow.lock(once)
    await market.escrow.restart()
    await market.ready()
    assert isinstance(await market.escrow.escrow.lock(once), Locked)
    paid = await market.escrow.escrow.pay_out(release(seller, 2))
    await market.escrow.restart()
    await market.ready()
    assert await market.escrow.escrow.pay_out(release(seller, 2)) == paid


async def test_what_cannot_be_paid_is_refused_before_anything_is_signed(market: Market) -> None:
    buyer, *_ = market.peers
    await buyer.withdraw(1)
    with pytest.raises(NotEnoughCoins):
        await pay_in(market, buyer, 2)
    assert await buyer.coins_in("held") == 1


async def test_a_sale_that_outlasts_the_coins_cannot_be_paid_with_them(market: Market) -> None:
    buyer, *_ = market.peers
    await buyer.withdraw(1)
    after = buyer.service.party.now() + int(buyer.settings.coin_seconds * 1000)
    with pytest.raises(NotEnoughCoins):
        await buyer.coins.prepare(SALE, market.escrow.id, 1, after)


async def test_pc_a4_a_coin_that_was_spent_before_is_not_locked(market: Market) -> None:
    buyer, seller, *_ = market.peers
    await buyer.withdraw(1)
    coins = held_coins(buyer)
    await pay_unprobed(buyer, coins, seller)
    payment = written(signed_away(buyer, coins, market.escrow, order=SALE))
    lock = Lock(SALE, buyer.id, INSTRUMENT, payment, 1)
    assert isinstance(await market.escrow.escrow.check(lock), Invalid)
    assert isinstance(await market.escrow.escrow.lock(lock), Invalid)
    assert await market.escrow.escrow.pay_out(refund(buyer, 0)) == written(())


@pytest.mark.parametrize("payment", [b"garbage", b"\x90"])
async def test_pc_a3_what_is_no_payment_is_not_locked(market: Market, payment: bytes) -> None:
    buyer, *_ = market.peers
    lock = Lock(SALE, buyer.id, INSTRUMENT, payment, 1)
    assert isinstance(await market.escrow.escrow.lock(lock), Invalid)


async def test_coins_for_another_sale_are_not_locked(market: Market) -> None:
    buyer, *_ = market.peers
    await buyer.withdraw(1)
    payment = written(signed_away(buyer, held_coins(buyer), market.escrow, order=b"another sale"))
    lock = Lock(SALE, buyer.id, INSTRUMENT, payment, 1)
    assert isinstance(await market.escrow.escrow.lock(lock), Invalid)
    assert await market.escrow.coins_in("incoming") == 0


async def test_a_lock_without_quorum_is_pending_and_follows_the_decision_when_it_comes(
    market: Market,
) -> None:
    buyer, _, _, *others = market.peers
    await buyer.withdraw(1)
    for other in others:
        await other.stop()
    payment = written(signed_away(buyer, held_coins(buyer), market.escrow, order=SALE))
    lock = Lock(SALE, buyer.id, INSTRUMENT, payment, 1)
    assert isinstance(await market.escrow.escrow.lock(lock), Pending)
    assert await market.escrow.escrow.pay_out(refund(buyer, 1)) is None
    for other in others:
        await other.start()
    await market.escrow.has_coins(1)
    paid = await market.escrow.escrow.pay_out(refund(buyer, 1))
    assert paid is not None
    assert await buyer.coins.take(SALE, paid) == 1


async def test_a_seller_who_is_away_becomes_the_holder_all_the_same(market: Market) -> None:
    buyer, seller, *_ = market.peers
    await buyer.withdraw(1)
    await market.escrow.escrow.lock(await pay_in(market, buyer, 1))
    await market.escrow.escrow.pay_out(release(seller, 1))
    await market.escrow.has_coins(1, "spent")
