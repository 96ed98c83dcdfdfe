"""Copies that were lost come back, evidence too, and nobody is flooded for it."""

import asyncio
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from dht.errors import RecordRefused
from dht.network_in_memory import MemoryNetwork
from dht.node import DhtNode
from dht.records import Certificate, RegisterName
from dht.wire import PutAnswer, PutRequest
from tests.dht.worlds import QUICK, World, key_of, opening, payment, until, world

ALICE, BOB, CAROL = key_of("alice"), key_of("bob"), key_of("carol")
WAVES = 8
OPEN = replace(QUICK, membership="open", timeout_seconds=0.05, retries=1)
pytestmark = pytest.mark.asyncio


class Written:
    """Certified steps, and coins that were paid twice: one certified, and both shown."""

    def __init__(self) -> None:
        self.certified: dict[RegisterName, bytes] = {}
        self.evidence: dict[RegisterName, set[bytes]] = {}

    async def write(self, made: World, client: DhtNode, count: int) -> None:
        for number in range(count):
            certificate = await made.certified_opening(client, ALICE)
            self._note(certificate)
            if number % 3 == 0:
                await self._pay_twice(client, certificate)

    def _note(self, certificate: Certificate) -> None:
        self.certified[certificate.record.body().name] = certificate.record.digest

    async def _pay_twice(self, client: DhtNode, certificate: Certificate) -> None:
        one, two = payment(certificate, ALICE, BOB), payment(certificate, ALICE, CAROL)
        paid = await client.put(one, seconds=10)
        assert paid.certificate is not None
        await client.put(two, seconds=10)
        self._note(paid.certificate)
        self.evidence[paid.name] = {one.record.digest, two.record.digest}


async def certificates_everywhere(made: World, written: Written) -> None:
    """Handing them over is background work."""

    def is_kept(name: RegisterName) -> bool:
        return all(
            any(held.name == name and held.certified for held in made.nodes[key].registers())
            for key in made.closest(name)
        )

    await until(lambda: all(is_kept(name) for name in written.certified), 30)


def copies(made: World) -> tuple[Counter[RegisterName], Counter[RegisterName]]:
    """Of certified records with their certificates, and of both bodies of a conflict."""
    certified: Counter[RegisterName] = Counter()
    evidence: Counter[RegisterName] = Counter()
    for key, node in made.nodes.items():
        if key not in made.addresses:
            continue
        for held in node.registers():
            certified[held.name] += held.certified
            evidence[held.name] += held.conflict
    return certified, evidence


async def repair_all(made: World) -> int:
    members = [node for key, node in made.nodes.items() if key in made.addresses]
    return sum(await asyncio.gather(*(node.repair() for node in members)))


async def test_what_a_member_lost_is_restored_and_then_nothing_is_sent(memory: World) -> None:
    """A disk can not be lost with its key; here a member was never asked in the first place."""
    client = await memory.client()
    written = Written()
    sender = key_of("client").public_key
    certificate = await memory.certified_opening(client, ALICE)
    left, right = payment(certificate, ALICE, BOB), payment(certificate, ALICE, CAROL)
    name = left.record.body().name
    closest = memory.closest(name)
    for put in (left, right):
        await client._ask(closest[0], PutRequest(sender, put), PutAnswer)
    written._note(certificate)
    await certificates_everywhere(memory, written)
    assert await repair_all(memory) >= 2 * 7
    for key in closest:
        [held] = [r for r in memory.nodes[key].registers() if r.name == name]
        assert set(held.digests) == {left.record.digest, right.record.digest}
    before = sum(node.counters["datagrams_out"] for node in memory.nodes.values())
    assert await repair_all(memory) == 0
    sent = sum(node.counters["datagrams_out"] for node in memory.nodes.values()) - before
    pairs = sum(
        len(node._rosters.current.sharing(key))
        for key, node in memory.nodes.items()
        if key in memory.addresses
    )
    assert sent <= 2 * pairs, "a question and an answer for each that shares a range"


async def test_a_record_that_is_handed_over_late_gives_no_vote(memory: World) -> None:
    """Nobody votes for what only a neighbour shows, unless he might have been asked himself."""
    client = await memory.client()
    put = opening(1, ALICE)
    name = put.record.body().name
    closest = memory.closest(name)
    await client._ask(closest[0], PutRequest(key_of("client").public_key, put), PutAnswer)
    late = memory.nodes[closest[1]]

    def refuse_now(put: object, now: int) -> None:
        if now > 0:
            raise RecordRefused("token/too-late")

    late._replica._validators = {"token": refuse_now}
    late._replica._now = lambda: 1
    assert await late.repair() == 1
    entry = late._replica.registers.get(name)
    assert entry is not None
    assert entry.vote is None
    answer = await client._ask(closest[1], PutRequest(b"c" * 32, put), PutAnswer)
    assert (answer.state, answer.code) == ("refused", "token/too-late")


async def test_repair_runs_by_itself(tmp_path: Path) -> None:
    settings = replace(QUICK, repair_seconds=0.2)
    async with world(tmp_path, network=MemoryNetwork(), settings=settings) as made:
        client = await made.client()
        put = opening(1, ALICE)
        name = put.record.body().name
        closest = made.closest(name)
        await client._ask(closest[0], PutRequest(key_of("client").public_key, put), PutAnswer)

        def holders() -> int:
            return sum(
                any(held.name == name for held in made.nodes[key].registers()) for key in closest
            )

        await until(lambda: holders() == 8, 10)


async def test_eight_waves_of_deaths_in_open_membership_lose_no_record_and_no_evidence(
    tmp_path: Path,
) -> None:
    """A tenth dies at a time; who is next takes its place and fetches what it has to keep."""
    drawn = random.Random(8)
    async with world(tmp_path, 32, network=MemoryNetwork(), settings=OPEN) as made:
        client = await made.client()
        written = Written()
        await written.write(made, client, 15)
        for _ in range(WAVES):
            alive = sorted(made.addresses)
            for key in drawn.sample(alive, round(len(alive) / 10)):
                await made.stop(key)
                del made.addresses[key]
            await repair_all(made)  # the dead are found out
            await repair_all(made)  # and their places taken
        certified, evidence = copies(made)
        assert len(made.addresses) <= 16
        assert min(certified[name] for name in written.certified) >= 4
        assert min(evidence[name] for name in written.evidence) >= 4


async def test_eight_members_die_one_after_the_other_and_each_turn_fills_its_place(
    tmp_path: Path,
) -> None:
    """By the roster: eight of eight copies after each turn, and both sides of each conflict."""
    drawn = random.Random(9)
    async with world(tmp_path, 18, network=MemoryNetwork()) as made:
        client = await made.client()
        written = Written()
        await written.write(made, client, 12)
        await certificates_everywhere(made, written)
        for _ in range(WAVES):
            dead = drawn.choice(sorted(made.addresses))
            await made.stop(dead)
            del made.addresses[dead]
            made.next_roster(leaving=[dead])
            await made.tell()
            await made.settled()
        certified, evidence = copies(made)
        assert min(certified[name] for name in written.certified) >= 8
        assert min(evidence[name] for name in written.evidence) >= 8
        for name, digest in written.certified.items():
            reading = await client.read(name, seconds=10)
            assert reading.certificate is not None
            assert reading.certificate.record.digest == digest
