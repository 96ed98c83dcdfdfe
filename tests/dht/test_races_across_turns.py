"""Two writers, one register, and epochs that turn meanwhile: never are both accepted.

And by handmade schedules, what the rules are for: without the seal, or without the taking over,
both are.
"""

import asyncio
import random
from collections.abc import Awaitable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from crypto import codec
from dht.member import Replica
from dht.network_in_memory import MemoryNetwork
from dht.node import DhtNode, Written
from dht.records import Body, Certificate, Put, RegisterName, cast_vote
from dht.registers import Ballot, with_put
from dht.standing import Standing
from dht.wire import PutAnswer, PutRequest
from tests.dht.worlds import World, key_of, keys, payment, until, world

ALICE, BOB, CAROL = key_of("alice"), key_of("bob"), key_of("carol")
MEMBERS = keys(20)
pytestmark = pytest.mark.asyncio


# Races


@pytest.mark.parametrize("seed", range(2))
async def test_races_at_every_point_of_a_turn_have_one_winner_at_most(
    tmp_path: Path, seed: int
) -> None:
    """Members, writers and newcomers each learn of the turn at a moment of their own.

    In each of four turns two members leave, one of them for good before the others are through,
    and one joins; twelve coins are paid twice before, at and after it.
    """
    drawn = random.Random(seed)
    network = MemoryNetwork(seed=seed, delay=(0.0, 0.004))
    async with world(tmp_path, 18, network=network) as made:
        one, two = await made.client("one"), await made.client("two")
        accepted = [0, 0, 0]
        for turn in range(4):
            coins = [await made.certified_opening(one, ALICE) for _ in range(12)]
            turning = asyncio.create_task(turn_somehow(made, drawn, turn))
            races = [race(made, drawn, (one, two), certificate) for certificate in coins]
            for ended in await asyncio.gather(*races):
                accepted[ended] += 1
            await turning
        assert accepted[2] == 0
        assert accepted[1] > 0


async def turn_somehow(made: World, drawn: random.Random, number: int) -> None:
    await asyncio.sleep(drawn.uniform(0, 0.05))
    [newcomer] = keys(1, f"newcomer {number}")
    gone = drawn.sample(list(made.addresses), 2)
    made.next_roster(leaving=gone[: drawn.choice([1, 2])], joining=[newcomer])
    joining = asyncio.create_task(made.start(newcomer))
    told = drawn.sample(list(made.nodes), len(made.nodes))
    for key in told[: drawn.randint(1, len(told))]:
        await made.tell(key)
        await asyncio.sleep(drawn.uniform(0, 0.01))
    restarted = drawn.choice(sorted(set(made.addresses) - set(gone)))
    await made.stop(restarted)
    await made.start(made.key(restarted))
    await joining
    await made.tell()
    await made.settled()


async def race(
    made: World, drawn: random.Random, writers: tuple[DhtNode, DhtNode], certificate: Certificate
) -> int:
    puts = [payment(certificate, ALICE, payee) for payee in (BOB, CAROL)]
    start = drawn.uniform(0, 0.25)

    async def write(writer: DhtNode, put: Put, late: float) -> Written:
        await asyncio.sleep(start + late)
        return await writer.put(put, seconds=10)

    late = [drawn.uniform(0, 0.02) for _ in puts]
    outcomes = await asyncio.gather(
        *(write(*each) for each in zip(writers, puts, late, strict=True))
    )
    assert not all(outcome.certificate for outcome in outcomes), outcomes
    return sum(outcome.accepted for outcome in outcomes)


# Handmade: three epochs, in each turn two of the register's replicas leave.


class VotesWithoutTakingOver(Standing):
    """Without rule 3: new to a key, it votes there at once and asks nobody."""

    def may_vote(self, key: bytes) -> bool:
        return True

    def _to_take_over(self, turn: int) -> list[frozenset[bytes]]:
        return []


class DoesNotAsk(DhtNode):
    standing_class = VotesWithoutTakingOver

    def __init__(self, **made: Any) -> None:
        super().__init__(**made)

        async def nothing(member: bytes) -> None: ...

        self._puller._catch_up = nothing


class VotesInOldEpochs(Replica):
    """Without rule 2: whoever asks in an earlier epoch still gets a vote for it."""

    def put(self, request: PutRequest) -> "PutAnswer | Awaitable[PutAnswer]":
        if 0 < request.epoch < self._rosters.epoch:
            return self._late(request)
        return super().put(request)

    async def _late(self, request: PutRequest) -> PutAnswer:
        ring = self._rosters.of(request.epoch)
        assert ring is not None
        digest = request.put.record.digest
        name = codec.decode(request.put.record.signed.content, Body).name

        def cast(put: Put) -> Ballot:
            return cast_vote(self._key, name, digest, request.epoch, ring.digest), request.epoch

        entry = await self.registers.change(
            name, lambda held: with_put(held, name, request.put, cast)
        )
        voted = entry.put.record.digest == digest
        return PutAnswer("voted" if voted else "conflict", entry.vote if voted else None)


class DoesNotSeal(DhtNode):
    replica_class = VotesInOldEpochs


