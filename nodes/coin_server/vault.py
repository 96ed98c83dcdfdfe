"""A coin server's database: coins in circulation, pending coins, the journal. No spent coins."""

from typing import Any

from nodes.protocols.electronic_cash.circulation import HOME, read_spend
from nodes.protocols.electronic_cash.coin import (
    OneTimeKey,
    Serial,
    first_bits,
    serial,
    serial_of,
)
from nodes.protocols.electronic_cash.documents import Spend
from nodes.protocols.electronic_cash.state import (
    Change,
    Circulating,
    Entry,
    Numbered,
    WaitingCoin,
)
from nodes.runtime.deadlines import Deadlines
from nodes.runtime.service import Service
from nodes.runtime.store import Reader, Transaction


class VaultTables:
    """The tables; `at(reader)` is what the rules see of them."""

    def __init__(self, service: Service) -> None:
        self._party = service.party
        store = service.party.store
        self._bits = service.party.settings.serial_bits
        self.coins = store.table("circulating", Circulating)
        """By serial number, or in a lab by its first bits."""
        self.keys = store.table("circulating_keys", bytes)
        """Serial by one-time key."""
        self.journal = store.table("journal", Entry)
        self.retired = store.table("journal_serials", bytes)
        """Journal key by serial: leaves with its entry."""
        self.waiting = store.table("pending_coins", WaitingCoin)
        self.numbers = store.table("issue_numbers", Numbered)
        self._deadlines = Deadlines(service, self._expire)
        service.at_start(self._resume)
        service.accounts_for(self._rows)

    def place_of(self, serial: Serial) -> bytes:
        """Under what a coin lies here: two coins never share it, so a serial is drawn again."""
        return first_bits(serial, self._bits)

    def at(self, reader: Reader) -> "VaultAt":
        return VaultAt(self, reader)

    async def _resume(self) -> None:
        for key, entry in self.journal.items(self._party.store.committed):
            self._deadlines.set(key, entry.until)

    async def _expire(self, key: bytes) -> None:
        """Nobody asked for this answer for long: it is forgotten."""
        async with self._party.store.transaction() as tx:
            entry = self.journal.get(tx, key)
            if entry is None or HOME in entry.waiting:
                return  # the home may still give its answer again
            if entry.until < self._party.now():
                self.forget(tx, key, entry)

    def apply(self, tx: Transaction, change: Change) -> None:
        for serial_ in change.retired:
            place = self.place_of(serial_)
            coin = self.coins.get(tx, place)
            assert coin is not None, "checked in this transaction"
            self.coins.delete(tx, place)
            self.keys.delete(tx, coin.key)
            self.retired.put(tx, serial_, change.key)
        for coin in change.issued:
            name = serial_of(coin.key, coin.entropy)
            self.coins.put(tx, self.place_of(name), coin)
            self.keys.put(tx, coin.key, name)
        if change.entry is not None:
            self.keep(tx, change.key, change.entry)
        if change.waiting is not None:
            self.waiting.put(tx, *change.waiting)

    def keep(self, tx: Transaction, key: bytes, entry: Entry) -> None:
        self.journal.put(tx, key, entry)
        tx.after_commit.append(lambda: self._deadlines.set(key, entry.until))

    def replace(self, tx: Transaction, key: bytes, entry: Entry, left: Entry | None) -> None:
        """Somebody has acknowledged: the entry without them, or none."""
        if left is None:
            self.forget(tx, key, entry)
        else:
            self.keep(tx, key, left)

    def forget(self, tx: Transaction, key: bytes, entry: Entry) -> None:
        self.journal.delete(tx, key)
        if entry.spend is not None:
            for coin in read_spend(entry.spend).order.coins:
                self.retired.delete(tx, serial(coin))
        tx.after_commit.append(lambda: self._deadlines.set(key, None))

    def _rows(self) -> dict[str, Any]:
        reader = self._party.store.committed
        return {
            "cash_coins": [
                {"serial": serial_of(coin.key, coin.entropy).hex(), "amount": coin.amount}
                for coin in self.coins.values(reader)
            ],
            "cash_pending": [
                {
                    "request": name.hex(),
                    "amount": waiting.amount,
                    "transaction": waiting.condition.transaction.hex(),
                }
                for name, waiting in self.waiting.items(reader)
                if waiting.released_to is None
            ],
            "cash_journal": self.journal.count(reader),
            "cash_rows": rows_by_table(reader),
        }


def rows_by_table(reader: Reader) -> dict[str, int]:
    """How many rows each table of the database has: nothing in it grows with what is spent.

    All but the directory, which has a row for each party that was ever looked up.
    """
    names = reader.connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    found = {}
    for name in {name for (name,) in names.fetchall()} - {"directory"}:
        (rows,) = reader.connection.execute(f"SELECT count(*) FROM {name}").fetchone()
        found[name] = int(rows)
    return found


class VaultAt:
    """The rules' view, inside one transaction or of what is committed."""

    def __init__(self, tables: VaultTables, reader: Reader) -> None:
        self._tables, self._reader = tables, reader

    def coin(self, serial: Serial) -> Circulating | None:
        return self._tables.coins.get(self._reader, self._tables.place_of(serial))

    def serial_under(self, key: OneTimeKey) -> Serial | None:
        return self._tables.keys.get(self._reader, key)

    def retirement(self, serial: Serial) -> Spend | None:
        key = self._tables.retired.get(self._reader, serial)
        entry = self._tables.journal.get(self._reader, key) if key else None
        return entry.spend if entry else None
