"""The purse in memory: by expiry, and never other than what is on disk."""

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from nodes.protocols.dht_micropayment.holding import CoinState, Holding, by_expiry
from nodes.runtime.store import Store
from nodes.wallet.purse import Purse
from tests.protocols.dht_micropayment.market import U, V, committed, held

pytestmark = pytest.mark.asyncio


class Kept:
    """A purse whose process can end, and begin again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open()

    def _open(self) -> None:
        self.store = Store(self._path)
        self.purse = Purse(self.store)

    def crash(self) -> None:
        self.store.abandon()
        self._open()

    async def save(self, *coins: Holding) -> None:
        async with self.store.transaction() as tx:
            for coin in coins:
                self.purse.save(tx, coin)

    @property
    def free(self) -> list[Holding]:
        return list(self.purse.free())

    @property
    def on_disk(self) -> list[Holding]:
        there = [coin for coin in self.purse.all() if coin.state is CoinState.HELD]
        return sorted(there, key=by_expiry)


@pytest_asyncio.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    made = Kept(tmp_path / "node.db")
    yield made
    await made.store.close()


async def test_coins_come_in_the_order_they_expire_also_after_a_restart(kept: Kept) -> None:
    coins = held(count=12)
    await kept.save(*random.Random(7).sample(coins, len(coins)))
    assert kept.free == kept.on_disk == coins
    await kept.save(committed(coins[0], U, V), committed(coins[5], U, V), coins[7])
    left = [coin for coin in coins if coin not in (coins[0], coins[5])]
    assert kept.free == kept.on_disk == left
    kept.crash()
    assert kept.free == kept.on_disk == left


async def test_what_is_undone_or_not_on_disk_yet_changes_no_order(kept: Kept) -> None:
    coins = held(count=3)
    await kept.save(*coins)

    async def undone() -> None:
        async with kept.store.transaction() as tx:
            kept.purse.save(tx, committed(coins[0], U, V))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await undone()
    assert kept.free == kept.on_disk == coins
    async with kept.store.transaction() as tx:
        kept.purse.save(tx, committed(coins[0], U, V))
        assert kept.free == coins
    assert kept.free == kept.on_disk == coins[1:]


async def test_spoken_for_and_held_back_coins_are_passed_over(kept: Kept) -> None:
    coins = held(count=4)
    await kept.save(*coins)
    kept.purse.speak_for(coins[:1])
    kept.purse.hold_back([coins[2].key])
    assert kept.free == [coins[1], coins[3]]
    kept.purse.let_go(coins[:1])
    kept.purse.release([coins[2].key])
    assert kept.free == coins
