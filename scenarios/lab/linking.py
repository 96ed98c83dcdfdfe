"""What could several parties join, from all that each of them knows?

Two things are tied for whoever saw them together, in one message or one row of its books.
Parties that lie together put their records side by side: a value that stands in two of them ties
all that is in both. A value made from others ties too, for whoever can make it: hashes are
computed again. So each question is whether two things are connected:

    readable    they stand in one record of one party
    derivable   a chain of records joins them
    by amount and time    nothing joins them, but equal amounts close in time point to the right one

A person's name joins nothing by itself: it stands under all that this person does. Neither does
what strangers know as well, who do the same at the same time: the goods' price list, the bank's
keys. Names and such common values may be ends of a chain and never its middle.
"""

import enum
import hashlib
from bisect import bisect
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

from scenarios.lab.disclosure import HEX
from scenarios.lab.knowledge import Known, Record

MOST_HASHED = 12
"""Texts of a record of which pairs are hashed; a longer record is a list of many things."""
LONGEST_HASHED = 128


class How(enum.IntEnum):
    """From nothing to everything."""

    NEVER = 0
    SEALED = 1
    GUESSED = 2
    DERIVABLE = 3
    READABLE = 4

    @property
    def words(self) -> str:
        return ("never", "sealed only", "by amount and time", "derivable", "readable")[self]


@dataclass(frozen=True)
class Tie:
    """Two things that belong together: any of these texts, and any of those, or that amount.

    With neither it is one thing, and the question is who has it.
    """

    one: frozenset[str]
    other: frozenset[str] = frozenset()
    amount: int = 0

    @classmethod
    def of(
        cls, one: str | Iterable[str], other: str | Iterable[str] = (), amount: int = 0
    ) -> "Tie":
        return cls(_texts(one), _texts(other), amount)


def _texts(given: str | Iterable[str]) -> frozenset[str]:
    return frozenset((given,) if isinstance(given, str) else given)


class Linker:
    """`public`: values that join nothing; names of parties are added to them.

    `look_ups_since`: of the directory, and nothing else, from that moment on. Otherwise all but it.
    """

    def __init__(
        self,
        known: Mapping[str, Known],
        public: Collection[str] = (),
        *,
        look_ups_since: int | None = None,
    ) -> None:
        self._since = look_ups_since
        self._records = {name: self._asked_about(party.records) for name, party in known.items()}
        self._sealed = {name: self._asked_about(party.sealed) for name, party in known.items()}
        self._ids = {name: party.id for name, party in known.items()}
        self._public = frozenset(public) | {*self._ids.values()}
        self._hashes = _hashes_among(
            [record for records in self._records.values() for record in records]
        )

    def _asked_about(self, records: Iterable[Record]) -> list[Record]:
        if self._since is None:
            return [record for record in records if not record.directory]
        since = self._since
        return [r for r in records if r.directory and r.time is not None and r.time >= since]

    def coalition(self, names: Iterable[str]) -> "Joined":
        """All that these parties know, put together."""
        records = [record for name in names for record in self._records[name]]
        return Joined(records, self._public, self._hashes)

    def itself(self, name: str) -> "Joined":
        """One party about what it did itself: its own name ties that, for its own eyes."""
        return Joined(self._records[name], self._public - {self._ids[name]}, self._hashes)

    def opened(self, name: str) -> "Joined":
        """All that one party knows, and would know if it could open what it passed on."""
        records = [*self._records[name], *self._sealed[name]]
        return Joined(records, self._public, self._hashes)


def common(strangers: Sequence[Iterable[Known]]) -> frozenset[str]:
    """What people of more than one of these groups read or said."""
    seen: set[str] = set()
    twice: set[str] = set()
    for group in strangers:
        own = set().union(*(party.conversation for party in group))
        twice |= seen & own
        seen |= own
    return frozenset(twice)


Made = tuple[tuple[str, ...], str]
"""What a hash was made from, and the hash."""


