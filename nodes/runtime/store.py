"""The durable store of a node: SQLite (WAL, synchronous=FULL), one writer, group commit.

    async with store.transaction() as tx:
        sale = sales.get(tx, key)        # load
        ...                              # decide
        sales.put(tx, key, sale)         # save
    # here it is on disk

Each block is one savepoint: an exception undoes it and only it. Whoever leaves a block waits for
the COMMIT that carries his writes; all who wait ride the same one. While a COMMIT runs, new blocks
queue for the next. Reads outside a block see what is committed.
"""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

import msgspec

from crypto import codec

T = TypeVar("T")


class Reader:
    """A connection that reads; a `Transaction` is one that also writes."""

    __slots__ = ("connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection


class Transaction(Reader):
    """Handed to the block of `Store.transaction`; do not keep it longer than the block."""

    __slots__ = ("after_commit",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self.after_commit: list[Callable[[], object]] = []


class Table(Generic[T]):
    """Records of one type by key, in key order. Keys are bytes, values msgpack of `T`."""

    def __init__(self, name: str, type_: Any) -> None:
        if not name.isidentifier():
            raise ValueError(f"{name!r} cannot name a table")
        self.name = name
        self._decode: Callable[[bytes], T] = msgspec.msgpack.Decoder(type_).decode
        self._select = f"SELECT value FROM {name} WHERE key = ?"
        self._replace = f"INSERT OR REPLACE INTO {name} VALUES (?, ?)"

    def get(self, reader: Reader, key: bytes) -> T | None:
        row = reader.connection.execute(self._select, (key,)).fetchone()
        return None if row is None else self._decode(row[0])

    def put(self, tx: Transaction, key: bytes, value: T) -> None:
        tx.connection.execute(self._replace, (key, codec.encode(value)))

    def delete(self, tx: Transaction, key: bytes) -> None:
        tx.connection.execute(f"DELETE FROM {self.name} WHERE key = ?", (key,))

    def items(self, reader: Reader, prefix: bytes = b"") -> Iterator[tuple[bytes, T]]:
        """All records whose key starts with `prefix`, in key order."""
        rows = reader.connection.execute(
            f"SELECT key, value FROM {self.name} WHERE key >= ? ORDER BY key", (prefix,)
        )
        for key, value in rows:
            if not key.startswith(prefix):
                return
            yield key, self._decode(value)

    def values(self, reader: Reader, prefix: bytes = b"") -> list[T]:
        return [value for _, value in self.items(reader, prefix)]

    def last_key(self, reader: Reader) -> bytes | None:
        row = reader.connection.execute(f"SELECT max(key) FROM {self.name}").fetchone()
        return None if row is None else row[0]

    def count(self, reader: Reader) -> int:
        row = reader.connection.execute(f"SELECT count(*) FROM {self.name}").fetchone()
        return int(row[0])


class Store:
    """One file. `commit_delay` (seconds) slows every COMMIT, to test on a disk that flatters."""

    def __init__(self, path: Path, *, commit_delay: float = 0.0) -> None:
        self.path = path
        self._commit_delay = commit_delay
        path.touch(mode=0o600, exist_ok=True)
        self._writer = self._connect()
        self._reader = Reader(self._connect())
        self._entrance = asyncio.Lock()
        self._waiting: list[tuple[asyncio.Future[None], Transaction]] = []
        self._committer: asyncio.Task[None] | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._thread = _CommitThread()
        self.commits = 0
        """How many COMMITs have run."""
        self.on_commit: Callable[[], None] = lambda: None

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA busy_timeout = 5000")
        return connection

    @property
    def is_behind(self) -> bool:
        """Something is written and waits for its COMMIT."""
        return self._writer.in_transaction

    def table(self, name: str, type_: type[T]) -> Table[T]:
        """Make sure the table is there. Call while the node is being built."""
        self._writer.execute(
            f"CREATE TABLE IF NOT EXISTS {name}"
            " (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID"
        )
        return Table(name, type_)

    @contextmanager
    def setup(self) -> Iterator[Transaction]:
        """A transaction while the node is being built, before anything runs beside it."""
        with self._writer:
            self._writer.execute("BEGIN IMMEDIATE")
            yield Transaction(self._writer)

    @property
    def committed(self) -> Reader:
        """Reads what is on disk; never blocks behind a COMMIT."""
        return self._reader

    @contextmanager
    def snapshot(self) -> Iterator[Reader]:
        """What is on disk at one moment, that of the first read; many cost half as much as each by
        itself. No `await` belongs inside, and no other snapshot."""
        self._reader.connection.execute("BEGIN")
        try:
            yield self._reader
        finally:
            self._reader.connection.execute("COMMIT")

    def transaction(self, *, patience: float = 0.0) -> AbstractAsyncContextManager[Transaction]:
        """One savepoint, on disk when the block has been left. No `await` belongs inside.

        `patience`: for so many seconds it waits for somebody else's COMMIT to ride with.
        """
        return _Block(self, patience)

    async def _enter(self) -> tuple[Transaction, bool]:
        """The transaction, and whether it begins with this block."""
        await self._entrance.acquire()
        is_first = not self._writer.in_transaction
        try:
            self._writer.execute("BEGIN IMMEDIATE" if is_first else "SAVEPOINT block")
        except BaseException:
            self._entrance.release()
            raise
        return Transaction(self._writer), is_first

    def _leave(
        self, tx: Transaction, patience: float, *, is_first: bool, failed: bool
    ) -> "asyncio.Future[None] | None":
        """What to wait for until the block is on disk; None if it was undone."""
        try:
            if failed:
                self._undo(is_first)
                return None
            if not is_first:
                self._writer.execute("RELEASE block")
            durable = asyncio.get_running_loop().create_future()
            self._waiting.append((durable, tx))
            self._ensure_commit(patience)
            return durable
        finally:
            self._entrance.release()

    def _undo(self, is_first: bool) -> None:
        """A block alone in its transaction takes that with it."""
        if is_first:
            self._writer.execute("ROLLBACK")
            return
        self._writer.execute("ROLLBACK TO block")
        self._writer.execute("RELEASE block")
        self._ensure_commit()

    def _ensure_commit(self, patience: float = 0.0) -> None:
        if self._committer is not None and not self._committer.done():
            return
        loop = asyncio.get_running_loop()
        if patience:
            self._patience = self._patience or loop.call_later(patience, self._ensure_commit)
            return
        self._end_patience()
        self._committer = loop.create_task(self._commit())

    def _end_patience(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    async def _commit(self) -> None:
        async with self._entrance:
            waiting, self._waiting = self._waiting, []
            try:
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(self._thread, self._commit_in_thread)
            except Exception as error:
                for durable, _ in waiting:
                    _settle(durable, error)
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                return
        self.commits += 1
        for durable, tx in waiting:
            _settle(durable, _failure_of(tx.after_commit))
        self.on_commit()

    def _commit_in_thread(self) -> None:
        if self._commit_delay:
            time.sleep(self._commit_delay)
        if self._writer.in_transaction:
            self._writer.execute("COMMIT")

    async def close(self) -> None:
        """Wait for what is being committed, then let go of the file."""
        if self._patience is not None:
            self._ensure_commit()
        while self._committer is not None and not self._committer.done():
            await self._committer
        self._thread.end(wait=True)
        self._reader.connection.close()
        self._writer.close()

    def abandon(self) -> None:
        """Let go of the file as the end of a process does: what is not committed is gone."""
        self._end_patience()
        self._thread.end(wait=False)
        self._reader.connection.close()
        self._writer.close()


class _Block(AbstractAsyncContextManager[Transaction]):
    """One use of `Store.transaction`."""

    def __init__(self, store: Store, patience: float) -> None:
        self._store = store
        self._patience = patience

    async def __aenter__(self) -> Transaction:
        self._tx, self._is_first = await self._store._enter()
        return self._tx

    async def __aexit__(self, kind: object, error: object, traceback: object) -> None:
        durable = self._store._leave(
            self._tx, self._patience, is_first=self._is_first, failed=kind is not None
        )
        if durable is not None:
            await durable


class _CommitThread(Executor):
    """One thread with a queue, for `loop.run_in_executor`.

    What is submitted is the loop's own future, so no future is chained to another as with a pool.
    """

    def __init__(self) -> None:
        self._asked: SimpleQueue[tuple[Callable[[], None], asyncio.Future[None]] | None]
        self._asked = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_dropped = False

    def submit(  # type: ignore[override]  # only ever called by the loop, which takes both kinds
        self, work: Callable[[], None], /
    ) -> "asyncio.Future[None]":
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="commit", daemon=True)
            self._thread.start()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asked.put((work, done))
        return done

    def _serve(self) -> None:
        while (asked := self._asked.get()) is not None and not self._is_dropped:
            work, done = asked
            failure: Exception | None = None
            try:
                work()
            except Exception as error:
                failure = error
            with suppress(RuntimeError):  # the loop is gone, and whoever waited there
                done.get_loop().call_soon_threadsafe(_settle, done, failure)

    def end(self, *, wait: bool) -> None:
        """With `wait`, what was asked for is done first; otherwise it is dropped."""
        self._is_dropped = not wait
        self._asked.put(None)
        if wait and self._thread is not None:
            self._thread.join()


def _failure_of(calls: list[Callable[[], object]]) -> Exception | None:
    """Make the calls that follow a COMMIT, whoever waits for it or has given up waiting.

    All of them: what one of them is for is on disk, whatever became of another.
    """
    failures: list[Exception] = []
    for call in calls:
        try:
            call()
        except Exception as error:
            failures.append(error)
    return failures[0] if failures else None


def _settle(durable: asyncio.Future[None], failure: Exception | None) -> None:
    if durable.done():
        return  # whoever waited has been cancelled
    if failure is None:
        durable.set_result(None)
    else:
        durable.set_exception(failure)
