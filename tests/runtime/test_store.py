"""The store: the acknowledged is there, the failed is undone, and COMMITs are shared."""

import asyncio
import itertools
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from nodes.runtime.store import Store, Table, Transaction
from tests.runtime.waiting import until

pytestmark = pytest.mark.asyncio


class Coin(msgspec.Struct, frozen=True):
    owner: str
    value: int


Open = Callable[..., tuple[Store, Table[Coin]]]


@pytest_asyncio.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Open]:
    stores = []

    def open_(name: str = "node.db", commit_delay: float = 0.0) -> tuple[Store, Table[Coin]]:
        store = Store(tmp_path / name, commit_delay=commit_delay)
        stores.append(store)
        return store, store.table("coins", Coin)

    yield open_
    for store in stores:
        await store.close()


async def put(store: Store, table: Table[Coin], key: bytes, value: int) -> None:
    async with store.transaction() as tx:
        table.put(tx, key, Coin("peer", value))


async def test_what_is_saved_is_read_in_key_order(opened: Open) -> None:
    store, coins = opened()
    for key in (b"b", b"a", b"ab", b"c"):
        await put(store, coins, key, len(key))
    assert coins.get(store.committed, b"ab") == Coin("peer", 2)
    assert coins.get(store.committed, b"x") is None
    assert [key for key, _ in coins.items(store.committed)] == [b"a", b"ab", b"b", b"c"]
    assert [key for key, _ in coins.items(store.committed, b"a")] == [b"a", b"ab"]
    assert coins.count(store.committed) == 4
    assert coins.last_key(store.committed) == b"c"
    async with store.transaction() as tx:
        coins.delete(tx, b"c")
    assert coins.last_key(store.committed) == b"b"


async def test_an_empty_table_has_no_last_key(opened: Open) -> None:
    store, coins = opened()
    assert coins.last_key(store.committed) is None
    assert coins.values(store.committed) == []


async def test_tables_are_named_by_plain_words(opened: Open) -> None:
    store, _ = opened()
    for name in ("", "a b", "a;DROP TABLE coins", "1a"):
        with pytest.raises((ValueError, sqlite3.Error)):
            store.table(name, Coin).count(store.committed)


async def test_reads_outside_a_block_see_what_is_committed_and_inside_what_was_written(
    opened: Open,
) -> None:
    store, coins = opened()
    async with store.transaction() as tx:
        coins.put(tx, b"a", Coin("peer", 1))
        assert coins.get(tx, b"a") == Coin("peer", 1)
        assert coins.get(store.committed, b"a") is None
    assert coins.get(store.committed, b"a") == Coin("peer", 1)


async def test_a_snapshot_shows_one_moment_and_ends_with_its_block(opened: Open) -> None:
    store, coins = opened()
    other = sqlite3.connect(store.path, isolation_level=None)

    def written_meanwhile(value: int) -> None:
        coin = msgspec.msgpack.encode(Coin("alice", value))
        other.execute("INSERT OR REPLACE INTO coins VALUES (?, ?)", (b"a", coin))

    def read_and_fail() -> None:
        with store.snapshot() as reader:
            assert coins.get(reader, b"a") is None
            written_meanwhile(1)
            assert coins.get(reader, b"a") is None
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        read_and_fail()
    assert coins.get(store.committed, b"a") == Coin("alice", 1)
    written_meanwhile(2)
    with store.snapshot() as reader:
        assert coins.get(reader, b"a") == Coin("alice", 2)
    other.close()


