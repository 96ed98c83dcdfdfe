"""What a replica answers. It saves, and only then says so.

A member abstains ("not-synced") until its votes have been read back, and at a key that it is new
to until it has taken over what that key's replicas before held (`standing.py`). It votes in one
epoch at a time: a vote that was cast in an epoch is given out in that epoch or not at all.
"""

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

from crypto import codec
from crypto.signing import SigningKey
from dht.errors import RecordRefused
from dht.handing import copies_of, matches, page_of
from dht.records import (
    Body,
    Certificate,
    InvalidCertificate,
    Put,
    RegisterName,
    Vote,
    cast_vote,
)
from dht.registers import Ballot, Entry, Registers, with_certificate, with_put
from dht.rosters import Rosters
from dht.settings import MAX_PUT_BYTES, DhtSettings
from dht.standing import Standing
from dht.wire import (
    FetchAnswer,
    FetchRequest,
    HoldsAnswer,
    HoldsRequest,
    KeepAnswer,
    KeepRequest,
    PutAnswer,
    PutRequest,
    ReadAnswer,
    ReadRequest,
)

Validator = Callable[[Put, int], None]
"""A namespace's whole check of a put at a moment (ms): the record, its predecessor, its evidence,
the object's windows. Raises RecordRefused."""

LONG_AGO = 0
"""A time at which no window had closed yet: others voted while they were open."""
NO_BALLOT: Ballot = (None, 0)

log = logging.getLogger(__name__)


class _Moved(Exception):
    """The epoch has turned while a put waited for the disk."""


