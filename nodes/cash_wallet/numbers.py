"""Which numbers of a wallet are used: one count of its own orders, another of payments taken.

A recovery goes through them until nothing is known under many in a row (GAP). So what others send
must not use them up: a payment that was refused for good gives its number back, and of those that
nobody has decided there are few.
"""

import msgspec

from nodes.protocols.electronic_cash.holding import INCOMING, Path
from nodes.runtime.store import Store, Transaction

_OWN, _INCOMING = b"counter", b"incoming"


class Counter(msgspec.Struct, frozen=True):
    last: int


class Numbers:
    def __init__(self, store: Store) -> None:
        self._counters = store.table("cash_counter", Counter)
        self._free = store.table("cash_incoming_free", bool)
        """Below the last one, by number: the payment was refused."""

    def next_own(self, tx: Transaction) -> int:
        """Never used before, nor after a crash again."""
        return self._next(tx, _OWN)

    def next_incoming(self, tx: Transaction) -> int:
        """The lowest under which no coin was taken, and none may be."""
        for key, _ in self._free.items(tx):
            self._free.delete(tx, key)
            return int.from_bytes(key, "big")
        return self._next(tx, _INCOMING)

    def give_back(self, tx: Transaction, index: int) -> None:
        """The payment was refused for good: no coin will ever come under this number."""
        self._free.put(tx, index.to_bytes(8, "big"), True)

    def used_up_to(self, tx: Transaction, path: Path) -> None:
        """A recovery found something there."""
        which = _INCOMING if path.place == INCOMING else _OWN
        if self._last(tx, which) < path.index:
            self._counters.put(tx, which, Counter(path.index))

    def _last(self, tx: Transaction, which: bytes) -> int:
        return (self._counters.get(tx, which) or Counter(0)).last

    def _next(self, tx: Transaction, which: bytes) -> int:
        index = self._last(tx, which) + 1
        self._counters.put(tx, which, Counter(index))
        return index
