"""A payee's promise to give back, and a payee that never decides."""

import asyncio

import pytest

from nodes.protocols.dht_micropayment.messages import Outcome
from tests.wallet.cheats import OddPayee, held_coins, pay_unprobed
from tests.wallet.market import PEERS, Market

pytestmark = pytest.mark.asyncio

DAY, HOUR = 86_400, 3_600
OFFER_SECONDS = 60


async def test_coins_of_a_payment_that_may_be_cancelled_are_not_spent(market: Market) -> None:
    """One coin of two comes late for its witnesses: the payee holds the other until it decides."""
    u, v, w, *ahead = market.peers
    await u.withdraw(1)
    await market.broker.ask("clock", advance_seconds=2 * HOUR)
    await u.ask("clock", advance_seconds=2 * HOUR)
    await u.withdraw(1)
    for node in (v, w):
        await node.ask("clock", advance_seconds=2 * HOUR)
    for node in ahead:
        await node.ask("clock", advance_seconds=DAY + HOUR)
    coins = held_coins(u)
    taken = await pay_unprobed(u, coins, v)
    assert taken.outcome is Outcome.PENDING
    await v.has_coins(1)
    refused = await v.pay(w, 1, "refused", "paid")
    assert refused["reason"] == "dht_micropayment/not-enough-coins"
    [held] = held_coins(v)
    asked = v.market.http.post(
        f"{v.service.url}/control/reissue",
        json={"chain": held.chain.hex()},
        headers={"Authorization": f"Bearer {v.service.token}"},
    )
    async with asked as response:
        assert (await response.json(content_type=None))["type"].endswith("move-not-allowed")
    await v.restart()
    refused = await v.pay(w, 1, "refused", "paid")
    assert refused["reason"] == "dht_micropayment/not-enough-coins"
    for node in (u, v):
        await node.ask("clock", advance_seconds=OFFER_SECONDS + 1)
    await u.has_coins(3)  # two that were signed away behind its back, and what comes back
    assert await v.coins_in("held") == 0
    assert await market.worth() == 1000 * PEERS


async def test_a_payee_that_says_pending_for_ever_is_paid_and_it_can_be_proven(
    market: Market,
) -> None:
    u = market.peers[0]
    slow = OddPayee(market, Outcome.PENDING)
    await slow.start()
    await u.withdraw(1)
    asked = await u.ask("transfer", to=slow.settings.name, count=1)
    await u.until(asked["transaction"], "paying")
    await u.ask("clock", advance_seconds=OFFER_SECONDS + 1)
    await slow.ask("clock", advance_seconds=OFFER_SECONDS + 1)
    paid = await u.until(asked["transaction"], "certified")
    assert [coin["state"] for coin in paid["coins"]] == ["spent"]
    await slow.stop()


async def test_coins_handed_in_while_the_clocks_differ_are_handed_in_again(market: Market) -> None:
    """They are committed: given up, they would be nobody's."""
    u, *_ = market.peers
    await u.withdraw(1)
    await u.ask("clock", advance_seconds=HOUR / 2)
    asked = await u.ask("redeem", count=1)
    observer = u.service.party.observer
    async with asyncio.timeout(20):
        while not any(row.outcome == "message/stale" for row in observer.rows()):
            await observer.changed()
    await market.broker.ask("clock", advance_seconds=HOUR / 2)
    await u.until(asked["transaction"], "credited")