class Replica:
    """The storage half of a node. Without `is_member` it holds nothing and votes nowhere."""

    def __init__(
        self,
        *,
        key: SigningKey,
        is_member: bool,
        registers: Registers,
        rosters: Rosters,
        standing: Standing,
        validators: Mapping[str, Validator],
        now: Callable[[], int],
        settings: DhtSettings,
        counters: Counter[str],
    ) -> None:
        self._key = key
        self._is_member = is_member
        self.registers = registers
        self._rosters = rosters
        self._standing = standing
        self._validators = validators
        self._now = now
        self._settings = settings
        self._counters = counters
        self._in_hand = 0

    @property
    def is_synced(self) -> bool:
        """May answer at all."""
        return self.registers.is_loaded and self._rosters.ring is not None

    def may_vote(self, name: RegisterName) -> bool:
        """And say "absent": it knows all that those before it have voted for."""
        return self.is_mine(name) and self._standing.may_vote(name.key)

    def _is_of_now(self, epoch: int) -> bool:
        return epoch in (0, self._rosters.epoch)

    def is_mine(self, name: RegisterName) -> bool:
        """This node is among the k closest to the register's key."""
        ring = self._rosters.ring
        if ring is None or not self._is_member:
            return False
        return self._key.public_key in ring.closest(name.key)

    # Put

    def put(self, request: PutRequest) -> "PutAnswer | Awaitable[PutAnswer]":
        if not self._is_of_now(request.epoch):
            return self._not_synced()
        return self.take(request.put)

    def _not_synced(self) -> PutAnswer:
        return PutAnswer("not-synced", epoch=self._rosters.epoch)

    def take(self, put: Put) -> "PutAnswer | Awaitable[PutAnswer]":
        """Check, save, vote. The same body again gets the same answer, straight from disk."""
        if not self.is_synced:
            return self._not_synced()
        try:
            body, digest = self._read(put)
        except RecordRefused as refused:
            return PutAnswer("refused", code=refused.code)
        if not self.is_mine(body.name):
            return PutAnswer("refused", code="dht/not-among-the-closest")
        if not self.may_vote(body.name):
            return self._not_synced()
        held = self.registers.get(body.name)
        if held is not None and held.is_final_for(digest):
            return self._answer(held, digest)
        if self._is_busy:
            return PutAnswer("busy")
        refusal = self._refusal(body, put, self._now())
        return refusal or self._save(body.name, put)

    def take_over(self, put: Put) -> "PutAnswer | Awaitable[PutAnswer]":
        """What another replica held without a certificate: checked like a put, save for its time.

        Where this replica may not vote yet, or not any more at this time, it stands unvoted.
        """
        try:
            body, _ = self._read(put)
        except RecordRefused as refused:
            return PutAnswer("refused", code=refused.code)
        late = self._refusal(body, put, self._now())
        if late is not None and self._refusal(body, put, LONG_AGO) is not None:
            return late
        return self._save(body.name, put, may_vote=late is None)

    def _read(self, put: Put) -> tuple[Body, bytes]:
        """The body, nothing of it checked, and its digest. Raises RecordRefused."""
        try:
            body = put.record.unchecked()
            digest = put.record.digest
            size = len(codec.encode(put))
        except ValueError as error:
            raise RecordRefused("dht/malformed-record") from error
        if size > MAX_PUT_BYTES:
            raise RecordRefused("dht/put-too-large")
        return body, digest

    def _refusal(self, body: Body, put: Put, now: int) -> PutAnswer | None:
        validator = self._validators.get(body.namespace)
        if validator is None:
            return PutAnswer("refused", code="dht/unknown-namespace")
        try:
            validator(put, now)
        except RecordRefused as refused:
            self._counters["refusals"] += 1
            return PutAnswer("refused", code=refused.code[:80], detail=refused.detail[:400])
        except Exception:
            log.exception("the check of a record in %r failed", body.namespace)
            return PutAnswer("refused", code="dht/check-failed")
        return None

    @property
    def _is_busy(self) -> bool:
        return self._in_hand >= self._settings.max_puts_in_hand

    @property
    def _is_crowded(self) -> bool:
        """What waits for the disk here is better written now than joined by more."""
        return 4 * self._in_hand >= self._settings.max_puts_in_hand

    async def _save(self, name: RegisterName, put: Put, *, may_vote: bool = True) -> PutAnswer:
        if self._is_busy:  # others that came in the same moment were faster
            return PutAnswer("busy")
        ring = self._rosters.current

        def rule(held: Entry | None) -> Entry:
            if self._rosters.current is not ring:
                raise _Moved
            return self._noted(held, with_put(held, name, put, self._cast if may_vote else _no))

        self._in_hand += 1
        try:
            entry = await self.registers.change(name, rule)
        except _Moved:
            return self._not_synced()
        finally:
            self._in_hand -= 1
        if self._rosters.current is not ring:  # saved, but nobody has seen the vote: nor will he
            return self._not_synced()
        return self._answer(entry, put.record.digest)

    def _cast(self, put: Put) -> Ballot:
        body = put.record.unchecked()
        return self._ballot(body.name, put) if self.may_vote(body.name) else NO_BALLOT

    def _ballot(self, name: RegisterName, put: Put) -> tuple[Vote, int]:
        ring = self._rosters.current
        epoch = ring.roster.epoch
        return cast_vote(self._key, name, put.record.digest, epoch, ring.digest), epoch

    def _noted(self, held: Entry | None, entry: Entry) -> Entry:
        if entry.vote is not None and (held is None or held.vote is None):
            self._counters["votes_cast"] += 1
        if held is not None and len(entry.digests) > len(held.digests):
            self._counters["conflicts"] += 1
        return entry

    def _answer(self, entry: Entry, digest: bytes) -> PutAnswer:
        """The vote if this is the body voted for; and whatever else is known there."""
        vote = self._vote(entry) if entry.put.record.digest == digest else None
        voted = vote is not None
        rival, certificate = None, None
        if entry.certificate is not None and entry.certified != digest:
            certificate = entry.certificate
        elif entry.put.record.digest != digest:
            rival = entry.put
        elif entry.rival is not None:
            rival = entry.rival
        return PutAnswer(
            "voted" if voted else "conflict",
            vote,
            rival,
            certificate,
            entry.certified == digest,
            epoch=self._rosters.epoch,
        )

    def _vote(self, entry: Entry) -> Vote | None:
        """In the current epoch: the same body again, which is no second vote."""
        if entry.vote is None or entry.epoch == self._rosters.epoch:
            return entry.vote
        return self._ballot(entry.name, entry.put)[0]

    # Certificates

    def keep(self, request: KeepRequest) -> "KeepAnswer | Awaitable[KeepAnswer]":
        return self.take_certificate(request.certificate)

    def take_certificate(
        self, certificate: Certificate, *, handed_over: bool = False
    ) -> "KeepAnswer | Awaitable[KeepAnswer]":
        """Check it, keep it, serve it from now on.

        `handed_over`: this node has asked for it, and it may be of a turn that is over already.
        """
        if not self.is_synced or certificate.epoch > self._rosters.epoch:
            return KeepAnswer("not-synced")
        if self._is_busy:
            return KeepAnswer("busy")
        try:
            name = self._rosters.check(certificate, own=self._own_vote(certificate)).name
        except InvalidCertificate:
            return KeepAnswer("refused")
        if handed_over:
            return self._save_certificate(name, certificate, 0.0)
        if not self.is_mine(name):
            return KeepAnswer("refused")
        kept = self.registers.summary(name)
        if kept is not None and kept.certified == certificate.record.digest:
            return KeepAnswer("kept")
        patience = 0.0 if self._is_crowded else self._settings.keep_patience_seconds
        return self._save_certificate(name, certificate, patience)

    def _own_vote(self, certificate: Certificate) -> Vote | None:
        """Our vote in it need not be verified: it stands in our registers."""
        try:
            body = certificate.record.unchecked()
        except ValueError:
            return None
        held = self.registers.get(body.name)
        if held is None or held.put.record.digest != certificate.record.digest:
            return None
        return held.vote if held.epoch == certificate.epoch else None

    async def _save_certificate(
        self, name: RegisterName, certificate: Certificate, patience: float
    ) -> KeepAnswer:
        def rule(held: Entry | None) -> Entry:
            entry = with_certificate(held, name, certificate, self._cast)
            if entry.certified != certificate.record.digest:
                log.error("two certificates for one register: more witnesses lie than tolerated")
                self._counters["double_certificates"] += 1
            return self._noted(held, entry)

        if self._is_busy:
            return KeepAnswer("busy")
        self._in_hand += 1
        try:
            await self.registers.change(name, rule, patience=patience)
        finally:
            self._in_hand -= 1
        return KeepAnswer("kept")

    # Reading

    def read(self, request: ReadRequest) -> ReadAnswer:
        epoch = self._rosters.epoch
        if not self.is_synced or not self._is_of_now(request.epoch):
            return ReadAnswer("not-synced", epoch=epoch)
        if not self.is_mine(request.name):
            return ReadAnswer("not-mine", epoch=epoch)
        if not self.may_vote(request.name):
            return ReadAnswer("not-synced", epoch=epoch)
        held = self.registers.get(request.name)
        if held is None:
            return ReadAnswer("absent", epoch=epoch)
        vote = self._vote(held) if held.certificate is None else None
        return ReadAnswer("held", held.records, vote, held.certificate, epoch)

    def holds(self, request: HoldsRequest) -> HoldsAnswer:
        """One page of the registers held here that are the sender's too."""
        epoch = self._rosters.epoch
        ring = self._rosters.of(request.turn or epoch)
        if not self.is_synced or ring is None:
            return HoldsAnswer("not-synced", epoch=epoch)

        def is_shared(name: RegisterName) -> bool:
            return request.sender in ring.closest(name.key)

        settled = self._standing.was_settled(ring.roster.epoch - 1)
        through = self._standing.settled
        if request.matching and matches(
            self.registers, request, lambda name: is_shared(name) and self.is_mine(name)
        ):
            return HoldsAnswer("same", epoch=epoch, settled=settled, through=through)
        page, cursor = page_of(self.registers, request, is_shared)
        return HoldsAnswer("page", page, cursor, epoch, settled, through)

    def fetch(self, request: FetchRequest) -> FetchAnswer:
        if not self.is_synced:
            return FetchAnswer("not-synced")
        return copies_of(self.registers, request)


def _no(put: Put) -> Ballot:
    return NO_BALLOT
