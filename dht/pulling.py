"""A replica that was away fetches what it missed from the members it shares ranges with.

Digests first, in pages; then the copies it lacks, in batches. Each copy is checked as if it had
just been put: a certificate by its votes, a record without one by the namespace's check. So nobody
makes a replica vote by handing it something.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable

from dht.client import Asking
from dht.member import Replica
from dht.registers import Summary
from dht.rosters import Rosters
from dht.settings import DhtSettings
from dht.wire import (
    FETCH_ITEMS,
    Copy,
    FetchAnswer,
    FetchRequest,
    Holding,
    HoldsAnswer,
    HoldsRequest,
    Wanted,
)

MAX_PAGES = 10_000
"""From one member; it also has to move on with every page."""
MAX_PASSES = 3
MEMBERS_AT_ONCE = 4
TRIES = 4


class Puller:
    """One catching-up of one replica."""

    def __init__(
        self,
        key: bytes,
        ask: Asking,
        replica: Replica,
        rosters: Rosters,
        settings: DhtSettings,
        counters: Counter[str],
    ) -> None:
        self._key = key
        self._ask = ask
        self._replica = replica
        self._rosters = rosters
        self._settings = settings
        self._counters = counters
        self._claimed: set[Wanted] = set()
        self._gave_up = False

    async def run(self) -> None:
        """Ask every member with a shared range; what one fails to give, another is asked for."""
        members = sorted(self._rosters.current.sharing(self._key))
        gate = asyncio.Semaphore(MEMBERS_AT_ONCE)

        async def visit(member: bytes) -> None:
            async with gate:
                await self._pull_from(member)

        for _ in range(MAX_PASSES):
            self._gave_up = False
            await asyncio.gather(*(visit(member) for member in members))
            if not self._gave_up:
                return

    async def _pull_from(self, member: bytes) -> None:
        cursor = b""
        for _ in range(MAX_PAGES):
            page = await self._page(member, cursor)
            if page is None:
                return
            await self._fetch(member, self._missing(page.holdings))
            if page.next <= cursor:
                return
            cursor = page.next

    async def _page(self, member: bytes, cursor: bytes) -> HoldsAnswer | None:
        """None if silent. A member that is not synced has nothing to say yet: try a few times."""
        pause = self._settings.first_pause_seconds
        for _ in range(TRIES):
            request = HoldsRequest(self._key, cursor)
            page = await self._ask(member, request, HoldsAnswer)
            if page is None or page.state == "page":
                return page
            await asyncio.sleep(pause)
            pause *= 2
        return None

    def _missing(self, holdings: Iterable[Holding]) -> list[Wanted]:
        """What we lack: any body of an unknown register, a certificate, one rival as evidence."""
        missing: list[Wanted] = []
        for holding in holdings:
            if not self._replica.is_mine(holding.name):
                continue
            mine = self._replica.registers.summary(holding.name)
            missing.extend(
                Wanted(holding.name, digest)
                for digest in holding.digests
                if _is_lacking(mine, digest, digest == holding.certified)
            )
        return missing

    async def _fetch(self, member: bytes, missing: list[Wanted]) -> None:
        wanted = [w for w in missing if w not in self._claimed]
        self._claimed.update(wanted)
        while wanted:
            request = FetchRequest(self._key, tuple(wanted[:FETCH_ITEMS]))
            answer = await self._ask(member, request, FetchAnswer)
            if answer is None or answer.seen == 0:
                self._claimed.difference_update(wanted)
                self._gave_up = True
                return
            for copy in answer.copies:
                await self._take(copy)
            wanted = wanted[answer.seen :]

    async def _take(self, copy: Copy) -> None:
        answer: object = None
        if copy.certificate is not None:
            answer = self._replica.take_certificate(copy.certificate)
        elif copy.put is not None:
            answer = self._replica.take(copy.put)
        if asyncio.iscoroutine(answer):
            await answer
            self._counters["copies_fetched"] += 1


def _is_lacking(mine: Summary | None, digest: bytes, is_certified: bool) -> bool:
    if mine is None or (is_certified and not mine.certified):
        return True
    return digest not in mine.digests and len(mine.digests) == 1
