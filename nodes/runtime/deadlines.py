"""Deadlines of records: what time alone moves, by this node's clock.

    deadlines = Deadlines(service, expire)
    deadlines.set(sale, sale.contract.deadline)

`expire(key)` is called once its moment has passed; it looks at the record anew, and sets the next
deadline if there is one. Nothing is stored here: the records hold their deadlines, and whoever
resumes them at a start sets them again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from heapq import heappop, heappush

from nodes.protocols.message import Milliseconds
from nodes.runtime.log import get_log
from nodes.runtime.service import Service

AGAIN_MILLISECONDS = 1_000
"""After a failure that nobody foresaw."""


class Deadlines:
    def __init__(self, service: Service, expire: Callable[[bytes], Awaitable[None]]) -> None:
        self._party = service.party
        self._expire = expire
        self._at: dict[bytes, Milliseconds] = {}
        self._soonest: list[tuple[Milliseconds, bytes]] = []
        """A heap; what `_at` does not say is out of date."""
        self._changed = asyncio.Event()
        service.at_start(self._start)
        service.when_clock_moves(self._changed.set)
        self._spawn = service.spawn

    def set(self, key: bytes, at: Milliseconds | None) -> None:
        """`at` is the record's last moment; None: time moves it no more."""
        if at is None:
            self._at.pop(key, None)
        else:
            self._put(key, at)
            self._changed.set()

    def _put(self, key: bytes, at: Milliseconds) -> None:
        self._at[key] = at
        heappush(self._soonest, (at, key))

    def _first(self) -> tuple[Milliseconds, bytes] | None:
        """The deadline that comes next."""
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
            now = self._party.now()
            while (first := self._first()) is not None and first[0] < now:
                del self._at[first[1]]
                await self._pass(first[1])
            seconds = None
            if first is not None:
                seconds = max(0, first[0] + 1 - self._party.now()) / 1000
            try:
                async with asyncio.timeout(seconds):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _pass(self, key: bytes) -> None:
        try:
            await self._expire(key)
        except Exception:
            get_log().exception("deadline_failed", key=key.hex())
            if key not in self._at:
                self._put(key, self._party.now() + AGAIN_MILLISECONDS)