class Schedule:
    """One coin, paid to Bob in epoch 1 by a writer that never hears of another epoch, and to
    Carol in epoch 3 by one that reaches only those who have not voted for Bob."""

    def __init__(self, made: World, one: DhtNode, two: DhtNode, puts: list[Put]) -> None:
        self.made = made
        self.one, self.two = one, two
        self.bob, self.carol = puts
        self.name: RegisterName = puts[0].record.body().name
        self.before = made.closest(self.name)
        self._old: set[tuple[str, int]] = set()
        self._new: set[tuple[str, int]] = set()
        assert made.network is not None
        made.network.reaches = self._reaches

    def _reaches(self, source: tuple[str, int], target: tuple[str, int]) -> bool:
        one, two = self.one._server.address, self.two._server.address
        if one in (source, target):
            return {source, target} - {one} <= self._old
        if two in (source, target):
            return {source, target} - {two} <= self._new
        return True

    def lets_bob_reach(self, *members: bytes) -> None:
        self._old = {self.made.addresses[key] for key in members}

    def lets_carol_reach(self, *members: bytes) -> None:
        self._new = {self.made.addresses[key] for key in members}

    async def turn(self, *gone: bytes) -> None:
        """Two leave. All learn of it; the others' next two take their place."""
        self.made.next_roster(leaving=gone)
        everybody = [key for key in self.made.nodes if key in self.made.addresses]
        await self.made.tell(*everybody)
        await self.made.settled()

    async def carol_is_paid(self) -> Written:
        """By those who were new in epoch 2 or 3, and the two whom Bob's payment never reached."""
        now = self.made.closest(self.name)
        kept = self.before[:6]
        self.lets_carol_reach(*(key for key in now if key not in kept))
        for roster in (*self.made.history[1:], self.made.roster):
            await self.two.adopt(roster)
        return await self.two.put(self.carol, seconds=1)


async def schedule(made: World) -> Schedule:
    one, two = await made.client("one"), await made.client("two")
    certificate = await made.certified_opening(one, ALICE)
    puts = [payment(certificate, ALICE, payee) for payee in (BOB, CAROL)]
    return Schedule(made, one, two, puts)


def ring_of(tmp_path: Path, cheat: type[DhtNode]) -> AbstractAsyncContextManager[World]:
    cheats = {key.public_key: cheat for key in MEMBERS}
    return world(tmp_path, 20, network=MemoryNetwork(), cheats=cheats)


async def paid_before_the_turns(made: World) -> tuple[Written, Written]:
    """Bob's six votes are complete in epoch 1; nobody is handed the certificate."""
    plan = await schedule(made)
    plan.lets_bob_reach(*plan.before[:6])
    bob = await plan.one.put(plan.bob, seconds=1)
    await plan.one.close()
    await plan.turn(*plan.before[:2])
    await plan.turn(*plan.before[2:4])
    return bob, await plan.carol_is_paid()


@pytest.mark.parametrize(("cheat", "both"), [(DhtNode, False), (DoesNotAsk, True)])
async def test_without_taking_over_two_turns_forget_a_payment(
    tmp_path: Path, cheat: type[DhtNode], both: bool
) -> None:
    """Rule 3. Of eight witnesses four are new after two turns, and two were never asked."""
    async with ring_of(tmp_path, cheat) as made:
        bob, carol = await paid_before_the_turns(made)
        assert bob.accepted
        assert carol.accepted is both
        assert bool(carol.conflicts) is not both, "and whoever has asked can show why"


async def paid_while_they_turn(made: World) -> tuple[Written, Written]:
    """Bob's writer stays in epoch 1 and gets two votes after each turn."""
    plan = await schedule(made)
    first = plan.before
    paying = asyncio.create_task(plan.one.put(plan.bob, seconds=20))
    for gone in (first[:2], first[2:4]):
        await plan.turn(*gone)
        plan.lets_bob_reach(*first[: first.index(gone[1]) + 1])
        await until_voted_or_refused(made, plan, gone)
    plan.lets_bob_reach(*first[:6])
    await until_voted_or_refused(made, plan, first[4:6])
    carol = await plan.carol_is_paid()
    if not isinstance(made.nodes[first[0]], DoesNotSeal):
        paying.cancel()
        [bob] = await asyncio.gather(paying, return_exceptions=True)
        assert isinstance(bob, asyncio.CancelledError)
        return await plan.one.put(plan.bob, seconds=0.5), carol
    return await paying, carol


async def until_voted_or_refused(made: World, plan: Schedule, members: tuple[bytes, ...]) -> None:
    """The put has reached them."""
    counts = {key: made.nodes[key].counters["datagrams_in"] for key in members}

    def reached() -> bool:
        return all(made.nodes[key].counters["datagrams_in"] > counts[key] + 1 for key in members)

    def voted() -> bool:
        return all(
            any(held.name == plan.name for held in made.nodes[key].registers()) for key in members
        )

    is_cheat = isinstance(made.nodes[members[0]], DoesNotSeal)
    await until(voted if is_cheat else reached, 20)


@pytest.mark.parametrize(("cheat", "both"), [(DhtNode, False), (DoesNotSeal, True)])
async def test_without_the_seal_votes_for_an_old_epoch_pass_by_those_who_took_over(
    tmp_path: Path, cheat: type[DhtNode], both: bool
) -> None:
    """Rule 2. Each vote for Bob is given after its giver has shown what it holds."""
    async with ring_of(tmp_path, cheat) as made:
        bob, carol = await paid_while_they_turn(made)
        assert carol.accepted
        assert bob.accepted is both
