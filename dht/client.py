"""The writer's and the reader's side: ask all k, count only what is proven, tell answers apart.

A record is accepted when q of its key's k closest members voted for it and none has shown another
valid one before all k had answered, or before a grace time after the q-th vote had passed. Too
few votes are "pending": the same put again completes it.
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
from dht.wire import (
    KeepAnswer,
    KeepRequest,
    PutAnswer,
    PutRequest,
    ReadAnswer,
    ReadRequest,
    Request,
)

A = TypeVar("A")
AGAIN = frozenset({"busy", "not-synced"})
"""Answers that say: ask me later."""


class Asking(Protocol):
    """Ask one member, this node itself included; None if it is silent."""

    async def __call__(self, member: bytes, request: Request, answer: type[A]) -> A | None: ...


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
    try:
        while waiting and (left := ends_at() - loop.time()) > 0:
            done, waiting = await asyncio.wait(
                waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                task.result()
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


class Client:
    """Puts and reads registers on behalf of one key, a member's or not."""

    def __init__(
        self,
        *,
        key: bytes,
        ask: Asking,
        certified: Callable[[Certificate, tuple[bytes, ...]], None],
        rosters: Rosters,
        validators: Mapping[str, Validator],
        now: Callable[[], int],
        settings: DhtSettings,
        counters: Counter[str],
    ) -> None:
        self.key = key
        self._ask = ask
        self._certified = certified
        self.rosters = rosters
        self.validators = validators
        self.now = now
        self.settings = settings
        self.counters = counters
        self._turn = asyncio.Semaphore(settings.max_rounds_at_once)

    async def ask_until_answered(
        self, member: bytes, request: Request, answer: type[A], final: Callable[[A], bool]
    ) -> A:
        """Ask a silent or busy member again and again, ever more slowly. Cancel to end it."""
        pause = self.settings.first_pause_seconds
        while True:
            got = await self._ask(member, request, answer)
            if got is not None and final(got):
                return got
            await asyncio.sleep(pause)
            pause = min(2 * pause, self.settings.longest_pause_seconds)

    async def put(self, put: Put, seconds: float) -> Written:
        """Raises NoRoster, MessageTooLarge, and ValueError for a record not signed by its payer.

        `certified` is told of a certificate, and which of the k do not keep it yet.
        """
        round_ = PutRound(self, put, seconds)
        await self._run(round_)
        written = round_.written()
        if written.certificate is not None:
            self.rosters.remember(written.certificate, round_.body)
            self._certified(written.certificate, round_.unaware())
        return written

    async def read(self, name: RegisterName, seconds: float) -> Reading:
        """Raises NoRoster."""
        round_ = ReadRound(self, name, seconds)
        await self._run(round_)
        return round_.reading()

    async def _run(self, round_: "PutRound | ReadRound") -> None:
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
            got = await self._ask(member, request, KeepAnswer)
            if got is not None and got.state not in AGAIN:
                return got.state == "kept"
            await asyncio.sleep(pause)
            pause = min(2 * pause, self.settings.longest_pause_seconds)
        self.counters["handovers_given_up"] += 1
        return False


class _Round:
    """One question to the k closest members of one register."""

    def __init__(self, client: Client, name: RegisterName, seconds: float) -> None:
        self._client = client
        self.name = name
        self._ring: Ring = client.rosters.current
        self.members = self._ring.closest(name.key)
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._deadline = self._began + seconds
        self._decided_at: float | None = None
        """When what was asked for was there; the others have the grace time from then on."""

    @property
    def _q(self) -> int:
        return self._ring.roster.q

    def ends_at(self) -> float:
        if self._decided_at is None:
            return self._deadline
        return min(self._deadline, self._decided_at + self._client.settings.grace_seconds)

    def _decide(self) -> None:
        if self._decided_at is None:
            self._decided_at = self._loop.time()


class PutRound(_Round):
    def __init__(self, client: Client, put: Put, seconds: float) -> None:
        self.body: Body = put.record.body()
        if len(codec.encode(put)) > MAX_PUT_BYTES:
            raise MessageTooLarge(f"a put has at most {MAX_PUT_BYTES} bytes")
        super().__init__(client, self.body.name, seconds)
        self._put = put
        self._digest = put.record.digest
        self._request = PutRequest(client.key, put)
        self._votes: dict[bytes, tuple[Vote, float]] = {}
        self._conflicts: dict[bytes, Record] = {}
        self._refusals: list[Refusal] = []
        self._heard: set[bytes] = set()
        self._aware: set[bytes] = set()

    async def ask(self, member: bytes) -> None:
        answer = await self._client.ask_until_answered(
            member, self._request, PutAnswer, lambda a: a.state not in AGAIN
        )
        self._heard.add(member)
        self._take(member, answer)

    def _take(self, member: bytes, answer: PutAnswer) -> None:
        if answer.state == "refused":
            self._refusals.append(Refusal(member, answer.code, answer.detail))
            return
        rival = self._rival(answer)
        if rival is not None:
            self._conflicts[rival.digest] = rival
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
        ring = self._ring
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
            self._client.counters["false_conflicts"] += 1
            return None
        return shown if body.name == self.name else None

    def _opened(self, answer: PutAnswer, shown: Record) -> Body:
        """Certified; or by our own payer; or valid in the eyes of the namespace's check."""
        if answer.rival_certificate is not None:
            return self._client.rosters.check(answer.rival_certificate)
        body = shown.body()
        assert answer.rival is not None, "one of the two is shown"
        if body.index > 0 and body.payer == self.body.payer:
            return body
        validator = self._client.validators.get(body.namespace)
        if validator is None:
            raise RecordRefused("dht/unknown-namespace")
        validator(answer.rival, self._client.now())
        return body

    def ends_at(self) -> float:
        roster = self._ring.roster
        if len(self._refusals) > roster.k - roster.q:
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
            conflicts=tuple(self._conflicts.values()),
            refusals=tuple(self._refusals),
            silent=tuple(m for m in self.members if m not in self._heard),
        )

    def _certificate(self) -> Certificate | None:
        votes = [vote for vote, _ in self._votes.values()]
        return self._ring.certificate(self._put.record, votes)


class ReadRound(_Round):
    def __init__(self, client: Client, name: RegisterName, seconds: float) -> None:
        super().__init__(client, name, seconds)
        self._request = ReadRequest(client.key, name)
        self._records: dict[bytes, Record] = {}
        self._holders: dict[bytes, list[bytes]] = {}
        self._votes: dict[bytes, dict[bytes, Vote]] = {}
        self._certificate: Certificate | None = None
        self._heard: set[bytes] = set()
        self._answered = 0

    async def ask(self, member: bytes) -> None:
        answer = await self._client.ask_until_answered(
            member, self._request, ReadAnswer, lambda a: a.state != "not-synced"
        )
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
                if self._client.rosters.check(answer.certificate).name == self.name:
                    self._certificate = answer.certificate
            except InvalidCertificate:
                self._client.counters["false_certificates"] += 1
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
            certificate = self._ring.certificate(record, self._verified(digest, votes))
            if certificate is not None:
                return certificate
        return None

    def _verified(self, digest: bytes, votes: dict[bytes, Vote]) -> list[Vote]:
        good = []
        for vote in votes.values():
            try:
                check_vote(vote, self.name, digest, self._ring.roster.epoch, self._ring.digest)
                good.append(vote)
            except InvalidSignature:
                self._client.counters["false_votes"] += 1
        return good
