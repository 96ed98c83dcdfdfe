"""What each party of a world could know: all it read, all it said, and the books it keeps.

A party knows who it is itself: its name belongs to whatever it read and said.
Nobody's care is trusted: what a party could read counts, whether it kept it or not. What it
sealed itself it knows; what it only passed on, sealed by another, is kept apart. How nodes are
reached, their network addresses, lies outside.
"""

import asyncio
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from scenarios.lab.disclosure import (
    Disclosed,
    Implied,
    Reader,
    documents_in,
    nothing_implied,
    texts_inside,
)
from scenarios.lab.world import World

DIRECTORY = "membership"
"""Who is who and where. That somebody was looked up is a question of its own."""
DIRECTORY_TABLES = frozenset({"parties", "roster", "rosters"})
MOST_IN_A_LOOK_UP = 3
"""A look-up that names more parties names nobody in particular."""
LONGEST_SEARCHED = 16_384
"""Hex digits: nothing is looked for inside a longer value, such as content."""

Message = tuple[str, str, str]
"""Protocol, step, transaction."""


@dataclass(frozen=True)
class Seen:
    """What a node shows in a lab."""

    name: str
    id: str
    view: Sequence[Mapping[str, Any]]
    trace: Sequence[Mapping[str, Any]]
    ledger: Mapping[str, Any]


@dataclass(frozen=True)
class Record:
    """Things that were together before one party's eyes."""

    texts: frozenset[str]
    amounts: frozenset[int] = frozenset()
    time: int | None = None
    """Milliseconds since the epoch; books have none."""
    directory: bool = False


@dataclass
class Known:
    """By one party."""

    id: str
    records: list[Record] = field(default_factory=list)
    sealed: list[Record] = field(default_factory=list)
    """What was in its hands, and only others could open."""
    conversation: set[str] = field(default_factory=set)
    """Texts of what it read and said. Not of its books: who keeps a register keeps others'."""


async def look_at(world: World) -> list[Seen]:
    """Everything that the nodes of a lab show."""
    nodes = [node for node in world.nodes.values() if node.alive()]
    shown = await asyncio.gather(
        *(
            asyncio.gather(node.get("/inspect/view"), node.trace(), node.get("/inspect/ledger"))
            for node in nodes
        )
    )
    return [
        Seen(node.name, node.id, view["read"], trace, ledger)
        for node, (view, trace, ledger) in zip(nodes, shown, strict=True)
    ]


def what_all_know(everyone: Sequence[Seen], implied: Implied = nothing_implied) -> dict[str, Known]:
    """By the party's name."""
    ids = {seen.name: seen.id for seen in everyone}
    reader = Reader(ids | _certified_keys(everyone), implied)
    views = _Views(everyone, reader)
    known = {seen.name: _Party(seen, views, ids).known(reader) for seen in everyone}
    _complete(known, views)
    return known


def _certified_keys(everyone: Iterable[Seen]) -> dict[str, str]:
    """Whose each sealing key on a card is: where one is used, its owner is named."""
    cards = (
        document
        for seen in everyone
        for row in seen.view
        if row["protocol"] == DIRECTORY
        for document in documents_in(row["value"])
        if "sealing_key" in document
    )
    return {card["sealing_key"].hex(): card["id"].hex() for card in cards}


# what was read


@dataclass(frozen=True)
class _Line:
    """One line of somebody's view."""

    owner: str
    what: str
    found: Disclosed
    time: int


class _Views:
    """All of them, by message."""

    def __init__(self, everyone: Iterable[Seen], reader: Reader) -> None:
        self.lines: dict[Message, list[_Line]] = defaultdict(list)
        self.held: dict[str, set[str]] = defaultdict(set)
        """What came to a party and could not be taken apart."""
        for seen in everyone:
            for row in seen.view:
                found = reader.read(row["what"], row["value"])
                self.lines[_message(row)].append(_Line(seen.name, row["what"], found, row["time"]))
                self.held[seen.name] |= found.opaque

    @property
    def opaque(self) -> set[str]:
        return set().union(*self.held.values())


def _message(row: Mapping[str, Any]) -> Message:
    return row["protocol"], row["step"], row["transaction"]


class _Party:
    def __init__(self, seen: Seen, views: _Views, ids: Mapping[str, str]) -> None:
        self._seen, self._views, self._ids = seen, views, frozenset(ids.values())
        self._ends: dict[tuple[str, Message], set[str]] = defaultdict(set)
        """Who was named at the other end, by direction and message."""
        self._sent: dict[Message, Mapping[str, Any]] = {}
        for row in seen.trace:
            other = row.get("sender" if row["direction"] == "in" else "receiver", "")
            if other in ids:
                self._ends[row["direction"], _message(row)].add(ids[other])
            if row["direction"] == "out":
                self._sent[_message(row)] = row

    def known(self, reader: Reader) -> Known:
        known = Known(self._seen.id)
        for message in {_message(row): None for row in self._seen.view}:
            for line in self._views.lines[message]:
                if line.owner == self._seen.name:
                    self._keep(known, self._record(message, "in", line.found, line.time))
        for message in self._sent:
            self._said(known, message)
        known.records.extend(_books(self._seen.ledger, reader))
        return known

    def _said(self, known: Known, message: Message) -> None:
        """As whoever received it read it, with what it opened, if this party sealed that."""
        row, name = self._sent[message], self._seen.name
        lines = [line for line in self._views.lines.get(message, ()) if line.owner != name]
        own = _name_in_views(row["message"])
        sealed = {text for line in lines if line.what == own for text in line.found.opaque}
        passed_on = bool(sealed & self._views.held[name])
        for line in lines:
            record = self._record(message, "out", line.found, row["time"])
            if line.what == own or not passed_on:
                self._keep(known, record)
            else:
                known.sealed.append(record)

    def _record(self, message: Message, direction: str, found: Disclosed, time: int) -> Record:
        protocol, _, transaction = message
        ends = self._ends[direction, message]
        texts = frozenset(found.texts | ends | {transaction, self._seen.id})
        return Record(texts, frozenset(found.amounts), time, protocol == DIRECTORY)

    def _keep(self, known: Known, record: Record) -> None:
        known.conversation |= record.texts
        if not record.directory or len(record.texts & self._ids) <= MOST_IN_A_LOOK_UP:
            known.records.append(record)


def _name_in_views(type_name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type_name).lower()


def _books(ledger: Mapping[str, Any], reader: Reader) -> Iterator[Record]:
    for table, rows in ledger.items():
        for row in rows if isinstance(rows, list) else ():
            found = reader.read(table, row)
            amounts = frozenset(found.amounts)
            yield Record(frozenset(found.texts), amounts, None, table in DIRECTORY_TABLES)


# what stands inside what nobody could take apart


def _complete(known: Mapping[str, Known], views: _Views) -> None:
    """A key that is smuggled inside a longer value is found there."""
    everything = [*known.values()]
    texts = frozenset(
        text
        for party in everything
        for record in (*party.records, *party.sealed)
        for text in record.texts
        if len(text) in (32, 64)
    )
    searched = {text for text in views.opaque if len(text) <= LONGEST_SEARCHED}

    @cache
    def inside(text: str) -> frozenset[str]:
        return frozenset(texts_inside(text, texts))

    for party in everything:
        for records in (party.records, party.sealed):
            for place, record in enumerate(records):
                more = {part for text in record.texts & searched for part in inside(text)}
                if more - record.texts:
                    records[place] = replace(record, texts=record.texts | more)
                    party.conversation |= more
