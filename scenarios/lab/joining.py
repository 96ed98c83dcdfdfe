"""From the rows each party wrote to the messages that passed between them, in causal order.

A message has a row at its sender and a row at its receiver, joined by the digest of its envelope.
A row comes after every earlier row of its own node, and a receiver's row after the sender's.
Among rows that neither order binds, time decides. A message stands where it was sent.
"""

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from nodes.runtime.observer import Row
from scenarios.lab.run import Event

At = tuple[str, int]
"""A row: (node's name, its number there)."""
Moment = Callable[[str, Row], int]
"""When a row was written, in milliseconds since the run's start, whatever its node's clock says."""


Passage = tuple[str, bool]
"""What both sides' rows share: the envelope's digest, and whether content follows it."""


def _passage(row: Row) -> Passage:
    return row.envelope, row.kind == "content"


@dataclass(frozen=True)
class Sighting:
    """One row and whose it is."""

    node: str
    row: Row

    @property
    def at(self) -> At:
        return self.node, self.row.n


def join(rows: Mapping[str, Sequence[Row]], moment: Moment) -> list[Event]:
    """`rows` by node's name, in order of their numbers. Events are numbered from 1."""
    groups: dict[At, list[Sighting]] = {}
    firsts: dict[Passage, At] = {}
    for sighting in _in_order(rows, moment):
        first = sighting.at
        if sighting.row.envelope:
            first = firsts.setdefault(_passage(sighting.row), sighting.at)
        groups.setdefault(first, []).append(sighting)
    return [
        _event(number, sightings, moment) for number, sightings in enumerate(groups.values(), 1)
    ]


def _in_order(rows: Mapping[str, Sequence[Row]], moment: Moment) -> Iterator[Sighting]:
    """Every row once, none before what caused it."""
    waits, follows = _causes(rows)
    by_at = {(node, row.n): Sighting(node, row) for node, own in rows.items() for row in own}
    ready = [_ranked(by_at[at], moment) for at in by_at if not waits[at]]
    heapq.heapify(ready)
    while ready:
        _, node, n = heapq.heappop(ready)
        yield by_at[node, n]
        for after in follows[node, n]:
            waits[after] -= 1
            if not waits[after]:
                heapq.heappush(ready, _ranked(by_at[after], moment))


def _ranked(sighting: Sighting, moment: Moment) -> tuple[int, str, int]:
    return moment(sighting.node, sighting.row), *sighting.at


def _causes(rows: Mapping[str, Sequence[Row]]) -> tuple[dict[At, int], dict[At, list[At]]]:
    """How many rows each one waits for, and which wait for it."""
    waits: dict[At, int] = defaultdict(int)
    follows: dict[At, list[At]] = defaultdict(list)
    sent: dict[Passage, At] = {}
    received: dict[Passage, list[At]] = defaultdict(list)
    for node, own in rows.items():
        for before, row in pairwise(own):
            follows[node, before.n].append((node, row.n))
            waits[node, row.n] += 1
        for row in own:
            if row.envelope and row.direction == "out":
                sent.setdefault(_passage(row), (node, row.n))
            elif row.envelope and row.direction == "in":
                received[_passage(row)].append((node, row.n))
    for passage, at in sent.items():
        for after in received[passage]:
            follows[at].append(after)
            waits[after] += 1
    return waits, follows


def _event(number: int, sightings: Sequence[Sighting], moment: Moment) -> Event:
    out = next((s.row for s in sightings if s.row.direction == "out"), None)
    come = [s.row for s in sightings if s.row.direction == "in"]
    row = out or sightings[0].row
    sender = row.sender or next((r.sender for r in come if r.sender), "")
    receiver = row.receiver or next((r.receiver for r in come if r.receiver), "")
    note = row.note or next((r.note for r in come if r.note), {})
    return Event(
        n=number,
        time_ms=moment(sightings[0].node, sightings[0].row),
        protocol=row.protocol,
        step=row.step,
        message=row.message,
        sender=sender,
        receiver="" if row.kind == "register" else receiver,
        bytes=max(s.row.bytes for s in sightings),
        transaction=row.transaction,
        outcome=next((s.row.outcome for s in sightings if s.row.outcome != "ok"), "ok"),
        sealed=row.sealed,
        kind=row.kind,
        fields={} if row.sealed else note,
        sealed_fields=sorted(note) if row.sealed else [],
        signatures=max(s.row.signatures for s in sightings),
        note=f"arrived {len(come)} times" if len(come) > 1 else "",
    )
