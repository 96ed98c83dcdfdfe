"""A member of the ring that, once bribed, votes for whatever good record it is shown (DC-A16).

It checks as everybody does and keeps what it is sent; but it has a vote for each of two records of
one register, and shows neither of them to anybody. In all else, and before, it is an honest peer.
"""

import inspect
from collections.abc import Awaitable
from typing import Any

from msgspec.structs import replace

from crypto import codec
from dht.member import Replica
from dht.node import DhtNode
from dht.records import Body, Put, Vote, cast_vote
from dht.wire import HoldsAnswer, HoldsRequest, PutAnswer, PutRequest, ReadAnswer, ReadRequest
from nodes.runtime.control import Request
from nodes.runtime.party import Party
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings
from scenarios.adversaries.peer import put_together


class Bribe(Request, frozen=True):
    """From now on."""


class DoubleVoter(Replica):
    is_bribed = False

    def put(self, request: PutRequest) -> Awaitable[PutAnswer]:
        return self._agree(request)

    async def _agree(self, request: PutRequest) -> PutAnswer:
        answer = super().put(request)
        if inspect.isawaitable(answer):
            answer = await answer
        if not self.is_bribed or answer.state not in ("voted", "conflict"):
            return answer
        vote = self._vote_for(request.put)
        return replace(answer, state="voted", vote=vote, rival=None, rival_certificate=None)

    def _vote_for(self, put: Put) -> Vote:
        ring, name = self._rosters.current, codec.decode(put.record.signed.content, Body).name
        return cast_vote(self._key, name, put.record.digest, ring.roster.epoch, ring.digest)

    def read(self, request: ReadRequest) -> ReadAnswer:
        answer = super().read(request)
        if not self.is_bribed or answer.state != "held":
            return answer
        return replace(answer, state="absent", records=(), vote=None, certificate=None)

    def holds(self, request: HoldsRequest) -> HoldsAnswer:
        """Nothing for a member that was away and asks what it missed."""
        answer = super().holds(request)
        return replace(answer, holdings=()) if self.is_bribed else answer


class BribableNode(DhtNode):
    replica_class = DoubleVoter

    def take_bribe(self) -> None:
        assert isinstance(self._replica, DoubleVoter), "its class says so"
        self._replica.is_bribed = True


def build(settings: Settings) -> Service:
    parts = put_together(settings, node=BribableNode)

    async def take_bribe(_: Bribe, __: Party) -> dict[str, Any]:
        assert isinstance(parts.ring.dht, BribableNode), "it was made as one"
        parts.ring.dht.take_bribe()
        return {}

    parts.service.operation("bribe", Bribe, take_bribe, "Vote for everything, and show nothing")
    return parts.service
