"""Deadlines of records: what time alone moves, by this node's clock.

    deadlines = Deadlines(service, expire)
    deadlines.set(sale, sale.contract.deadline)

`expire(key)` is called once its moment has passed; it looks at the record anew, and sets the next
deadline if there is one. Nothing is stored here: the records hold their deadlines, and whoever
resumes them at a start sets them again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from heapq import heapify, heappop, heappush

from nodes.protocols.message import Milliseconds
from nodes.runtime.log import get_log
from nodes.runtime.service import Service

AGAIN_MILLISECONDS = 1_000
"""After a failure that nobody foresaw."""
FEW = 64
"""Deadlines of which nothing is to be saved."""


class Deadlines:
    def __init__(self, service: Service, expire: Callable[[bytes], Awaitable[None]]) -> None:
        self._party = service.party
        self._expire = expire
        self._at: dict[bytes, Milliseconds] = {}
        """What holds; the heap may say more than that."""
        self._soonest: list[tuple[Milliseconds, bytes]] = []
        self._changed = asyncio.Event()
        service.at_start(self._start)
        service.when_clock_moves(self._changed.set)
        self._spawn = service.spawn

    def set(self, key: bytes, at: Milliseconds | None) -> None:
        """`at` is the record's last moment; None: time moves it no more."""
        if at is None:
            self._at.pop(key, None)
            self._forget()
        else:
            self._put(key, at)
            self._changed.set()

    def _put(self, key: bytes, at: Milliseconds) -> None:
        if self._at.get(key) != at:
            self._at[key] = at
            heappush(self._soonest, (at, key))
            self._forget()

    def _forget(self) -> None:
        """What was lifted or moved is not kept until its moment comes: that may be a day."""
        if len(self._soonest) > 2 * len(self._at) + FEW:
            self._soonest = [(at, key) for key, at in self._at.items()]
            heapify(self._soonest)

    def _first(self) -> tuple[Milliseconds, bytes] | None:
        """The deadline that comes next; what is out of date before it is thrown away."""
        while self._soonest:
            at, key = self._soonest[0]
            if self._at.get(key) == at:
                return at, key
            heappop(self._soonest)
        return None

    async def _start(self) -> None:
        self._spawn(self._watch())

    async def _watch(self) -> None:
        while True:
            self._changed.clear()
            for key in self._due():
                await self._pass(key)
            first, seconds = self._first(), None
            if first is not None:
                seconds = max(0, first[0] + 1 - self._party.now()) / 1000
            try:
                async with asyncio.timeout(seconds):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _due(self) -> list[bytes]:
        """Each once: one that is set into the past again waits for its next turn."""
        now, due = self._party.now(), []
        while (first := self._first()) is not None and first[0] < now:
            del self._at[first[1]]
            due.append(first[1])
        return due

    async def _pass(self, key: bytes) -> None:
        try:
            await self._expire(key)
        except Exception:
            get_log().exception("deadline_failed", key=key.hex())
            if key not in self._at:
                self._put(key, self._party.now() + AGAIN_MILLISECONDS)
