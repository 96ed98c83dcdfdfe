"""What a replica answers. It saves, and only then says so.

A member abstains ("not-synced") until its votes have been read back. In the first epoch nobody
can have voted before, so it votes at once then; a member of a later epoch abstains until it has
taken over its ranges from that key's earlier replicas, which is the epoch turn's work.
"""

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

from crypto import codec
from crypto.signing import SigningKey
from dht.errors import RecordRefused
from dht.records import (
    Body,
    Certificate,
    InvalidCertificate,
    Put,
    RegisterName,
    Vote,
    cast_vote,
)
from dht.registers import Entry, Registers, with_certificate, with_put
from dht.rosters import FIRST_EPOCH, Rosters
from dht.settings import MAX_BODY_BYTES, MAX_PUT_BYTES, DhtSettings
from dht.wire import (
    PAGE_ITEMS,
    Copy,
    FetchAnswer,
    FetchRequest,
    Holding,
    HoldsAnswer,
    HoldsRequest,
    KeepAnswer,
    KeepRequest,
    PutAnswer,
    PutRequest,
    ReadAnswer,
    ReadRequest,
    Wanted,
)

Validator = Callable[[Put, int], None]
"""A namespace's whole check of a put at a moment (ms): the record, its predecessor, its evidence,
the object's windows. Raises RecordRefused."""

SCANNED_FOR_A_PAGE = 512
_ANSWER_OVERHEAD = 64

log = logging.getLogger(__name__)


