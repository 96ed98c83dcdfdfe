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
MEMBERS_AT_ONCE = 4
TRIES = 4


class Puller:
    """The catching-up of one replica since it started: from every member once."""

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
        self._heard: set[bytes] = set()
        """Members that have shown everything they hold."""
        self._claimed: set[Wanted] = set()

    async def run(self) -> None:
        """Ask every member with a shared range that was not heard yet."""
        members = sorted(self._rosters.current.sharing(self._key) - self._heard)
        gate = asyncio.Semaphore(MEMBERS_AT_ONCE)

        async def visit(member: bytes) -> None:
            async with gate:
                await self._pull_from(member)

        await asyncio.gather(*(visit(member) for member in members))

    async def _pull_from(self, member: bytes) -> None:
        cursor = b""
        for _ in range(MAX_PAGES):
            page = await self._page(member, cursor)
            if page is None or not await self._fetch(member, self._missing(page.holdings)):
                return
            if page.next <= cursor:
                break
            cursor = page.next
        self._heard.add(member)

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

    async def _fetch(self, member: bytes, missing: list[Wanted]) -> bool:
        """False if the member fell silent. What another fetches just now is left to that one."""
        wanted = [w for w in missing if w not in self._claimed]
        self._claimed.update(wanted)
        try:
            for start in range(0, len(wanted), FETCH_ITEMS):
                if not await self._fetch_batch(member, wanted[start : start + FETCH_ITEMS]):
                    return False
        finally:
            self._claimed.difference_update(wanted)
        return True

    async def _fetch_batch(self, member: bytes, wanted: list[Wanted]) -> bool:
        while wanted:
            answer = await self._ask(member, FetchRequest(self._key, tuple(wanted)), FetchAnswer)
            if answer is None or answer.seen == 0:
                return False
            for copy in answer.copies:
                await self._take(copy)
            wanted = wanted[answer.seen :]
        return True

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