async def test_an_exception_undoes_its_own_block_and_no_other(opened: Open) -> None:
    store, coins = opened(commit_delay=0.01)

    async def failing() -> None:
        async with store.transaction() as tx:
            coins.put(tx, b"a", Coin("thief", 9))
            coins.put(tx, b"x", Coin("thief", 9))
            raise ZeroDivisionError

    outcomes = await asyncio.gather(
        put(store, coins, b"a", 1), failing(), put(store, coins, b"b", 2), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [type(None), ZeroDivisionError, type(None)]
    assert dict(coins.items(store.committed)) == {b"a": Coin("peer", 1), b"b": Coin("peer", 2)}


async def test_all_who_wait_ride_one_commit(opened: Open) -> None:
    store, coins = opened(commit_delay=0.05)
    await asyncio.gather(*(put(store, coins, bytes([n]), n) for n in range(200)))
    assert coins.count(store.committed) == 200
    assert store.commits <= 3


async def test_what_comes_while_a_commit_runs_goes_with_the_next(opened: Open) -> None:
    store, coins = opened(commit_delay=0.05)
    first = asyncio.create_task(put(store, coins, b"first", 0))
    await until(lambda: store._committer is not None)
    later = [asyncio.create_task(put(store, coins, bytes([n]), n)) for n in range(50)]
    await asyncio.gather(first, *later)
    assert store.commits == 2
    assert coins.count(store.committed) == 51


async def test_a_block_is_left_only_when_it_is_on_disk(opened: Open, tmp_path: Path) -> None:
    store, coins = opened(commit_delay=0.02)
    await put(store, coins, b"a", 1)
    beside = sqlite3.connect(tmp_path / "node.db")
    assert beside.execute("SELECT count(*) FROM coins").fetchone() == (1,)
    beside.close()


class Unwell(Store):
    """A store whose disk is full for a while."""

    failures = 0

    def _commit_in_thread(self) -> None:
        if self.failures:
            self.failures -= 1
            raise sqlite3.OperationalError("database or disk is full")
        super()._commit_in_thread()


async def test_a_failed_commit_reaches_all_who_waited_and_leaves_nothing(tmp_path: Path) -> None:
    store = Unwell(tmp_path / "node.db", commit_delay=0.01)
    coins = store.table("coins", Coin)
    told: list[bytes] = []

    async def save(key: bytes) -> None:
        async with store.transaction() as tx:
            coins.put(tx, key, Coin("peer", 1))
            tx.after_commit.append(lambda: told.append(key))

    store.failures = 1
    outcomes = await asyncio.gather(*(save(bytes([n])) for n in range(5)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [sqlite3.OperationalError] * 5
    assert told == []
    assert coins.count(store.committed) == 0
    await save(b"z")
    assert (told, coins.count(store.committed)) == ([b"z"], 1)
    await store.close()


async def test_what_follows_a_commit_follows_even_if_nobody_waits_any_more(opened: Open) -> None:
    """Else a message saved for sending would lie there until the next start."""
    store, coins = opened(commit_delay=0.05)
    told: list[str] = []
    followed = asyncio.Event()

    async def save() -> None:
        async with store.transaction() as tx:
            coins.put(tx, b"a", Coin("peer", 1))
            tx.after_commit += [lambda: told.append("saved"), followed.set]

    task = asyncio.create_task(save())
    await until(lambda: store._committer is not None)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await followed.wait()
    assert told == ["saved"]
    assert coins.count(store.committed) == 1


async def test_a_failure_in_what_follows_a_commit_reaches_its_block_alone(opened: Open) -> None:
    store, coins = opened(commit_delay=0.01)

    def fail() -> None:
        raise ZeroDivisionError

    async def save(key: bytes, *calls: Callable[[], object]) -> None:
        async with store.transaction() as tx:
            coins.put(tx, key, Coin("peer", 1))
            tx.after_commit.extend(calls)

    told: list[bytes] = []
    calls = (fail, lambda: told.append(b"a"))
    outcomes = await asyncio.gather(save(b"a", *calls), save(b"b"), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ZeroDivisionError, type(None)]
    assert coins.count(store.committed) == 2
    assert told == [b"a"], "what else follows is made all the same: it may be a message to be sent"


async def test_whoever_is_cancelled_before_his_turn_has_written_nothing(opened: Open) -> None:
    store, coins = opened(commit_delay=0.05)
    first = asyncio.create_task(put(store, coins, b"a", 1))
    await until(store._entrance.locked)
    second = asyncio.create_task(put(store, coins, b"b", 2))
    await until(lambda: bool(store._entrance._waiters))
    second.cancel()
    await first
    await put(store, coins, b"c", 3)
    assert [key for key, _ in coins.items(store.committed)] == [b"a", b"c"]


async def test_on_commit_is_told_of_every_commit(opened: Open) -> None:
    store, coins = opened()
    numbers = itertools.count(1)
    told: list[int] = []
    store.on_commit = lambda: told.append(next(numbers))
    await put(store, coins, b"a", 1)
    await put(store, coins, b"b", 1)
    assert len(told) == store.commits == 2


async def test_the_file_is_readable_by_its_owner_alone(opened: Open, tmp_path: Path) -> None:
    opened()
    assert (tmp_path / "node.db").stat().st_mode & 0o077 == 0


async def test_a_setup_that_fails_leaves_nothing(opened: Open) -> None:
    store, coins = opened()

    def fail(tx: Transaction) -> None:
        coins.put(tx, b"a", Coin("peer", 1))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), store.setup() as tx:
        fail(tx)
    assert coins.count(store.committed) == 0
    with store.setup() as tx:
        coins.put(tx, b"a", Coin("peer", 1))
    assert coins.count(store.committed) == 1


WRITER = """
import asyncio, os, sys
from pathlib import Path
from nodes.runtime.store import Store

async def main():
    store = Store(Path(sys.argv[1]), commit_delay=0.001)
    pairs = store.table("pairs", int)

    async def write(lane):
        number = 0
        while True:
            number += 1
            async with store.transaction() as tx:
                for side in b"LR":
                    pairs.put(tx, bytes([lane, side]), number)
            os.write(1, b"%d %d\\n" % (lane, number))

    await asyncio.gather(*(write(lane) for lane in range(8)))

asyncio.run(main())
"""
ACKNOWLEDGED_BEFORE_THE_KILL = 300


async def test_after_kill_9_everything_acknowledged_is_there_and_nothing_by_half(
    tmp_path: Path,
) -> None:
    acknowledged = dict.fromkeys(range(8), 0)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, str(tmp_path / "node.db"), stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    lines = 0
    while line := await child.stdout.readline():
        lane, number = map(int, line.split())
        acknowledged[lane] = number
        lines += 1
        if lines == ACKNOWLEDGED_BEFORE_THE_KILL:
            child.kill()
    assert await child.wait() == -signal.SIGKILL
    store = Store(tmp_path / "node.db")
    pairs: Table[int] = store.table("pairs", int)
    for lane, number in acknowledged.items():
        left, right = (pairs.get(store.committed, bytes([lane, side])) for side in b"LR")
        assert left == right
        assert number <= (left or 0) <= number + 1
    await store.close()


async def put_patiently(store: Store, table: Table[Coin], key: bytes, patience: float) -> None:
    async with store.transaction(patience=patience) as tx:
        table.put(tx, key, Coin("peer", 1))


async def put_and_fail(store: Store, table: Table[Coin], key: bytes) -> None:
    async with store.transaction() as tx:
        table.put(tx, key, Coin("peer", 1))
        raise ZeroDivisionError


async def test_the_patient_ride_with_the_next_commit(opened: Open) -> None:
    store, coins = opened()
    patient = asyncio.create_task(put_patiently(store, coins, b"a", 60.0))
    await until(lambda: store._patience is not None)
    assert coins.get(store.committed, b"a") is None
    assert not patient.done()
    await put(store, coins, b"b", 1)
    await patient
    assert coins.count(store.committed) == 2
    assert store.commits == 1


async def test_the_patient_do_not_wait_for_ever(opened: Open) -> None:
    store, coins = opened()
    await put_patiently(store, coins, b"a", 0.01)
    assert coins.count(store.committed) == 1


async def test_closing_writes_what_waits_patiently(opened: Open) -> None:
    store, coins = opened()
    patient = asyncio.create_task(put_patiently(store, coins, b"a", 60.0))
    await until(lambda: store._patience is not None)
    await store.close()
    await patient
    again, coins = opened()
    assert coins.count(again.committed) == 1


async def test_a_failure_beside_the_patient_undoes_only_itself(opened: Open) -> None:
    store, coins = opened()
    patient = asyncio.create_task(put_patiently(store, coins, b"a", 60.0))
    await until(lambda: store._patience is not None)
    with pytest.raises(ZeroDivisionError):
        await put_and_fail(store, coins, b"b")
    await patient
    assert [key for key, _ in coins.items(store.committed)] == [b"a"]
