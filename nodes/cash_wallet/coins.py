"""The coins of one party on its disk, and in memory those that may still move.

What is in memory is what is on disk: it changes after the COMMIT, and is read anew at a start. So
what a payment costs does not depend on how many coins were spent before it.
"""

from collections.abc import Iterable, Iterator, Sequence

from nodes.protocols.electronic_cash.coin import Serial, serial
from nodes.protocols.electronic_cash.holding import COIN_MOVES, HeldCoin
from nodes.protocols.electronic_cash.refusals import MoveNotAllowed
from nodes.protocols.electronic_cash.wallet import choose
from nodes.protocols.message import PartyId
from nodes.runtime.store import Reader, Store, Transaction


class Coins:
    def __init__(self, store: Store) -> None:
        self._committed = store.committed
        self._table = store.table("cash_coins", HeldCoin)
        self._live = {
            name: held for name, held in self._table.items(store.committed) if _may_move(held)
        }

    # as it is on disk

    def __iter__(self) -> Iterator[HeldCoin]:
        """Every coin that is held or pledged."""
        return iter(list(self._live.values()))

    def all(self) -> list[HeldCoin]:
        """Those that are gone, too."""
        return self._table.values(self._committed)

    def named(self, names: Iterable[Serial]) -> list[HeldCoin]:
        """Those of them that this party ever had."""
        found = (self.read(self._committed, name) for name in names)
        return [held for held in found if held is not None]

    # inside a transaction

    def read(self, reader: Reader, name: Serial) -> HeldCoin | None:
        return self._table.get(reader, name)

    def save(self, tx: Transaction, held: HeldCoin) -> None:
        name = serial(held.coin)
        self._table.put(tx, name, held)
        tx.after_commit.append(lambda: self._note(name, held))

    def add(self, tx: Transaction, coins: Iterable[HeldCoin]) -> int:
        """How many of them are new."""
        new = [held for held in coins if self.read(tx, serial(held.coin)) is None]
        for held in new:
            self.save(tx, held)
        return len(new)

    def unchanged(self, tx: Transaction, coins: Sequence[HeldCoin]) -> Sequence[HeldCoin]:
        """Raises MoveNotAllowed when one was spent meanwhile."""
        if self._changed(tx, coins):
            raise MoveNotAllowed("a coin was spent meanwhile")
        return coins

    def unchanged_or_others(
        self, tx: Transaction, coins: Sequence[HeldCoin], amount: int, home: PartyId
    ) -> Sequence[HeldCoin]:
        """Others of that home where one was spent meanwhile. Raises NotEnoughCoins."""
        gone: set[Serial] = set()
        while changed := self._changed(tx, coins):
            gone |= changed
            left = [held for name, held in self._live.items() if name not in gone]
            coins = choose(left, amount, home)
        return coins

    def _changed(self, tx: Transaction, coins: Iterable[HeldCoin]) -> set[Serial]:
        """Another transaction may have moved them that memory does not show before its COMMIT."""
        names = {serial(held.coin): held for held in coins}
        return {name for name, held in names.items() if self.read(tx, name) != held}

    def _note(self, name: Serial, held: HeldCoin) -> None:
        if _may_move(held):
            self._live[name] = held
        else:
            self._live.pop(name, None)


def _may_move(held: HeldCoin) -> bool:
    return bool(COIN_MOVES[held.state])
