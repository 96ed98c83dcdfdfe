"""Replicas that lie: what counts is what is proven, by q of the k closest."""

import asyncio
import random
from collections.abc import Awaitable
from pathlib import Path

import pytest
from msgspec.structs import replace

from crypto import codec
from crypto.documents import Signed, sign_document
from dht.member import Replica
from dht.network_in_memory import MemoryNetwork
from dht.node import DhtNode
from dht.records import Body, Put, Record, Roster, Vote, cast_vote
from dht.wire import KeepAnswer, KeepRequest, PutAnswer, PutRequest, ReadAnswer, ReadRequest
from tests.dht.worlds import key_of, keys, opening, payment, signed_roster, world

ALICE, BOB, CAROL, LIAR = (key_of(n) for n in ("alice", "bob", "carol", "liar"))
MEMBERS = keys(16)
PUT = opening(1, ALICE)
NAME = PUT.record.body().name
ROSTER = codec.decode(signed_roster(MEMBERS, 8, 6).content, Roster)
pytestmark = pytest.mark.asyncio


class SignsWithAStrangersKey(Replica):
    """The vote of somebody who is no member."""

    def put(self, request: PutRequest) -> PutAnswer:
        ring = self._rosters.current
        body = codec.decode(request.put.record.signed.content, Body)
        vote = cast_vote(LIAR, body.name, request.put.record.digest, 1, ring.digest)
        return PutAnswer("voted", vote)


class PassesOffAnothersVote(Replica):
    """A vote as if it came from the nearest member."""

    def put(self, request: PutRequest) -> PutAnswer:
        ring = self._rosters.current
        body = codec.decode(request.put.record.signed.content, Body)
        nearest = ring.closest(body.name.key)[0]
        if nearest == self._key.public_key:
            nearest = ring.closest(body.name.key)[1]
        vote = cast_vote(self._key, body.name, request.put.record.digest, 1, ring.digest)
        return PutAnswer("voted", Vote(nearest, vote.signature))


class VotesForSomethingElse(Replica):
    """A true vote, for another value, epoch or roster."""

    def put(self, request: PutRequest) -> PutAnswer:
        body = codec.decode(request.put.record.signed.content, Body)
        ring = self._rosters.current
        return PutAnswer("voted", cast_vote(self._key, body.name, bytes(32), 1, ring.digest))


class VotesInAnotherEpoch(Replica):
    def put(self, request: PutRequest) -> PutAnswer:
        body = codec.decode(request.put.record.signed.content, Body)
        ring = self._rosters.current
        digest = request.put.record.digest
        return PutAnswer("voted", cast_vote(self._key, body.name, digest, 2, ring.digest))


class SaysNothing(Replica):
    """Neither a vote nor a conflict."""

    def put(self, request: PutRequest) -> PutAnswer:
        return PutAnswer("voted")


class InventsAConflict(Replica):
    """Shows a record of its own making, to keep others from being paid."""

    def put(self, request: PutRequest) -> "PutAnswer | Awaitable[PutAnswer]":
        body = codec.decode(request.put.record.signed.content, Body)
        made_up = replace(body, payer=LIAR.public_key, payee=LIAR.public_key)
        record = Record(sign_document(made_up, LIAR))
        return PutAnswer("conflict", None, Put(record, request.put.predecessor, b""))


class ShowsAnotherRegister(Replica):
    """A true record, of another register, as if it were a conflict."""

    def put(self, request: PutRequest) -> PutAnswer:
        return PutAnswer("conflict", None, opening(999, ALICE))


class VotesForEveryone(Replica):
    """Votes for every valid body, shows no conflict and knows of nothing when asked."""

    def put(self, request: PutRequest) -> PutAnswer:
        body = codec.decode(request.put.record.signed.content, Body)
        ring = self._rosters.current
        digest = request.put.record.digest
        return PutAnswer("voted", cast_vote(self._key, body.name, digest, 1, ring.digest))

    def keep(self, request: KeepRequest) -> KeepAnswer:
        return KeepAnswer("kept")

    def read(self, request: ReadRequest) -> ReadAnswer:
        return ReadAnswer("absent")


