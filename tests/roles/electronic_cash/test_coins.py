"""The wallet's coins: what is in memory is what is on disk, whatever fails or ends."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path as File

import pytest
import pytest_asyncio

from nodes.cash_wallet.coins import Coins
from nodes.protocols.electronic_cash.coin import Coin, serial
from nodes.protocols.electronic_cash.holding import CoinPhase, HeldCoin, Path
from nodes.protocols.electronic_cash.refusals import MoveNotAllowed, NotEnoughCoins
from nodes.runtime.store import Store

pytestmark = pytest.mark.asyncio

HOME = bytes([1]) * 32


def a_coin(number: int, amount: int = 1) -> HeldCoin:
    key = number.to_bytes(32, "big")
    return HeldCoin(Coin(HOME, key, bytes(32), amount, None, bytes(64)), Path(number, 0))


def pledged(held: HeldCoin) -> HeldCoin:
    return held.moved(CoinPhase.PLEDGED, request=bytes(32))


def spent(held: HeldCoin) -> HeldCoin:
    return pledged(held).moved(CoinPhase.SPENT)


class Purse:
    """A store that can end as a process does, and be opened again."""

    def __init__(self, path: File) -> None:
        self._path = path
        self.open()

    def open(self) -> None:
        self.store = Store(self._path)
        self.coins = Coins(self.store)

    def crash(self) -> None:
        self.store.abandon()
        self.open()

    async def save(self, *coins: HeldCoin) -> None:
        async with self.store.transaction() as tx:
            for held in coins:
                self.coins.save(tx, held)

    def agrees(self) -> bool:
        """Memory holds those on disk that may still move."""
        live = (CoinPhase.HELD, CoinPhase.PLEDGED)
        on_disk = {serial(held.coin): held for held in self.coins.all() if held.state in live}
        return {serial(held.coin): held for held in self.coins} == on_disk


@pytest_asyncio.fixture
async def purse(tmp_path: File) -> AsyncIterator[Purse]:
    made = Purse(tmp_path / "node.db")
    yield made
    await made.store.close()


async def test_a_coin_that_is_gone_stays_on_disk_only(purse: Purse) -> None:
    one, two, three = a_coin(1), a_coin(2), a_coin(3)
    await purse.save(one, two, three)
    await purse.save(pledged(two), spent(three))
    assert list(purse.coins) == [one, pledged(two)]
    assert len(purse.coins.all()) == 3
    assert purse.coins.named([serial(three.coin), bytes(32)]) == [spent(three)]
    assert purse.agrees()


async def test_a_coin_that_came_twice_is_added_once(purse: Purse) -> None:
    one = a_coin(1)
    await purse.save(spent(one))
    async with purse.store.transaction() as tx:
        assert purse.coins.add(tx, [one, a_coin(2)]) == 1
    assert list(purse.coins) == [a_coin(2)]
    assert purse.agrees()


async def test_what_is_undone_was_never_in_memory(purse: Purse) -> None:
    one = a_coin(1)
    await purse.save(one)

    async def fail() -> None:
        async with purse.store.transaction() as tx:
            purse.coins.save(tx, pledged(one))
            purse.coins.add(tx, [a_coin(2)])
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert list(purse.coins) == [one]
    assert purse.agrees()


async def test_a_commit_that_fails_leaves_memory_as_the_disk_is(
    purse: Purse, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = a_coin(1)
    await purse.save(one)

    def full() -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(purse.store, "_commit_in_thread", full)
        with pytest.raises(sqlite3.OperationalError):
            await purse.save(pledged(one), a_coin(2))
    assert list(purse.coins) == [one]
    assert purse.agrees()


async def test_memory_changes_with_the_commit_and_not_before(purse: Purse) -> None:
    one = a_coin(1)
    await purse.save(one)
    async with purse.store.transaction() as tx:
        purse.coins.save(tx, pledged(one))
        assert list(purse.coins) == [one]
    assert list(purse.coins) == [pledged(one)]


async def test_after_a_crash_memory_is_what_the_disk_has(purse: Purse) -> None:
    one, two = a_coin(1), a_coin(2)
    await purse.save(one, spent(two))
    block = purse.store.transaction()
    tx = await block.__aenter__()
    purse.coins.save(tx, pledged(one))
    purse.crash()
    assert list(purse.coins) == [one]
    assert purse.agrees()


async def test_an_order_takes_no_coin_that_another_took_before_its_commit(purse: Purse) -> None:
    """Both saw the same coins; the second is in the same COMMIT, or the next."""
    coins = [a_coin(number) for number in range(1, 4)]
    await purse.save(*coins)
    seen = coins[:2]
    async with purse.store.transaction() as tx:
        purse.coins.save(tx, pledged(coins[0]))
        with pytest.raises(MoveNotAllowed):
            purse.coins.unchanged(tx, seen)
        assert purse.coins.unchanged(tx, coins[1:]) == coins[1:]
        others = purse.coins.unchanged_or_others(tx, seen, 2, HOME)
        assert sorted(held.coin.key for held in others) == [held.coin.key for held in coins[1:]]
        with pytest.raises(NotEnoughCoins):
            purse.coins.unchanged_or_others(tx, seen, 3, HOME)


async def test_a_coin_that_no_disk_has_is_no_coin(purse: Purse) -> None:
    async with purse.store.transaction() as tx:
        with pytest.raises(MoveNotAllowed):
            purse.coins.unchanged(tx, [a_coin(1)])
