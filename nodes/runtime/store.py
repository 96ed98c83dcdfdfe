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
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
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

    def get(self, reader: Reader, key: bytes) -> T | None:
        row = reader.connection.execute(
            f"SELECT value FROM {self.name} WHERE key = ?", (key,)
        ).fetchone()
        return None if row is None else self._decode(row[0])

    def put(self, tx: Transaction, key: bytes, value: T) -> None:
        tx.connection.execute(
            f"INSERT OR REPLACE INTO {self.name} VALUES (?, ?)", (key, codec.encode(value))
        )

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
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self.commits = 0
        """How many COMMITs have run."""
        self.on_commit: Callable[[], None] = lambda: None

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA busy_timeout = 5000")
        return connection

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

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """One savepoint, on disk when the block has been left. No `await` belongs inside."""
        async with self._entrance:
            if not self._writer.in_transaction:
                self._writer.execute("BEGIN IMMEDIATE")
            self._writer.execute("SAVEPOINT block")
            tx = Transaction(self._writer)
            try:
                yield tx
            except BaseException:
                self._writer.execute("ROLLBACK TO block")
                self._writer.execute("RELEASE block")
                self._ensure_commit()
                raise
            self._writer.execute("RELEASE block")
            durable = asyncio.get_running_loop().create_future()
            self._waiting.append((durable, tx))
            self._ensure_commit()
        await durable

    def _ensure_commit(self) -> None:
        if self._committer is None or self._committer.done():
            self._committer = asyncio.get_running_loop().create_task(self._commit())

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
        while self._committer is not None and not self._committer.done():
            await self._committer
        self._thread.shutdown()
        self._reader.connection.close()
        self._writer.close()

    def abandon(self) -> None:
        """Let go of the file as the end of a process does: what is not committed is gone."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._reader.connection.close()
        self._writer.close()


def _failure_of(calls: list[Callable[[], object]]) -> Exception | None:
    """Make the calls that follow a COMMIT, whoever waits for it or has given up waiting."""
    try:
        for call in calls:
            call()
    except Exception as error:
        return error
    return None


def _settle(durable: asyncio.Future[None], failure: Exception | None) -> None:
    if durable.done():
        return  # whoever waited has been cancelled
    if failure is None:
        durable.set_result(None)
    else:
        durable.set_exception(failure)