class InventsRecords(Replica):
    """Answers reads with records that no payer signed, and a certificate that is none."""

    def read(self, request: ReadRequest) -> ReadAnswer:
        body = replace(PUT.record.body(), index=request.name.index, payee=LIAR.public_key)
        return ReadAnswer("held", (Record(Signed(codec.encode(body), (bytes(64),))),))


def node_of(replica: type[Replica]) -> type[DhtNode]:
    return type(replica.__name__, (DhtNode,), {"replica_class": replica})


NO_VOTES = [
    SignsWithAStrangersKey,
    PassesOffAnothersVote,
    VotesForSomethingElse,
    VotesInAnotherEpoch,
    SaysNothing,
    InventsAConflict,
    ShowsAnotherRegister,
]


@pytest.mark.parametrize("cheat", NO_VOTES)
async def test_what_is_no_vote_of_one_of_the_closest_is_not_counted(
    tmp_path: Path, cheat: type[Replica]
) -> None:
    liars = ROSTER.closest(NAME.key)[:3]
    cheats = {key: node_of(cheat) for key in liars}
    async with world(tmp_path, network=MemoryNetwork(), cheats=cheats) as made:
        client = await made.client()
        written = await client.put(PUT, seconds=2)
        assert written.certificate is None
        assert written.conflicts == ()
        assert not {vote.voter for vote in written.votes} & set(liars)
        assert {refusal.voter for refusal in written.refusals} == set(liars)


@pytest.mark.parametrize("cheat", NO_VOTES)
async def test_k_minus_q_liars_keep_nobody_from_being_paid(
    tmp_path: Path, cheat: type[Replica]
) -> None:
    liars = ROSTER.closest(NAME.key)[:2]
    cheats = {key: node_of(cheat) for key in liars}
    async with world(tmp_path, network=MemoryNetwork(), cheats=cheats) as made:
        client = await made.client()
        assert (await client.put(PUT, seconds=5)).accepted


async def test_an_invented_conflict_at_a_signed_step_is_not_believed(tmp_path: Path) -> None:
    chain = PUT.record.body().name
    step = replace(chain, index=1)
    liars = ROSTER.closest(step.key)[:2]
    cheats = {key: node_of(InventsAConflict) for key in liars}
    async with world(tmp_path, network=MemoryNetwork(), cheats=cheats) as made:
        client = await made.client()
        opened = await client.put(PUT, seconds=5)
        assert opened.certificate is not None
        written = await client.put(payment(opened.certificate, ALICE, BOB), seconds=5)
        assert written.name == step
        assert written.accepted
        assert client.counters["false_conflicts"] >= 2


async def test_invented_records_are_not_read(tmp_path: Path) -> None:
    liars = ROSTER.closest(NAME.key)[:2]
    cheats = {key: node_of(InventsRecords) for key in liars}
    async with world(tmp_path, network=MemoryNetwork(), cheats=cheats) as made:
        client = await made.client()
        reading = await client.read(NAME, seconds=5)
        assert reading.records == ()
        assert reading.absent is True


async def test_two_liars_of_eight_make_no_double_spend(tmp_path: Path) -> None:
    """Section "When a payment is good": q = 6 with f = 2 that vote for everyone, 60 races."""
    network = MemoryNetwork(seed=7, delay=(0.0, 0.01))
    cheats = {key.public_key: node_of(VotesForEveryone) for key in MEMBERS[:4]}
    drawn = random.Random(7)
    async with world(tmp_path, network=network, cheats=cheats) as made:
        one, two = await made.client("one"), await made.client("two")
        races = 0
        while races < 60:
            certificate = await made.certified_opening(one, ALICE)
            left, right = payment(certificate, ALICE, BOB), payment(certificate, ALICE, CAROL)
            closest = set(made.closest(left.record.body().name))
            if len(closest & set(cheats)) > 2:
                continue
            races += 1
            network.delay = (0.0, drawn.choice([0.002, 0.01, 0.02]))
            outcomes = await asyncio.gather(one.put(left, seconds=5), two.put(right, seconds=5))
            assert not all(outcome.certificate for outcome in outcomes), f"race {races}"
