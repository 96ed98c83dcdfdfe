"""A node follows the epochs: it fetches rosters, takes over what is its, and repairs.

A member that has left stays until those who came after it are settled: it is `released` then.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable

from crypto import codec, randomness
from crypto.documents import Signed
from crypto.hashing import digest
from dht.errors import RosterRefused
from dht.pulling import Puller
from dht.records import Roster
from dht.rosters import Rosters, fits_a_datagram
from dht.rounds import Asking
from dht.settings import DhtSettings
from dht.standing import Standing
from dht.tasks import Tasks
from dht.turns import turned_sets
from dht.wire import (
    HoldsAnswer,
    HoldsRequest,
    OfferRoster,
    RosterReply,
    RosterRequest,
    RosterTaken,
)

LAST = b"\xff" * 32
"""A cursor behind every register."""
FetchRosters = Callable[[int], Awaitable[None]]

log = logging.getLogger(__name__)


class Turning:
    """`fetch` asks the authority for the rosters after an epoch and adopts them."""

    def __init__(
        self,
        *,
        key: bytes,
        ask: Asking,
        rosters: Rosters,
        standing: Standing,
        puller: Puller,
        refresh: Callable[[], Awaitable[None]],
        fetch: FetchRosters | None,
        settings: DhtSettings,
        counters: Counter[str],
    ) -> None:
        self._key = key
        self._ask = ask
        self._rosters = rosters
        self._standing = standing
        self._puller = puller
        self._refresh = refresh
        self._fetch = fetch
        self._settings = settings
        self._counters = counters
        self._tasks: Tasks | None = None
        self._learning: asyncio.Task[None] | None = None
        self._settling: asyncio.Task[None] | None = None
        self._making_up: asyncio.Task[None] | None = None
        self._repairing: asyncio.Task[None] | None = None
        self._teaching: set[bytes] = set()
        self._not_before = 0.0
        self._make_up_not_before = 0.0
        self.is_released = False

    def start(self, tasks: Tasks) -> None:
        """From now on there is somebody to ask. What runs in the background ends with `tasks`."""
        self._tasks = tasks

    # Rosters

    def hear(self, member: bytes, epoch: int) -> None:
        """A member speaks of an epoch: whoever of the two is behind gets the rosters.

        In the background, and not too often.
        """
        known, now = self._rosters.epoch, asyncio.get_running_loop().time()
        if self._tasks is None or epoch in (0, known):
            return
        if epoch < known:
            if member not in self._teaching:
                self._teaching.add(member)
                self._tasks.spawn(self._teach(member, epoch))
        elif now >= self._not_before and (self._learning is None or self._learning.done()):
            self._learning = self._tasks.spawn(self._fetch_up_to(member, epoch))

    def miss(self, epoch: int) -> None:
        """Something is said to be of an epoch that this node has not heard of: ask who may know."""
        ring = self._rosters.ring
        others = sorted(ring.members - {self._key}) if ring is not None else []
        if others:
            self.hear(others[int(randomness.fraction() * len(others))], epoch)

    async def _teach(self, member: bytes, epoch: int) -> None:
        try:
            while (signed := self._rosters.signed(epoch + 1)) is not None:
                if not fits_a_datagram(signed):
                    return  # it has to ask the authority
                answer = await self._ask(member, OfferRoster(self._key, signed), RosterTaken)
                if answer is None or answer.known <= epoch:
                    return
                epoch = answer.known
        finally:
            self._teaching.discard(member)

    def take(self, roster: Signed[Roster]) -> "RosterTaken | Awaitable[RosterTaken]":
        """Whoever offers it: the authority has signed it, or not. Only the next one is read."""
        try:
            epoch = codec.decode(roster.content, Roster).epoch
        except ValueError:
            return RosterTaken(self._rosters.epoch)
        if self._rosters.ring is None or epoch != self._rosters.epoch + 1:
            return RosterTaken(self._rosters.epoch)
        return self._take(roster)

    async def _take(self, roster: Signed[Roster]) -> RosterTaken:
        try:
            if await self._rosters.adopt(roster):
                self.turned()
        except RosterRefused:
            self._counters["false_rosters"] += 1
        return RosterTaken(self._rosters.epoch)

    async def learn(self, member: bytes, epoch: int) -> None:
        """The same, and wait for it."""
        self.hear(member, epoch)
        if self._learning is not None:
            await asyncio.wait((self._learning,))

    async def _fetch_up_to(self, member: bytes, epoch: int) -> None:
        while (known := self._rosters.epoch) < epoch:
            await self._fetch_next(member)
            if self._rosters.epoch == known and self._fetch is not None:
                await self._fetch(known)
            if self._rosters.epoch == known:
                pause = self._settings.rosters_again_seconds
                self._not_before = asyncio.get_running_loop().time() + pause
                return

    async def _fetch_next(self, member: bytes) -> None:
        request = RosterRequest(self._key, self._rosters.epoch + 1)
        answer = await self._ask(member, request, RosterReply)
        if answer is not None and answer.roster is not None:
            await self._take(answer.roster)

    # Taking over

    def turned(self) -> None:
        """A roster has been adopted."""
        self.is_released = False
        if self._tasks is not None and (self._settling is None or self._settling.done()):
            self._settling = self._tasks.spawn(self._settle())

    def go_on(self) -> None:
        """After a start: with the turns that are left, or with leaving."""
        has_left = not self._is_member and self._rosters.last_with(self._key) > 0
        if not self._standing.is_settled or (has_left and not self.is_released):
            self.turned()

    @property
    def _is_member(self) -> bool:
        """In the newest roster: it may have turned meanwhile."""
        return self._key in self._rosters.current.members

    async def _settle(self) -> None:
        """Whatever fails meanwhile: a member that stopped here would vote no more."""
        pause = self._settings.first_pause_seconds
        while True:
            try:
                if await self._is_through():
                    return
            except Exception:
                log.exception("a turn of the epoch is tried again")
            await asyncio.sleep(pause)
            pause = min(2 * pause, self._settings.longest_pause_seconds)

    async def _is_through(self) -> bool:
        if self._rosters.ring is None:
            return True
        await self._refresh()
        if self._is_member:
            await self._puller.run()
            return self._is_member and self._standing.is_settled
        self.is_released = await self._is_free()
        return self.is_released

    async def _is_free(self) -> bool:
        """Of every range this node has left, q of those who keep it now are settled."""
        turn = self._rosters.last_with(self._key) + 1
        before, after = self._rosters.of(turn - 1), self._rosters.of(turn)
        if before is None or after is None:
            return True
        sets = [new for old, new in turned_sets(before, after) if self._key in old]
        wanted: set[bytes] = set().union(*sets)
        told = await asyncio.gather(*(self._has_made(member, turn) for member in sorted(wanted)))
        settled = {member for member, yes in zip(sorted(wanted), told, strict=True) if yes}
        return all(len(new & settled) >= after.roster.q for new in sets)

    async def _has_made(self, member: bytes, turn: int) -> bool:
        """Whoever asks with the turn after it is told of that very epoch."""
        is_last = self._rosters.of(turn + 1) is None
        request = HoldsRequest(self._key, LAST, 0 if is_last else turn + 1)
        answer = await self._ask(member, request, HoldsAnswer)
        if answer is None:
            return False
        return answer.through >= turn if is_last else answer.settled

    # Epochs that were skipped

    def be_asked(self, member: bytes, turn: int) -> None:
        """A member that makes a turn needs this one to be settled in the epoch before it.

        Where it skipped that epoch it makes it up now, and the member asks again. All who skipped
        would wait for each other for ever otherwise.
        """
        now = asyncio.get_running_loop().time()
        if self._tasks is None or self._rosters.of(turn) is None:
            return
        if not self._rosters.last_with(member):
            return  # it was never one
        is_busy = self._making_up is not None and not self._making_up.done()
        if is_busy or now < self._make_up_not_before or self._standing.was_settled(turn - 1):
            return
        self._make_up_not_before = now + self._settings.first_pause_seconds
        self._making_up = self._tasks.spawn(self._puller.make_up(turn - 1))

    # Repair

    def keep_repairing(self) -> None:
        """Now and then, each node at times of its own."""
        seconds = self._settings.repair_seconds
        running = self._repairing is not None and not self._repairing.done()
        if self._tasks is not None and seconds > 0 and not running:
            share = digest("repair", self._key)[0] / 255
            self._repairing = self._tasks.spawn(self._repair_every(seconds * (0.75 + share / 2)))

    async def _repair_every(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            if self._standing.is_settled:
                await self._puller.repair()
