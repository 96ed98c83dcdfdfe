"""One question to the k closest members of a register: a put, or a reading.

Only what is proven counts, and only within one epoch's roster: a round that is shown a newer one
ends, and whoever asked begins again there, with the same bytes.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol, TypeVar

from crypto import codec
from crypto.signing import InvalidSignature
from dht.errors import MessageTooLarge, RecordRefused
from dht.member import Validator
from dht.outcomes import CountedVote, Reading, Refusal, SeenRecord, Written
from dht.records import (
    Body,
    Certificate,
    InvalidCertificate,
    Put,
    Record,
    RegisterName,
    Vote,
    check_vote,
)
from dht.rosters import Ring, Rosters
from dht.settings import MAX_PUT_BYTES, DhtSettings
from dht.wire import PutAnswer, PutRequest, ReadAnswer, ReadRequest, Request

A = TypeVar("A")
R = TypeVar("R", PutAnswer, ReadAnswer)
AGAIN = frozenset({"busy", "not-synced"})
"""Answers that say: ask me later."""


class Asking(Protocol):
    """Ask one member, this node itself included; None if it is silent."""

    async def __call__(self, member: bytes, request: Request, answer: type[A]) -> A | None: ...


class Asker(Protocol):
    """Who asks: what a round needs of a `Client`."""

    key: bytes
    ask: Asking
    rosters: Rosters
    validators: Mapping[str, Validator]
    now: Callable[[], int]
    settings: DhtSettings
    counters: Counter[str]

    async def learn(self, member: bytes, epoch: int) -> None:
        """A member says that the epoch has turned: adopt the rosters, if there are any."""


async def side_by_side(
    members: tuple[bytes, ...],
    each: Callable[[bytes], Coroutine[Any, Any, None]],
    ends_at: Callable[[], float],
) -> None:
    """Run `each` for all members until all are done or the moment `ends_at()` has come.

    The moment (loop time) is asked for again after every answer.
    """
    loop = asyncio.get_running_loop()
    waiting = {loop.create_task(each(member)) for member in members}
    failures: list[BaseException] = []
    changed = asyncio.Event()

    def ended(task: asyncio.Task[None]) -> None:
        waiting.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            failures.append(failure)
        if failures or not waiting or ends_at() != end:
            changed.set()

    end = ends_at()
    for task in waiting:
        task.add_done_callback(ended)
    try:
        while waiting and not failures and end > loop.time():
            changed.clear()
            timer = loop.call_at(end, changed.set)
            try:
                await changed.wait()
            finally:
                timer.cancel()
            end = ends_at()
        if failures:
            raise failures[0]
    finally:
        await _cancelled(waiting)


async def _cancelled(tasks: set[asyncio.Task[None]]) -> None:
    left = list(tasks)
    for task in left:
        task.cancel()
    if left:
        await asyncio.gather(*left, return_exceptions=True)


class Round:
    """`times`: when it was asked for first, and until when; the event loop's."""

    def __init__(self, asker: Asker, name: RegisterName, times: tuple[float, float]) -> None:
        self._asker = asker
        self.name = name
        self.ring: Ring = asker.rosters.current
        self.members = self.ring.closest(name.key)
        self._loop = asyncio.get_running_loop()
        self._began, self._deadline = times
        self._decided_at: float | None = None
        """When what was asked for was there; the others have the grace time from then on."""

    @property
    def _q(self) -> int:
        return self.ring.roster.q

    @property
    def is_outdated(self) -> bool:
        """The epoch has turned before anything was decided."""
        return self._decided_at is None and self._asker.rosters.current is not self.ring

    def ends_at(self) -> float:
        if self.is_outdated:
            return self._began
        if self._decided_at is None:
            return self._deadline
        return min(self._deadline, self._decided_at + self._asker.settings.grace_seconds)

    def _decide(self) -> None:
        if self._decided_at is None:
            self._decided_at = self._loop.time()

    async def _answer(self, member: bytes, request: Request, answer: type[R]) -> R | None:
        """Ask a silent or busy member again and again, ever more slowly. Cancel to end it.

        None once the round is outdated.
        """
        settings = self._asker.settings
        pause = settings.first_pause_seconds
        while not self.is_outdated:
            got = await self._asker.ask(member, request, answer)
            if got is not None:
                if got.epoch > self.ring.roster.epoch:
                    await self._asker.learn(member, got.epoch)
                elif got.state not in AGAIN:
                    return got
            await asyncio.sleep(pause)
            pause = min(2 * pause, settings.longest_pause_seconds)
        return None


