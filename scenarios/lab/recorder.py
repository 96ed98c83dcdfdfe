"""Reads what every node wrote about a run, from its start to its end.

    recorder = Recorder(world)
    await recorder.begin()
    ...                                  what the scenario does
    await recorder.stop_counting()
    await recorder.finish()
    events = recorder.events()

It asks each node only for what it has not read yet, so a long run costs no more at its end than
at its start; a node that is down meanwhile is read when it is back.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from nodes.runtime.observer import Row
from scenarios.lab.costs import Counted
from scenarios.lab.failures import ControlRefused, Unanswered
from scenarios.lab.joining import join
from scenarios.lab.run import Event
from scenarios.lab.world import Node, World

PAUSE_SECONDS = 0.05
"""Between two questions to a node that does not answer."""
View = dict[str, Any]
"""One thing a party could read: time, protocol, step, transaction, what, value."""
CLOCK_NOISE_MS = 1000
"""Less than this no clock was set forward by hand."""


class Recorder:
    def __init__(self, world: World) -> None:
        self.world = world
        self.symbols: dict[str, str] = {}
        """The paper's letter of a node, by its name."""
        self.rows: dict[str, list[Row]] = defaultdict(list)
        """Of this run, by node's name."""
        self.started_ms = 0
        self.before = Counted()
        self.after = Counted()
        self._read: dict[str, int] = defaultdict(int)
        self._clocks: dict[str, list[tuple[int, int]]] = defaultdict(list)

    async def begin(self) -> None:
        """What was before does not belong to this run."""
        self.before = await self.count()
        await asyncio.gather(*(self._skip(node) for node in self.nodes()))
        self.started_ms = time.time_ns() // 1_000_000

    async def stop_counting(self) -> None:
        """What follows, such as an audit, is no cost of the run."""
        self.after = await self.count()

    async def finish(self) -> None:
        """What came after the scenario's last line belongs to the run all the same."""
        await asyncio.gather(*(self.follow(node, wait=0) for node in self.nodes()))

    def nodes(self) -> Iterable[Node]:
        return self.world.nodes.values()

    async def follow(self, node: Node, *, wait: float) -> None:
        """Read on at one node; waits up to `wait` seconds for something new."""
        try:
            rows = await node.trace(after=self._read[node.name], wait=wait)
        except (Unanswered, ControlRefused):
            await asyncio.sleep(PAUSE_SECONDS)
            return
        for raw in rows:
            row = msgspec.convert(raw, Row)
            if row.n > self._read[node.name]:
                self._read[node.name] = row.n
                self.rows[node.name].append(row)

    async def _skip(self, node: Node) -> None:
        try:
            rows = await node.trace()
            self._read[node.name] = int(rows[-1]["n"]) if rows else 0
            clock = await node.control("clock", advance_seconds=0)
        except (Unanswered, ControlRefused):
            return  # it is down, or no lab: then nobody moved its clock
        ahead = int(clock["now"]) - time.time_ns() // 1_000_000
        if ahead > CLOCK_NOISE_MS:
            self.clock_moved(node.name, ahead)

    async def count(self) -> Counted:
        """The counters of every node that answers."""
        nodes = list(self.nodes())
        shown = await asyncio.gather(*(self._counters(node) for node in nodes))
        found = {node.name: counters for node, counters in zip(nodes, shown, strict=True)}
        return Counted({name: counters for name, counters in found.items() if counters})

    async def _counters(self, node: Node) -> Mapping[str, Any]:
        try:
            return await node.get("/inspect/counters")
        except (Unanswered, ControlRefused):
            return {}

    async def views(self) -> dict[str, list[View]]:
        """What each party could read since the start; empty outside a lab."""
        nodes = list(self.nodes())
        shown = await asyncio.gather(*(self._view(node) for node in nodes))
        return {node.name: view for node, view in zip(nodes, shown, strict=True)}

    async def _view(self, node: Node) -> list[View]:
        try:
            lines = (await node.get("/inspect/view"))["read"]
        except (Unanswered, ControlRefused):
            return []
        return [line for line in lines if line["time"] >= self.started_ms]

    # time

    def clock_moved(self, name: str, milliseconds: int) -> None:
        """A node's clock was set forward after the last row read of it."""
        before = self._clocks[name][-1][1] if self._clocks[name] else 0
        self._clocks[name].append((self._read[name], before + milliseconds))

    def moment(self, name: str, row: Row) -> int:
        """When a row was written, in milliseconds since the run's start."""
        ahead = 0
        for after, milliseconds in self._clocks[name]:
            if row.n > after:
                ahead = milliseconds
        return max(0, row.time - ahead - self.started_ms)

    # messages

    def keep_only(self, transaction: str) -> None:
        """Forget the rows of everything else; the first that stays is the start."""
        for name, rows in self.rows.items():
            self.rows[name] = [row for row in rows if row.transaction == transaction]
        self.started_ms = min((row.time for own in self.rows.values() for row in own), default=0)

    def events(self) -> list[Event]:
        return join(self.rows, self.moment)
