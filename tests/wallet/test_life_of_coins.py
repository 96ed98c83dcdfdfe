"""DC-01: withdraw, pay on and on, redeem; what each party then has."""

import pytest

from tests.wallet.market import PEERS, Market

pytestmark = pytest.mark.asyncio


async def test_dc_01_coins_are_withdrawn_paid_on_and_redeemed(market: Market) -> None:
    u, v, w, x, _ = market.peers
    await u.withdraw(3)
    assert await u.balance() == 997
    await u.pay(v, 3)
    await v.has_coins(3)
    await v.pay(w, 3)
    await w.pay(x, 2)
    asked = await x.ask("redeem", count=2)
    done = await x.until(asked["transaction"], "credited")
    assert done["credited"] == 2
    assert await x.balance() == 1002
    assert await w.coins_in("held") == 1
    assert await market.worth() == 1000 * PEERS