class PutRound(Round):
    """`known`: conflicts that were shown in an earlier round of the same put."""

    def __init__(
        self, asker: Asker, put: Put, times: tuple[float, float], known: Mapping[bytes, Record]
    ) -> None:
        self.body: Body = put.record.body()
        if len(codec.encode(put)) > MAX_PUT_BYTES:
            raise MessageTooLarge(f"a put has at most {MAX_PUT_BYTES} bytes")
        super().__init__(asker, self.body.name, times)
        self._put = put
        self._digest = put.record.digest
        self._request = PutRequest(asker.key, put, self.ring.roster.epoch)
        self._votes: dict[bytes, tuple[Vote, float]] = {}
        self.conflicts: dict[bytes, Record] = dict(known)
        self._refusals: list[Refusal] = []
        self._heard: set[bytes] = set()
        self._aware: set[bytes] = set()

    async def ask(self, member: bytes) -> None:
        answer = await self._answer(member, self._request, PutAnswer)
        if answer is not None:
            self._heard.add(member)
            self._take(member, answer)

    def _take(self, member: bytes, answer: PutAnswer) -> None:
        if answer.state == "refused":
            self._refusals.append(Refusal(member, answer.code, answer.detail))
            return
        rival = self._rival(answer)
        if rival is not None:
            self.conflicts[rival.digest] = rival
            self._decide()
        if answer.vote is None:
            if rival is None:
                self._refusals.append(Refusal(member, "dht/no-vote-and-no-conflict", ""))
        elif self._is_good(member, answer.vote):
            self._votes[member] = (answer.vote, 1000 * (self._loop.time() - self._began))
            if answer.certified:
                self._aware.add(member)
            if len(self._votes) >= self._q:
                self._decide()
        else:
            self._refusals.append(Refusal(member, "dht/false-vote", ""))

    def _is_good(self, member: bytes, vote: Vote) -> bool:
        """The one place where a vote is verified: it counts for this member, body and epoch."""
        if vote.voter != member:
            return False
        ring = self.ring
        try:
            check_vote(vote, self.name, self._digest, ring.roster.epoch, ring.digest)
        except InvalidSignature:
            return False
        return True

    def _rival(self, answer: PutAnswer) -> Record | None:
        """Another record for this register, if it is shown to be valid."""
        shown = answer.rival.record if answer.rival is not None else None
        if answer.rival_certificate is not None:
            shown = answer.rival_certificate.record
        if shown is None or shown.digest == self._digest:
            return None
        try:
            body = self._opened(answer, shown)
        except (ValueError, RecordRefused):
            self._asker.counters["false_conflicts"] += 1
            return None
        return shown if body.name == self.name else None

    def _opened(self, answer: PutAnswer, shown: Record) -> Body:
        """Certified; or by our own payer; or valid in the eyes of the namespace's check."""
        if answer.rival_certificate is not None:
            return self._asker.rosters.check(answer.rival_certificate)
        body = shown.body()
        assert answer.rival is not None, "one of the two is shown"
        if body.index > 0 and body.payer == self.body.payer:
            return body
        validator = self._asker.validators.get(body.namespace)
        if validator is None:
            raise RecordRefused("dht/unknown-namespace")
        validator(answer.rival, self._asker.now())
        return body

    def ends_at(self) -> float:
        if len(self._refusals) > self.ring.roster.k - self._q:
            return self._began
        return super().ends_at()

    def unaware(self) -> tuple[bytes, ...]:
        """Members that have not said that they keep this record as certified."""
        return tuple(m for m in self.members if m not in self._aware)

    def written(self) -> Written:
        return Written(
            name=self.name,
            votes=tuple(CountedVote(voter, ms) for voter, (_, ms) in self._votes.items()),
            certificate=self._certificate(),
            conflicts=tuple(self.conflicts.values()),
            refusals=tuple(self._refusals),
            silent=tuple(m for m in self.members if m not in self._heard),
        )

    def _certificate(self) -> Certificate | None:
        votes = [vote for vote, _ in self._votes.values()]
        return self.ring.certificate(self._put.record, votes)


class ReadRound(Round):
    def __init__(self, asker: Asker, name: RegisterName, times: tuple[float, float]) -> None:
        super().__init__(asker, name, times)
        self._request = ReadRequest(asker.key, name, self.ring.roster.epoch)
        self._records: dict[bytes, Record] = {}
        self._holders: dict[bytes, list[bytes]] = {}
        self._votes: dict[bytes, dict[bytes, Vote]] = {}
        self._certificate: Certificate | None = None
        self._heard: set[bytes] = set()
        self._answered = 0

    async def ask(self, member: bytes) -> None:
        answer = await self._answer(member, self._request, ReadAnswer)
        if answer is None:
            return
        self._heard.add(member)
        if answer.state == "not-mine":
            return
        self._answered += 1
        for record in answer.records:
            self._see(member, record)
        self._count(member, answer)
        if self._answered >= self._q:
            self._decide()

    def _see(self, member: bytes, record: Record) -> None:
        digest = record.digest
        if digest not in self._records:
            try:
                body = record.body()
            except ValueError:
                return
            if body.name != self.name:
                return
            self._records[digest] = record
        self._holders.setdefault(digest, []).append(member)

    def _count(self, member: bytes, answer: ReadAnswer) -> None:
        if answer.certificate is not None and self._certificate is None:
            try:
                if self._asker.rosters.check(answer.certificate).name == self.name:
                    self._certificate = answer.certificate
            except InvalidCertificate:
                self._asker.counters["false_certificates"] += 1
        if answer.vote is not None and answer.vote.voter == member and answer.records:
            digest = answer.records[0].digest
            self._votes.setdefault(digest, {})[member] = answer.vote

    def reading(self) -> Reading:
        certificate = self._certificate or self._assembled()
        if self._records or certificate is not None:
            absent: bool | None = False
        else:
            absent = True if self._answered >= self._q else None
        return Reading(
            name=self.name,
            records=tuple(
                SeenRecord(record, tuple(self._holders[digest]))
                for digest, record in self._records.items()
            ),
            certificate=certificate,
            answered=self._answered,
            silent=tuple(m for m in self.members if m not in self._heard),
            absent=absent,
        )

    def _assembled(self) -> Certificate | None:
        """q votes seen at their replicas make the certificate that nobody handed over."""
        for digest, votes in self._votes.items():
            record = self._records.get(digest)
            if record is None or len(votes) < self._q:
                continue
            certificate = self.ring.certificate(record, self._verified(digest, votes))
            if certificate is not None:
                return certificate
        return None

    def _verified(self, digest: bytes, votes: dict[bytes, Vote]) -> list[Vote]:
        good = []
        for vote in votes.values():
            try:
                check_vote(vote, self.name, digest, self.ring.roster.epoch, self.ring.digest)
                good.append(vote)
            except InvalidSignature:
                self._asker.counters["false_votes"] += 1
        return good
