"""Each guard off in turn: honest parties do what they always did, and lose nothing by it."""

from pathlib import Path

import pytest

from nodes.protocols.dht_micropayment import guards
from nodes.protocols.guard import declared_guards
from tests.wallet.market import PEERS, Market

pytestmark = pytest.mark.asyncio

OURS = sorted(
    name for name, rule in declared_guards().items() if rule.holds.__module__ == guards.__name__
)


@pytest.mark.parametrize("name", OURS)
async def test_an_honest_life_of_coins_needs_no_guard(tmp_path: Path, name: str) -> None:
    async with Market(tmp_path, without=(name,)) as market:
        u, v, w, *_ = market.peers
        await u.withdraw(2)
        await u.pay(v, 2)
        await v.has_coins(2)
        await v.pay(w, 2)
        await w.has_coins(2)
        for node in market.nodes:
            await node.ask("clock", advance_seconds=u.settings.coin_seconds - 60)
        [coin, _] = (await w.get("/inspect/ledger"))["coins"]
        asked = await w.ask("reissue", chain=coin["chain"])
        await w.until(asked["transaction"], "renewed")
        asked = await w.ask("redeem", count=2)
        await w.until(asked["transaction"], "credited")
        assert await w.balance() == 1002
        assert await market.worth() == 1000 * PEERS