class Replica:
    """The storage half of a node. Without `is_member` it holds nothing and votes nowhere."""

    def __init__(
        self,
        *,
        key: SigningKey,
        is_member: bool,
        registers: Registers,
        rosters: Rosters,
        validators: Mapping[str, Validator],
        now: Callable[[], int],
        settings: DhtSettings,
        counters: Counter[str],
    ) -> None:
        self._key = key
        self._is_member = is_member
        self.registers = registers
        self._rosters = rosters
        self._validators = validators
        self._now = now
        self._settings = settings
        self._counters = counters
        self._in_hand = 0

    @property
    def is_synced(self) -> bool:
        """May vote and say "absent"."""
        ring = self._rosters.ring
        return self.registers.is_loaded and ring is not None and ring.roster.epoch == FIRST_EPOCH

    def is_mine(self, name: RegisterName, member: bytes | None = None) -> bool:
        """This node (or another member) is among the k closest to the register's key."""
        ring, key = self._rosters.ring, member or self._key.public_key
        if ring is None or (member is None and not self._is_member):
            return False
        return key in ring.closest(name.key)

    # Put

    def put(self, request: PutRequest) -> "PutAnswer | Awaitable[PutAnswer]":
        return self.take(request.put)

    def take(self, put: Put) -> "PutAnswer | Awaitable[PutAnswer]":
        """Check, save, vote. The same body again gets the same answer, straight from disk."""
        if not self.is_synced:
            return PutAnswer("not-synced")
        try:
            body = codec.decode(put.record.signed.content, Body)
            digest = put.record.digest
            size = len(codec.encode(put))
        except ValueError:
            return PutAnswer("refused", code="dht/malformed-record")
        if size > MAX_PUT_BYTES:
            return PutAnswer("refused", code="dht/put-too-large")
        if not self.is_mine(body.name):
            return PutAnswer("refused", code="dht/not-among-the-closest")
        held = self.registers.get(body.name)
        if held is not None and held.settles(digest):
            return self._answer(held, digest)
        if self._is_busy:
            return PutAnswer("busy")
        refusal = self._refusal(body, put)
        return refusal or self._save(body.name, put)

    def _refusal(self, body: Body, put: Put) -> PutAnswer | None:
        validator = self._validators.get(body.namespace)
        if validator is None:
            return PutAnswer("refused", code="dht/unknown-namespace")
        try:
            validator(put, self._now())
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

    async def _save(self, name: RegisterName, put: Put) -> PutAnswer:
        if self._is_busy:  # others that came in the same moment were faster
            return PutAnswer("busy")
        self._in_hand += 1
        try:
            entry = await self.registers.change(
                name, lambda held: self._noted(held, with_put(held, name, put, self._cast))
            )
        finally:
            self._in_hand -= 1
        return self._answer(entry, put.record.digest)

    def _cast(self, put: Put) -> tuple[Vote, int]:
        ring = self._rosters.current
        body = codec.decode(put.record.signed.content, Body)
        epoch = ring.roster.epoch
        return cast_vote(self._key, body.name, put.record.digest, epoch, ring.digest), epoch

    def _noted(self, held: Entry | None, entry: Entry) -> Entry:
        if held is None:
            self._counters["votes_cast"] += 1
        elif len(entry.digests) > len(held.digests):
            self._counters["conflicts"] += 1
        return entry

    def _answer(self, entry: Entry, digest: bytes) -> PutAnswer:
        """The vote if this is the body voted for; and whatever else is known there."""
        voted = entry.put.record.digest == digest
        rival, certificate = None, None
        if entry.certificate is not None and entry.certified != digest:
            certificate = entry.certificate
        elif not voted:
            rival = entry.put
        elif entry.rival is not None:
            rival = entry.rival
        return PutAnswer(
            "voted" if voted else "conflict",
            entry.vote if voted else None,
            rival,
            certificate,
            entry.certified == digest,
        )

    # Certificates

    def keep(self, request: KeepRequest) -> "KeepAnswer | Awaitable[KeepAnswer]":
        return self.take_certificate(request.certificate)

    def take_certificate(self, certificate: Certificate) -> "KeepAnswer | Awaitable[KeepAnswer]":
        """Check it, keep it, serve it from now on."""
        if not self.is_synced:
            return KeepAnswer("not-synced")
        if self._is_busy:
            return KeepAnswer("busy")
        try:
            name = self._rosters.check(certificate, own=self._own_vote(certificate)).name
        except InvalidCertificate:
            return KeepAnswer("refused")
        if not self.is_mine(name):
            return KeepAnswer("refused")
        return self._save_certificate(name, certificate)

    def _own_vote(self, certificate: Certificate) -> Vote | None:
        """Our vote in it need not be verified: it stands in our registers."""
        try:
            body = codec.decode(certificate.record.signed.content, Body)
        except ValueError:
            return None
        held = self.registers.get(body.name)
        if held is None or held.put.record.digest != certificate.record.digest:
            return None
        return held.vote if held.epoch == certificate.epoch else None

    async def _save_certificate(self, name: RegisterName, certificate: Certificate) -> KeepAnswer:
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
            await self.registers.change(name, rule)
        finally:
            self._in_hand -= 1
        return KeepAnswer("kept")

    # Reading

    def read(self, request: ReadRequest) -> ReadAnswer:
        if not self.is_synced:
            return ReadAnswer("not-synced")
        if not self.is_mine(request.name):
            return ReadAnswer("not-mine")
        held = self.registers.get(request.name)
        if held is None:
            return ReadAnswer("absent")
        vote = held.vote if held.certificate is None else None
        return ReadAnswer("held", held.records, vote, held.certificate)

    def holds(self, request: HoldsRequest) -> HoldsAnswer:
        """One page of the registers that are the sender's as well as ours."""
        if not self.is_synced:
            return HoldsAnswer("not-synced")
        page: list[Holding] = []
        cursor = b""
        for place, summary in self.registers.after(request.after, SCANNED_FOR_A_PAGE):
            cursor = place
            if self.is_mine(summary.name, request.sender):
                page.append(Holding(summary.name, summary.digests, summary.certified))
            if len(page) == PAGE_ITEMS:
                break
        return HoldsAnswer("page", tuple(page), cursor)

    def fetch(self, request: FetchRequest) -> FetchAnswer:
        """As many of the copies as one datagram holds, in the order they were asked for."""
        if not self.is_synced:
            return FetchAnswer("not-synced")
        copies: list[Copy] = []
        seen, size = 0, _ANSWER_OVERHEAD
        for wanted in request.wanted:
            copy = self._copy(wanted)
            if copy is not None:
                size += len(codec.encode(copy))
                if size > MAX_BODY_BYTES:
                    break
                copies.append(copy)
            seen += 1
        return FetchAnswer("copies", seen, tuple(copies))

    def _copy(self, wanted: Wanted) -> Copy | None:
        held = self.registers.get(wanted.name)
        if held is None:
            return None
        if held.certificate is not None and held.certified == wanted.digest:
            return Copy(certificate=held.certificate)
        for put in (held.put, held.rival):
            if put is not None and put.record.digest == wanted.digest:
                return Copy(put=put)
        return None
