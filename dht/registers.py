"""A replica's registers, written once: the rules, and their table on disk.

The first valid body has this replica's vote for ever. A different valid one is kept beside it as
evidence; one is enough. A certificate makes a body final, whichever of them it is.

A body that was handed over by those who kept the register before may stand without a vote: no
other gets one then, and with two such bodies none ever does.
"""

import asyncio
from bisect import bisect_right, insort
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import msgspec

from crypto import codec
from dht.errors import VotesOfAnotherKey
from dht.records import Certificate, Put, Record, RegisterName, Vote
from dht.storage import Storage

LOAD_ROWS_AT_ONCE = 256
MOST_RECORDS = 3
RECENT_ENTRIES = 64
"""A register that was put is read, certified and followed by the next one soon after."""


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """One register as one replica holds it."""

    name: RegisterName
    put: Put
    """The body voted for, as it came; bare once it is certified."""
    vote: Vote | None
    """None while the body was only handed over."""
    epoch: int
    """Of the vote; 0 for none."""
    rival: Put | None = None
    certificate: Certificate | None = None
    rival_certificate: Certificate | None = None
    """Of another body: more replicas lied than are borne, and this is the proof."""

    @property
    def certified(self) -> bytes:
        """Digest of the certified body; empty if none."""
        return b"" if self.certificate is None else self.certificate.record.digest

    @property
    def records(self) -> tuple[Record, ...]:
        """Every body known, the one voted for first."""
        shown = [self.put.record]
        if self.rival is not None:
            shown.append(self.rival.record)
        for certificate in (self.certificate, self.rival_certificate):
            if certificate is not None and certificate.record.digest not in [
                record.digest for record in shown
            ]:
                shown.append(certificate.record)
        return tuple(shown[:MOST_RECORDS])

    @property
    def digests(self) -> tuple[bytes, ...]:
        return tuple(record.digest for record in self.records)

    def settles(self, digest: bytes) -> bool:
        """A put of this body changes nothing here."""
        digests = self.digests
        return digest in digests or len(digests) > 1

    def is_final_for(self, digest: bytes) -> bool:
        """Nor does it bring about a vote: there is one, or there will be none."""
        return self.settles(digest) and (self.vote is not None or len(self.digests) > 1)


Ballot = tuple[Vote | None, int]
Cast = Callable[[Put], Ballot]
"""Signs the vote for a put's record: the vote and its epoch. (None, 0) where it may not vote."""
Rule = Callable[[Entry | None], Entry]


def with_put(held: Entry | None, name: RegisterName, put: Put, cast: Cast) -> Entry:
    """A put that was found valid."""
    if held is None:
        return Entry(name, put, *cast(put))
    held = _with_vote(held, cast)
    if held.settles(put.record.digest):
        return held
    return msgspec.structs.replace(held, rival=put)


def _with_vote(held: Entry, cast: Cast) -> Entry:
    """The only body handed over has this replica's vote, once it may vote at all."""
    if held.vote is not None or len(held.digests) > 1:
        return held
    vote, epoch = cast(held.put)
    return held if vote is None else msgspec.structs.replace(held, vote=vote, epoch=epoch)


def with_certificate(
    held: Entry | None, name: RegisterName, certificate: Certificate, cast: Cast
) -> Entry:
    """A certificate that was found valid. The first one stays; one of another body is evidence.

    It stands for everything that led to it, so what came with the put is let go. Without a body
    of its own a replica votes as the quorum did.
    """
    bare = Put(certificate.record, None, b"")
    if held is None:
        return Entry(name, bare, *cast(bare), None, certificate)
    if held.certificate is not None:
        return _with_second(held, bare, certificate)
    held = _with_vote(held, cast)
    if certificate.record.digest == held.put.record.digest:
        return msgspec.structs.replace(held, put=bare, certificate=certificate)
    return msgspec.structs.replace(held, rival=held.rival or bare, certificate=certificate)


def _with_second(held: Entry, bare: Put, certificate: Certificate) -> Entry:
    if held.certified == bare.record.digest or held.rival_certificate is not None:
        return held
    return msgspec.structs.replace(held, rival=held.rival or bare, rival_certificate=certificate)


@dataclass(frozen=True, slots=True)
class Summary:
    """What stays in memory of an entry."""

    name: RegisterName
    digests: tuple[bytes, ...]
    certified: bytes


def place_of(name: RegisterName) -> bytes:
    """Key in the table: the ring key, so that a range of the ring is a range of the table."""
    return name.key + codec.encode(name)


class Registers:
    """All registers of one replica. Nothing is answered from it before `load` has ended."""

    def __init__(self, storage: Storage, voter: bytes) -> None:
        self._storage = storage
        self._voter = voter
        self._table = storage.table("dht_registers", Entry)
        self._summaries: dict[bytes, Summary] = {}
        self._places: list[bytes] = []
        self._recent: OrderedDict[bytes, Entry] = OrderedDict()
        self.is_loaded = False

    def __len__(self) -> int:
        return len(self._places)

    async def load(self) -> None:
        """Read every vote back, letting others run in between. Raises VotesOfAnotherKey."""
        if self.is_loaded:
            return
        for count, (place, entry) in enumerate(self._table.items(self._storage.committed), 1):
            if entry.vote is not None and entry.vote.voter != self._voter:
                raise VotesOfAnotherKey("votes of another key stand in this database")
            self._note(place, entry)
            if count % LOAD_ROWS_AT_ONCE == 0:
                await asyncio.sleep(0)
        self.is_loaded = True

    def _note(self, place: bytes, entry: Entry) -> None:
        if place not in self._summaries:
            insort(self._places, place)
        self._summaries[place] = Summary(entry.name, entry.digests, entry.certified)

    def get(self, name: RegisterName) -> Entry | None:
        """As it is on disk."""
        place = place_of(name)
        if self.is_loaded and place not in self._summaries:
            return None
        return self._recent.get(place) or self._table.get(self._storage.committed, place)

    async def change(self, name: RegisterName, rule: Rule, *, patience: float = 0.0) -> Entry:
        """Apply a rule; what it made of the register is on disk when this returns.

        `patience`: as in `Storage.transaction`.
        """
        place = place_of(name)
        async with self._storage.transaction(patience=patience) as tx:
            held = self._table.get(tx, place)
            entry = rule(held)
            if entry is not held:
                self._table.put(tx, place, entry)
            tx.after_commit.append(partial(self._keep, place, entry))
        return entry

    def _keep(self, place: bytes, entry: Entry) -> None:
        """It is on disk, whether or not somebody still waits for that."""
        self._note(place, entry)
        self._recent[place] = entry
        self._recent.move_to_end(place)
        if len(self._recent) > RECENT_ENTRIES:
            self._recent.popitem(last=False)

    def summary(self, name: RegisterName) -> Summary | None:
        return self._summaries.get(place_of(name))

    def after(self, cursor: bytes, count: int) -> list[tuple[bytes, Summary]]:
        """The next `count` registers in ring order, with their places."""
        start = bisect_right(self._places, cursor)
        return [(p, self._summaries[p]) for p in self._places[start : start + count]]

    def entries(self) -> Iterator[Entry]:
        for _, entry in self._table.items(self._storage.committed):
            yield entry
