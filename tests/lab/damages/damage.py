"""One row of one store is changed, as a fault of its keeper or of its disk would, and put back."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

from crypto import codec
from scenarios.lab.offline import STORE
from scenarios.lab.world_folder import WorldFolder

Ids = Mapping[str, bytes]
"""Party ids by name."""
Row = Any
GONE = None


@dataclass(frozen=True)
class Damage:
    """`check` must name it, with every word that `says` gives for the row as it was."""

    what: str
    party: str
    table: str
    type: Any
    check: str
    says: Callable[[Row, Ids], tuple[str, ...]]
    change: Callable[[Row, Ids], Row | None]
    """The row as it will stand; GONE for none."""
    where: Callable[[Row, Ids], bool] = lambda row, ids: True
    """The first row of which this holds is damaged."""
    into: str = ""
    """Another party, where the changed row is put instead."""
    as_one_of: str = ""
    """Another table, where the changed row is put instead."""

    @property
    def at(self) -> str:
        """Whose store is damaged."""
        return self.into or self.party


def but(**changes: Any) -> Callable[[Row, Ids], Row]:
    """The row with some fields changed; a function is given the old value."""

    def change(row: Row, ids: Ids) -> Row:
        made = {
            name: value(getattr(row, name)) if callable(value) else value
            for name, value in changes.items()
        }
        return msgspec.structs.replace(row, **made)

    return change


def gone(row: Row, ids: Ids) -> Row | None:
    return GONE


def copied(row: Row, ids: Ids) -> Row:
    """As it is, elsewhere."""
    return row


def plus(amount: int) -> Callable[[int], int]:
    return lambda value: value + amount


def flipped(data: bytes) -> bytes:
    """With the last bit changed."""
    return data[:-1] + bytes([data[-1] ^ 1])


@contextmanager
def damaged(folder: WorldFolder, damage: Damage, ids: Ids) -> Iterator[Row]:
    """The row as it was, while it lies damaged on the disk of `damage.into` or its own party."""
    with _store(folder, damage.party) as store:
        key, row = _find(store, damage, ids)
    changed = damage.change(row, ids)
    table = damage.as_one_of or damage.table
    with _store(folder, damage.at) as store:
        before = _get(store, table, key)
        after = None if changed is GONE else codec.encode(changed)
        assert after != before, "a damage changes the store"
        _put(store, table, key, after)
    try:
        yield row
    finally:
        with _store(folder, damage.at) as store:
            _put(store, table, key, before)


@contextmanager
def _store(folder: WorldFolder, party: str) -> Iterator[sqlite3.Connection]:
    path = folder.data(party) / STORE
    with closing(sqlite3.connect(path, isolation_level=None)) as store:
        yield store


def _find(store: sqlite3.Connection, damage: Damage, ids: Ids) -> tuple[bytes, Row]:
    decoder = msgspec.msgpack.Decoder(damage.type)
    for key, value in store.execute(f"SELECT key, value FROM {damage.table} ORDER BY key"):
        row = decoder.decode(value)
        if damage.where(row, ids):
            return key, row
    raise AssertionError(f"{damage.party} has no such row in {damage.table}: {damage.what}")


def _get(store: sqlite3.Connection, table: str, key: bytes) -> bytes | None:
    found = store.execute(f"SELECT value FROM {table} WHERE key = ?", (key,)).fetchone()
    return None if found is None else found[0]


def _put(store: sqlite3.Connection, table: str, key: bytes, value: bytes | None) -> None:
    if value is None:
        store.execute(f"DELETE FROM {table} WHERE key = ?", (key,))
    else:
        store.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", (key, value))