class Joined:
    """Records side by side, and what is connected in them. Built in O(records)."""

    def __init__(
        self, records: Sequence[Record], public: frozenset[str], hashes: Iterable[Made] = ()
    ) -> None:
        self._records = records
        self._public = public
        self._parent: dict[str, str] = {}
        self._with: dict[str, list[int]] = defaultdict(list)
        for place, record in enumerate(records):
            self._tie(record.texts)
            for text in record.texts:
                self._with[text].append(place)
        for parts, made in hashes:
            if all(part in self._with for part in parts):
                self._tie((*parts, made))
        self._together: dict[str | int, list[int]] = defaultdict(list)
        for place in range(len(records)):
            self._together[self._class(place)].append(place)

    def _tie(self, texts: Iterable[str]) -> None:
        free = [text for text in texts if text not in self._public]
        for text in free:
            self._parent.setdefault(text, text)
            self._parent[self._root(text)] = self._root(free[0])

    def _root(self, text: str) -> str:
        parent = self._parent
        while parent[text] != text:
            parent[text] = parent[parent[text]]
            text = parent[text]
        return text

    def _class(self, place: int) -> str | int:
        """A record whose every value is public stands alone."""
        for text in self._records[place].texts:
            if text in self._parent:
                return self._root(text)
        return place

    def _reach(self, ends: Iterable[str]) -> set[str | int]:
        found: set[str | int] = set()
        for end in ends:
            if end in self._parent:
                found.add(self._root(end))
            found.update(self._class(place) for place in self._with.get(end, ()))
        return found

    # questions

    def how(self, tie: Tie) -> How:
        """Readable, derivable or never."""
        ones = {place for end in tie.one for place in self._with.get(end, ())}
        if not (tie.other or tie.amount):
            return How.READABLE if ones else How.NEVER
        if any(self._has_other(self._records[place], tie) for place in ones):
            return How.READABLE
        reach = self._reach(tie.one)
        if tie.amount:
            tied = (self._records[place] for one in reach for place in self._together[one])
            return How.DERIVABLE if any(tie.amount in r.amounts for r in tied) else How.NEVER
        return How.DERIVABLE if reach & self._reach(tie.other) else How.NEVER

    def _has_other(self, record: Record, tie: Tie) -> bool:
        return tie.amount in record.amounts if tie.amount else bool(tie.other & record.texts)

    def guesses(self, ties: Sequence[Tie], right: int) -> bool:
        """Whether the other thing of tie number `right` fits its own one thing best.

        That is by equal amounts, seen nearest in time; the ones of the other ties are strangers.
        """
        if len(ties) < 2 or not ties[right].other:
            return False
        other = self._moments(ties[right].other)
        distances = [_distance(self._moments(tie.one), other) for tie in ties]
        mine = distances.pop(right)
        return mine is not None and all(one is None or one > mine for one in distances)

    def _moments(self, ends: Iterable[str]) -> dict[int, list[int]]:
        """When each amount was seen, in what these ends are tied to."""
        found: dict[int, list[int]] = defaultdict(list)
        for one in self._reach(ends):
            for place in self._together.get(one, ()):
                record = self._records[place]
                for amount in record.amounts if record.time is not None else ():
                    found[amount].append(record.time or 0)
        return found


def _distance(one: Mapping[int, list[int]], other: Mapping[int, list[int]]) -> int | None:
    """Between the two nearest moments with equal amounts; None where no amounts are equal."""
    near = [_nearest(one[amount], sorted(other[amount])) for amount in one.keys() & other.keys()]
    return min(near, default=None)


def _nearest(moments: Sequence[int], ordered: Sequence[int]) -> int:
    nearest = abs(ordered[0] - moments[0])
    for moment in moments:
        place = bisect(ordered, moment)
        for other in ordered[max(0, place - 1) : place + 1]:
            nearest = min(nearest, abs(other - moment))
    return nearest


# hashes


def _hashes_among(records: Iterable[Record]) -> list[Made]:
    """Every text that is a hash of one or two others which stood together somewhere."""
    known = {text for record in records for text in record.texts}
    tried: set[tuple[str, ...]] = set()
    found: list[Made] = []
    for record in records:
        short = sorted(text for text in record.texts if len(text) <= LONGEST_HASHED)
        pairs = permutations(short, 2) if len(short) <= MOST_HASHED else ()
        for parts in (*((text,) for text in short), *pairs):
            if parts not in tried:
                tried.add(parts)
                found.extend((parts, made) for made in _hashes(parts) if made in known)
    return found


def _hashes(parts: tuple[str, ...]) -> Iterator[str]:
    yield hashlib.sha256("".join(parts).encode()).hexdigest()
    if all(HEX.fullmatch(part) for part in parts):
        yield hashlib.sha256(bytes.fromhex("".join(parts))).hexdigest()
