"""The coins of one party on its disk, and which of them are spoken for.

Coins that may still move are kept in memory too, as they are on disk. A coin that is being
prepared for a payment is spoken for in memory only: after a crash it is free again, for nothing
was signed. One that may have to be given back is held back, again at each start, by whoever
promised it.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator

from crypto.hashing import Digest
from nodes.protocols.dht_micropayment.holding import CoinState, Holding, by_expiry, require_held
from nodes.protocols.dht_micropayment.refusals import RegisterIsWritten
from nodes.protocols.message import Milliseconds
from nodes.runtime.store import Reader, Store, Transaction

LIVE = frozenset({CoinState.INCOMING, CoinState.HELD, CoinState.OUTGOING})


class Purse:
    def __init__(self, store: Store) -> None:
        self._committed = store.committed
        self._table = store.table("holdings", Holding)
        self._live = {
            key: coin for key, coin in self._table.items(self._committed) if coin.state in LIVE
        }
        held = [coin for coin in self._live.values() if coin.state is CoinState.HELD]
        self._places = {coin.key: by_expiry(coin) for coin in held}
        self._in_order = sorted(self._places.values())
        """Coins held, by expiry, so that a payment from a full purse looks at few of them."""
        self._spoken_for: set[bytes] = set()
        self._held_back: set[bytes] = set()

    # as it is on disk

    def __iter__(self) -> Iterator[Holding]:
        """Every coin that may still move."""
        return iter(list(self._live.values()))

    def get(self, key: bytes) -> Holding | None:
        return self._live.get(key) or self._table.get(self._committed, key)

    def all(self) -> list[Holding]:
        """Those that are gone, too."""
        return self._table.values(self._committed)

    def held(self, chain: Digest) -> Holding:
        """The coin of this chain, if it is held now and free. Raises MoveNotAllowed."""
        return require_held(next((coin for coin in self.free() if coin.chain == chain), None))

    # inside a transaction

    def read(self, tx: Reader, key: bytes) -> Holding | None:
        return self._table.get(tx, key)

    def load(self, tx: Reader, key: bytes) -> Holding:
        """A coin that is known to be here."""
        coin = self._table.get(tx, key)
        assert coin is not None, "a coin once taken in is kept"
        return coin

    def save(self, tx: Transaction, coin: Holding) -> None:
        key = coin.key
        self._table.put(tx, key, coin)
        tx.after_commit.append(lambda: self._note(key, coin))

    def take_in(self, tx: Transaction, coin: Holding) -> bytes:
        """A transfer to this party; its key. Raises RegisterIsWritten for one that came before.

        The same transfer of the same transaction is the same coin; in another transaction it is
        an old one shown again (DC-A19).
        """
        key = coin.key
        known = self._table.get(tx, key)
        if known is None:
            self.save(tx, coin)
        elif (known.record.digest, known.transaction) != (coin.record.digest, coin.transaction):
            raise RegisterIsWritten("this party has a record for that place")
        return key

    def _note(self, key: bytes, coin: Holding) -> None:
        if coin.state in LIVE:
            self._live[key] = coin
        else:
            self._live.pop(key, None)
        self._place(key, by_expiry(coin) if coin.state is CoinState.HELD else None)

    def _place(self, key: bytes, place: tuple[Milliseconds, int, bytes] | None) -> None:
        before = self._places.pop(key, None)
        if before is not None:
            del self._in_order[bisect_left(self._in_order, before)]
        if place is not None:
            self._places[key] = place
            insort(self._in_order, place)

    # spoken for

    def free(self) -> Iterator[Holding]:
        """Held, and neither being prepared for anything nor promised back; by expiry.

        To be used up before anything is awaited or saved.
        """
        for _, _, key in self._in_order:
            if key not in self._spoken_for and key not in self._held_back:
                yield self._live[key]

    def speak_for(self, coins: Iterable[Holding]) -> None:
        self._spoken_for.update(coin.key for coin in coins)

    def let_go(self, coins: Iterable[Holding]) -> None:
        self._spoken_for.difference_update(coin.key for coin in coins)

    def hold_back(self, keys: Iterable[bytes]) -> None:
        """Coins that may have to be given back are not spent before that is decided."""
        self._held_back.update(keys)

    def release(self, keys: Iterable[bytes]) -> None:
        self._held_back.difference_update(keys)
