"""The writer's and the reader's side: ask all k, count only what is proven, tell answers apart.

A record is accepted when q of its key's k closest members voted for it and none has shown another
valid one before all k had answered, or before a grace time after the q-th vote had passed. Too
few votes are "pending": the same put again completes it. One question is a round (`rounds.py`).
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

from dht.member import Validator
from dht.outcomes import Reading, Written
from dht.records import Certificate, Put, Record, RegisterName
from dht.rosters import Rosters
from dht.rounds import AGAIN, Asking, PutRound, ReadRound, side_by_side
from dht.settings import DhtSettings
from dht.wire import KeepAnswer, KeepRequest


class Client:
    """Puts and reads registers on behalf of one key, a member's or not."""

    def __init__(
        self,
        *,
        key: bytes,
        ask: Asking,
        learn: Callable[[bytes, int], Awaitable[None]],
        locate: Callable[[bytes], Awaitable[object]] | None,
        certified: Callable[[Certificate, tuple[bytes, ...]], None],
        rosters: Rosters,
        validators: Mapping[str, Validator],
        now: Callable[[], int],
        settings: DhtSettings,
        counters: Counter[str],
    ) -> None:
        self.key = key
        self.ask = ask
        self._learn = learn
        self._locate = locate
        self._certified = certified
        self.rosters = rosters
        self.validators = validators
        self.now = now
        self.settings = settings
        self.counters = counters
        self._turn = asyncio.Semaphore(settings.max_rounds_at_once)

    async def learn(self, member: bytes, epoch: int) -> None:
        """A member says that the epoch has turned: adopt the rosters, if there are any."""
        await self._learn(member, epoch)

    async def put(self, put: Put, seconds: float) -> Written:
        """Raises NoRoster, MessageTooLarge, and ValueError for a record not signed by its payer.

        `certified` is told of a certificate, and who of the k may not keep it yet. Where the epoch
        turns meanwhile, the same put begins again there.
        """
        began = asyncio.get_running_loop().time()
        known: dict[bytes, Record] = {}
        while True:
            await self._find(put.record.body().name)
            round_ = PutRound(self, put, (began, began + seconds), known)
            await self._run(round_)
            if not round_.is_outdated:
                break
            known = round_.conflicts
        written = round_.written()
        if written.certificate is not None:
            self.rosters.remember(written.certificate, round_.body)
            now = set(self.rosters.current.closest(round_.name.key)).difference(round_.members)
            self._certified(written.certificate, (*round_.unaware(), *now))
        return written

    async def read(self, name: RegisterName, seconds: float) -> Reading:
        """Raises NoRoster."""
        began = asyncio.get_running_loop().time()
        while True:
            await self._find(name)
            round_ = ReadRound(self, name, (began, began + seconds))
            await self._run(round_)
            if not round_.is_outdated:
                return round_.reading()

    async def _find(self, name: RegisterName) -> None:
        """In open membership: who is closest is found, not known."""
        if self._locate is not None:
            await self._locate(name.key)

    async def _run(self, round_: PutRound | ReadRound) -> None:
        """The time spent waiting for its turn is the round's own."""
        try:
            async with asyncio.timeout_at(round_.ends_at()):
                await self._turn.acquire()
        except TimeoutError:
            return
        try:
            await side_by_side(round_.members, round_.ask, round_.ends_at)
        finally:
            self._turn.release()

    async def hand_over(self, certificate: Certificate, member: bytes) -> bool:
        """Best effort: a few tries. True if the member keeps it (or never will)."""
        request = KeepRequest(self.key, certificate)
        pause = self.settings.first_pause_seconds
        for _ in range(self.settings.handover_attempts):
            got = await self.ask(member, request, KeepAnswer)
            if got is not None and got.state not in AGAIN:
                return got.state == "kept"
            await asyncio.sleep(pause)
            pause = min(2 * pause, self.settings.longest_pause_seconds)
        self.counters["handovers_given_up"] += 1
        return False
