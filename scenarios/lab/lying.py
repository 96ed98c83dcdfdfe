"""A replica that lies, in every way it can, as its owner asks it to."""

import asyncio
from collections.abc import Awaitable
from typing import Any, Literal, get_args

from msgspec.structs import replace

from crypto import codec
from crypto.documents import sign_document
from dht.member import Replica
from dht.node import DhtNode
from dht.records import Body, Put, Record, cast_vote
from dht.wire import (
    FetchAnswer,
    FetchRequest,
    HoldsRequest,
    KeepAnswer,
    KeepRequest,
    PutAnswer,
    PutRequest,
    ReadAnswer,
    ReadRequest,
)

Lie = Literal["votes", "absent", "forges", "drops", "delays"]
"""votes: for every body, shows no conflict and keeps nothing; absent: knows of nothing when read;
forges: shows a rival of its own making; drops: says nothing; delays: says the truth, late."""
LIES: tuple[Lie, ...] = get_args(Lie)
LATE_SECONDS = 0.3


class LyingReplica(Replica):
    """Honest until it is told to lie."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.lies: frozenset[Lie] = frozenset()

    def put(self, request: PutRequest) -> Any:
        """None is no answer at all."""
        if "drops" in self.lies:
            return None
        if "forges" in self.lies:
            return self._forged(request.put)
        if "votes" in self.lies:
            return self._vote_for(request.put)
        return self._late(super().put(request))

    def _vote_for(self, put: Put) -> PutAnswer:
        ring = self._rosters.current
        name, epoch = codec.decode(put.record.signed.content, Body).name, ring.roster.epoch
        vote = cast_vote(self._key, name, put.record.digest, epoch, ring.digest)
        return PutAnswer("voted", vote, epoch=epoch)

    def _forged(self, put: Put) -> PutAnswer:
        """A rival that its alleged payer never signed."""
        body = codec.decode(put.record.signed.content, Body)
        mine = replace(body, payer=self._key.public_key, payee=self._key.public_key)
        forged = Put(Record(sign_document(mine, self._key)), put.predecessor, put.evidence)
        return PutAnswer("conflict", None, forged, epoch=self._rosters.epoch)

    def keep(self, request: KeepRequest) -> Any:
        if "drops" in self.lies:
            return None
        if {"votes", "absent"} & self.lies:
            return KeepAnswer("kept")
        return self._late(super().keep(request))

    def read(self, request: ReadRequest) -> Any:
        if "drops" in self.lies:
            return None
        if {"votes", "absent"} & self.lies:
            return ReadAnswer("absent", epoch=self._rosters.epoch)
        return self._late(super().read(request))

    def holds(self, request: HoldsRequest) -> Any:
        """Whoever takes over from it learns nothing."""
        if "drops" in self.lies:
            return None
        honest = super().holds(request)
        return replace(honest, holdings=(), next=b"") if self.lies - {"delays"} else honest

    def fetch(self, request: FetchRequest) -> Any:
        if "drops" in self.lies:
            return None
        if self.lies - {"delays"}:
            return FetchAnswer("copies", len(request.wanted))
        return super().fetch(request)

    def _late(self, answer: Any) -> Any:
        return self._said_late(answer) if "delays" in self.lies else answer

    async def _said_late(self, answer: Any) -> Any:
        await asyncio.sleep(LATE_SECONDS)
        return await answer if isinstance(answer, Awaitable) else answer


class LyingNode(DhtNode):
    replica_class = LyingReplica

    def tell(self, lies: frozenset[Lie]) -> None:
        """From now on; none: the truth."""
        assert isinstance(self._replica, LyingReplica), "its class says so"
        self._replica.lies = lies
