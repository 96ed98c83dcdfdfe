"""Where a member may vote: at keys it has always kept, and at those it has taken over.

A member new to a key's replicas knows nothing of what those before it have voted for. It votes
there only when h of them have shown it everything they hold, each of them *settled*: itself
through with the turns before, and never again voting in the epoch before this one.
"""

from collections import defaultdict

from dht.records import to_take_over
from dht.rosters import FIRST_EPOCH, Rosters
from dht.storage import Storage
from dht.turns import turned_sets

_KEY = b"settled"


class Standing:
    """One member's. `settled` is the last epoch it is through with, on disk."""

    def __init__(self, storage: Storage, rosters: Rosters, key: bytes) -> None:
        self._storage = storage
        self._rosters = rosters
        self._key = key
        self._table = storage.table("dht_standing", tuple[int, ...])
        self._made: tuple[int, ...] = self._table.get(storage.committed, _KEY) or ()
        self._heard: dict[int, set[bytes]] = defaultdict(set)

    @property
    def settled(self) -> int:
        """A key without a past is through with every epoch before its first."""
        if self._made:
            return self._made[-1]
        first = self._rosters.first_with(self._key)
        if first <= FIRST_EPOCH:
            return first
        return first - 1 if self._rosters.of(first - 1) is not None else 0

    def was_settled(self, epoch: int) -> bool:
        """Holds all it has to of that very epoch; of one that was skipped, once it is made up."""
        return epoch in self._made or epoch == self.settled

    @property
    def is_settled(self) -> bool:
        """Through with the current epoch, or no member in it."""
        ring = self._rosters.ring
        if ring is None or self._key not in ring.members:
            return ring is not None
        return self.settled == ring.roster.epoch

    def may_vote(self, key: bytes) -> bool:
        """For one of the k closest now: it was one ever since, or has taken this key over."""
        settled, epoch = self.settled, self._rosters.epoch
        if settled == epoch:
            return True
        since = [self._rosters.of(e) for e in range(settled, epoch)]
        if settled > 0 and all(ring and self._key in ring.closest(key) for ring in since):
            return True
        before = self._rosters.of(epoch - 1)
        return before is not None and self._has_heard(epoch, frozenset(before.closest(key)))

    def _has_heard(self, turn: int, replicas: frozenset[bytes]) -> bool:
        before = self._rosters.of(turn - 1)
        if before is None:
            return False
        wanted = to_take_over(before.roster.k, before.roster.q)
        return len(self._heard[turn] & replicas) >= wanted

    def turns_to_make(self) -> list[int]:
        """Epochs to get through with, newest first: those between are skipped where that works."""
        return [
            turn
            for turn in range(self._rosters.epoch, self.settled, -1)
            if self._rosters.of(turn) is not None and self._rosters.of(turn - 1) is not None
        ]

    def to_hear(self, turn: int) -> frozenset[bytes]:
        """Whose holdings this member has still to see to be through with a turn."""
        asked: frozenset[bytes] = frozenset().union(*self._to_take_over(turn))
        return asked - self._heard[turn] - {self._key}

    def _to_take_over(self, turn: int) -> list[frozenset[bytes]]:
        """The former replicas of every range that this member is new to."""
        before, after = self._rosters.of(turn - 1), self._rosters.of(turn)
        if before is None or after is None or self._key not in after.members:
            return []
        is_next = self.was_settled(turn - 1)
        return [
            old
            for old, new in turned_sets(before, after)
            if self._key in new and not (is_next and self._key in old)
        ]

    async def hear(self, turn: int, member: bytes) -> bool:
        """All that a settled member holds has been taken over. Whether the turn is made now."""
        self._heard[turn].add(member)
        return await self.make(turn)

    async def make(self, turn: int) -> bool:
        """Be through with a turn if nothing is left to be heard."""
        if self.was_settled(turn):
            return True
        if not all(self._has_heard(turn, old) for old in self._to_take_over(turn)):
            return False
        made = tuple(sorted((*(self._made or (self.settled,)), turn)))
        async with self._storage.transaction() as tx:
            self._table.put(tx, _KEY, made)
        self._made = made
        for old in [old for old in self._heard if self.was_settled(old)]:
            del self._heard[old]
        return True
