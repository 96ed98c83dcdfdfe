"""Reads the books of nodes that are down, from copies of their stores.

A node's store is copied with SQLite's own backup, which sees one committed moment of it even while
the node runs; the copy is opened by the role's own program and shows its ledger. The original is
opened for reading only, so nothing in it can change.
"""

import importlib
import sqlite3
import tempfile
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from nodes.runtime.settings import PREFIX, read_settings
from scenarios.lab.books import (
    Books,
    Entry,
    Ledger,
    opening_balance,
    read_entries,
    read_ledger,
)
from scenarios.lab.failures import NotHere
from scenarios.lab.world_folder import NodeRecord, WorldFolder, WorldRecord

STORE = "node.db"


async def read_offline(folder: WorldFolder, names: Iterable[str] = ()) -> Books:
    """The books of all nodes, or of those named; one without a store is silent."""
    record = folder.read()
    chosen = set(names) or set(record.names())
    ledgers, entries, silent = {}, {}, {}
    for node in record.nodes:
        if node.name not in chosen:
            continue
        try:
            ledgers[node.name], entries[node.name] = await _read(folder, record, node)
        except FileNotFoundError:
            silent[node.name] = "it has no store"
        except sqlite3.DatabaseError as error:
            silent[node.name] = f"its store cannot be read ({error})"
    if not ledgers:
        raise NotHere(f"No node of {folder.path} has a store yet.")
    return Books(ledgers, silent, entries, opening_balance(record.settings))


async def _read(
    folder: WorldFolder, record: WorldRecord, node: NodeRecord
) -> tuple[Ledger, tuple[Entry, ...]]:
    original = folder.data(node.name) / STORE
    if not original.is_file():
        raise FileNotFoundError(original)
    with tempfile.TemporaryDirectory(prefix="jangteo-audit-") as place:
        copy = Path(place)
        _copy_store(original, copy / STORE)
        service = importlib.import_module(node.program).build(_settings(record, node, folder, copy))
        try:
            rows = [row for records in service.records for row in records.summaries()]
            return read_ledger(service.ledger()), read_entries(rows)
        finally:
            await service.stop()


def _copy_store(original: Path, copy: Path) -> None:
    with (
        closing(sqlite3.connect(f"{original.as_uri()}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)


def _settings(record: WorldRecord, node: NodeRecord, folder: WorldFolder, data: Path) -> Any:
    given = {
        "name": node.name,
        "data": str(data),
        "world": str(folder.path),
        "ca_url": "http://127.0.0.1:1",
        "without": ",".join(record.without),
        "expected_peers": str(record.peers),
        **record.settings,
    }
    return read_settings({PREFIX + name.upper(): value for name, value in given.items()})
