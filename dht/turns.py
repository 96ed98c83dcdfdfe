"""What a turn of the epoch changes: for every key there is, its replicas before and after.

The k closest to a key are the same for all keys of a range of the ring, so there are no more
pairs of such sets than about a few for each member. They are found by going down the ring bit by
bit, in both rosters at once.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from dht.records import NODE_ID_BYTES, node_id
from dht.rosters import Ring

Replicas: TypeAlias = frozenset[bytes]


@dataclass(frozen=True)
class _Closing:
    """The closest to a key of which the first bits are known.

    `taken` are among them whatever the other bits, `wanted` more are among `left`.
    """

    taken: frozenset[int]
    left: tuple[int, ...]
    wanted: int

    @property
    def is_known(self) -> bool:
        return len(self.left) <= self.wanted

    @property
    def found(self) -> frozenset[int]:
        return self.taken.union(self.left)

    def at(self, bit: int, value: int) -> "_Closing":
        """With one more bit of the key known."""
        if self.is_known:
            return self
        near = tuple(place for place in self.left if place >> bit & 1 == value)
        if len(near) >= self.wanted:
            return _Closing(self.taken, near, self.wanted)
        far = tuple(place for place in self.left if place >> bit & 1 != value)
        return _Closing(self.taken.union(near), far, self.wanted - len(near))


def _of_all(ring: Ring) -> tuple[_Closing, dict[int, bytes]]:
    places = {int.from_bytes(node_id(key), "big"): key for key in ring.roster.members}
    return _Closing(frozenset(), tuple(sorted(places)), ring.roster.k), places


@lru_cache(maxsize=8)
def turned_sets(before: Ring, after: Ring) -> frozenset[tuple[Replicas, Replicas]]:
    """The replicas in one roster and in the next, of every key."""
    old, keys = _of_all(before)
    new, more = _of_all(after)
    keys.update(more)
    found: set[tuple[frozenset[int], frozenset[int]]] = set()
    open_ = {(old, new)}
    for bit in reversed(range(8 * NODE_ID_BYTES)):
        found |= {(a.found, b.found) for a, b in open_ if a.is_known and b.is_known}
        open_ = {
            (a.at(bit, value), b.at(bit, value))
            for a, b in open_
            if not (a.is_known and b.is_known)
            for value in (0, 1)
        }
    found |= {(a.found, b.found) for a, b in open_}
    return frozenset(
        (frozenset(keys[p] for p in a), frozenset(keys[p] for p in b)) for a, b in found
    )


def most_changed(before: Ring, after: Ring) -> int:
    """How many replicas of a key are new after the turn, for the key where most are."""
    return max(len(new - old) for old, new in turned_sets(before, after))
