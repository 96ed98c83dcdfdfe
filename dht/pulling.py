"""A member fetches what it lacks from those it shares ranges with: after a turn, a start, a loss.

Digests first, in pages; then the copies it lacks, in batches. Each copy is checked as if it had
just been put: a certificate by its votes, a record without one by the namespace's check. So nobody
makes a replica vote by handing it something.

Everybody fetches for itself and nothing is pushed: however many notice a loss at the same time,
each missing copy is sent once. A repair compares ranges first, a digest for some hundred
registers, and looks only into those that differ.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable

from dht.handing import match_of
from dht.member import Replica
from dht.records import RegisterName
from dht.registers import Summary
from dht.rosters import Rosters
from dht.rounds import Asking
from dht.settings import DhtSettings
from dht.standing import Standing
from dht.wire import (
    FETCH_ITEMS,
    Copy,
    FetchAnswer,
    FetchRequest,
    Holding,
    HoldsAnswer,
    HoldsRequest,
    KeepAnswer,
    PutAnswer,
    Wanted,
)

MAX_PAGES = 10_000
"""From one member; it also has to move on with every page."""
MEMBERS_AT_ONCE = 4
TRIES = 4
COMPARED_AT_ONCE = 256
"""Registers in one range of a repair."""
END = b""


class Puller:
    """The catching-up of one replica."""

    def __init__(
        self,
        key: bytes,
        ask: Asking,
        replica: Replica,
        rosters: Rosters,
        standing: Standing,
        settings: DhtSettings,
        counters: Counter[str],
    ) -> None:
        self._key = key
        self._ask = ask
        self._replica = replica
        self._rosters = rosters
        self._standing = standing
        self._settings = settings
        self._counters = counters
        self._shown: set[bytes] = set()
        """Members that have shown everything they hold since this node started."""
        self._claimed: set[Wanted] = set()
        self._one_at_a_time = asyncio.Lock()

    async def run(self) -> None:
        """Make the turns that are left; then hear everybody with a shared range once."""
        async with self._one_at_a_time:
            turns = self._standing.turns_to_make()
            while turns:
                if await self._take_over(turns[0]):
                    turns = self._standing.turns_to_make()
                else:
                    turns = turns[1:]
            if self._standing.is_settled:
                members = self._rosters.current.sharing(self._key) - self._shown
                await self._visit(members, self._catch_up)

    async def make_up(self, turn: int) -> None:
        """Make a turn that was skipped, for those who have to hear this member about it."""
        async with self._one_at_a_time:
            if self._rosters.of(turn) is not None and self._rosters.of(turn - 1) is not None:
                await self._take_over(turn)

    async def _take_over(self, turn: int) -> bool:
        """Hear those who kept what is now this member's too."""
        if await self._standing.make(turn):
            return True

        async def pull(member: bytes) -> None:
            if await self._pull_from(member, turn):
                await self._standing.hear(turn, member)

        await self._visit(self._standing.to_hear(turn), pull)
        return await self._standing.make(turn)

    async def _visit(
        self, members: Iterable[bytes], each: Callable[[bytes], Awaitable[None]]
    ) -> None:
        gate = asyncio.Semaphore(MEMBERS_AT_ONCE)

        async def visit(member: bytes) -> None:
            async with gate:
                await each(member)

        await asyncio.gather(*(visit(member) for member in sorted(members)))

    async def _catch_up(self, member: bytes) -> None:
        if await self._pull_from(member, 0):
            self._shown.add(member)

    async def repair(self) -> int:
        """Compare what is held here with those who share it, and fetch what is missing.

        Returns how many copies were restored.
        """
        async with self._one_at_a_time:
            before = self._counters["copies_fetched"]
            await self._visit(self._rosters.current.sharing(self._key), self._compare)
            self._counters["repairs"] += 1
            return self._counters["copies_fetched"] - before

    async def _compare(self, member: bytes) -> None:
        """Range by range; the last one has no end, and is what this replica may know nothing of."""
        after = END
        while True:
            held = self._replica.registers.after(after, COMPARED_AT_ONCE)
            until = held[-1][0] if len(held) == COMPARED_AT_ONCE else END
            match = match_of(s for _, s in held if self._is_shared(s, member))
            request = HoldsRequest(self._key, after, 0, until, match)
            answer = await self._page(member, request)
            if answer is None:
                return
            if answer.state == "same":
                self._counters["ranges_alike"] += 1
            elif not await self._pull_pages(member, 0, answer, until):
                return
            if until == END:
                return
            after = until

    def _is_shared(self, summary: Summary, member: bytes) -> bool:
        return {member, self._key} <= set(self._rosters.current.closest(summary.name.key))

    async def _pull_from(self, member: bytes, turn: int) -> bool:
        """All it holds that is ours; for a turn only from one that is settled in the epoch before.

        False if that was not to be had.
        """
        first = await self._page(member, HoldsRequest(self._key, END, turn))
        return first is not None and await self._pull_pages(member, turn, first, END)

    async def _pull_pages(
        self, member: bytes, turn: int, page: HoldsAnswer | None, until: bytes
    ) -> bool:
        cursor = b""
        for _ in range(MAX_PAGES):
            if page is None or (turn and not page.settled):
                return False
            if not await self._fetch(member, self._missing(page.holdings, turn)):
                return False
            if page.next <= cursor:
                return page.next == END
            cursor = page.next
            page = await self._page(member, HoldsRequest(self._key, cursor, turn, until))
        return False

    async def _page(self, member: bytes, request: HoldsRequest) -> HoldsAnswer | None:
        """None if silent. A member that is not synced has nothing to say yet: try a few times.

        Where a turn is to be made, all are asked again anyway.
        """
        pause = self._settings.first_pause_seconds
        for _ in range(1 if request.turn else TRIES):
            page = await self._ask(member, request, HoldsAnswer)
            if page is None or page.state != "not-synced":
                return page
            await asyncio.sleep(pause)
            pause *= 2
        return None

    def _missing(self, holdings: Iterable[Holding], turn: int) -> dict[Wanted, bool]:
        """What we lack: any body of an unknown register, a certificate, one rival as evidence.

        With it, whether it is wanted with a certificate.
        """
        missing = {
            Wanted(holding.name, digest): digest == holding.certified
            for holding in holdings
            if self._is_ours(holding.name, turn)
            for digest in holding.digests
        }
        return self._lacking(missing)

    def _is_ours(self, name: RegisterName, turn: int) -> bool:
        rings = (self._rosters.current, self._rosters.of(turn))
        return any(ring and self._key in ring.closest(name.key) for ring in rings)

    def _lacking(self, wanted: dict[Wanted, bool]) -> dict[Wanted, bool]:
        return {w: certified for w, certified in wanted.items() if self._lacks(w, certified)}

    def _lacks(self, wanted: Wanted, is_certified: bool) -> bool:
        mine = self._replica.registers.summary(wanted.name)
        if mine is None or (is_certified and not mine.certified):
            return True
        return wanted.digest not in mine.digests and len(mine.digests) == 1

    async def _fetch(self, member: bytes, missing: dict[Wanted, bool]) -> bool:
        """False if not all of it was to be had. What another shows just now is waited for."""
        while missing:
            wanted = [w for w in missing if w not in self._claimed]
            if not wanted:
                await asyncio.sleep(self._settings.first_pause_seconds)
            elif not await self._fetch_claimed(member, wanted):
                return False
            missing = self._lacking(missing)
            if wanted and any(w in missing for w in wanted):
                return False
        return True

    async def _fetch_claimed(self, member: bytes, wanted: list[Wanted]) -> bool:
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
        for _ in range(TRIES):
            state = await self._offered(copy)
            if state != "busy":
                break
            await asyncio.sleep(self._settings.first_pause_seconds)

    async def _offered(self, copy: Copy) -> str:
        """What our own replica says of a copy."""
        answer: object = None
        if copy.certificate is not None:
            answer = self._replica.take_certificate(copy.certificate, handed_over=True)
        elif copy.put is not None:
            answer = self._replica.take_over(copy.put)
        if asyncio.iscoroutine(answer):
            answer = await answer
            self._counters["copies_fetched"] += 1
        return answer.state if isinstance(answer, PutAnswer | KeepAnswer) else ""
