"""One register, one body: what a second one meets, and what everybody sees of it."""

import asyncio
import random
from pathlib import Path

import pytest

from dht.network_in_memory import MemoryNetwork
from dht.records import FraudProof, check_fraud_proof
from dht.wire import PutAnswer, PutRequest
from tests.dht.worlds import World, key_of, payment, until, world

ALICE, BOB, CAROL, DAVE = (key_of(n) for n in ("alice", "bob", "carol", "dave"))
RACES = 200
pytestmark = pytest.mark.asyncio


async def test_the_second_payee_is_refused_and_shown_the_first_record(sixteen: World) -> None:
    client = await sixteen.client()
    certificate = await sixteen.certified_opening(client, ALICE)
    first, second = payment(certificate, ALICE, BOB), payment(certificate, ALICE, CAROL)
    assert (await client.put(first, seconds=5)).accepted
    written = await client.put(second, seconds=5)
    assert not written.accepted
    assert written.votes == ()
    assert written.conflicts == (first.record,)
    proof = FraudProof(written.conflicts[0], second.record)
    assert check_fraud_proof(proof)[0].payer == ALICE.public_key


async def test_both_bodies_are_shown_to_everyone_from_then_on(sixteen: World) -> None:
    client = await sixteen.client()
    certificate = await sixteen.certified_opening(client, ALICE)
    first, second = payment(certificate, ALICE, BOB), payment(certificate, ALICE, CAROL)
    accepted = await client.put(first, seconds=5)
    await client.put(second, seconds=5)
    other = await sixteen.client("another client")
    reading = await other.read(accepted.name, seconds=5)
    assert {seen.record for seen in reading.records} == {first.record, second.record}
    assert all(len(seen.holders) == 8 for seen in reading.records)
    again = await other.put(first, seconds=5)
    assert again.certificate is not None, "a conflict shown later never voids a certificate"
    assert again.conflicts == (second.record,)
    assert not again.accepted


async def test_a_conflict_never_blocks_the_successor_of_a_certified_step(memory: World) -> None:
    client = await memory.client()
    certificate = await memory.certified_opening(client, ALICE)
    paid = await client.put(payment(certificate, ALICE, BOB), seconds=5)
    await client.put(payment(certificate, ALICE, CAROL), seconds=5)
    assert paid.certificate is not None
    assert (await client.put(payment(paid.certificate, BOB, DAVE), seconds=5)).accepted


async def test_one_rival_is_enough_a_third_body_is_not_stored(memory: World) -> None:
    client = await memory.client()
    certificate = await memory.certified_opening(client, ALICE)
    puts = [payment(certificate, ALICE, payee) for payee in (BOB, CAROL, DAVE)]
    for put in puts:
        written = await client.put(put, seconds=5)
    assert written.conflicts
    for key in memory.closest(written.name):
        held = [r for r in memory.nodes[key].registers() if r.name == written.name]
        assert held[0].digests == (puts[0].record.digest, puts[1].record.digest)
        assert held[0].conflict


async def test_a_replica_votes_for_its_first_body_for_ever(memory: World) -> None:
    client = await memory.client()
    certificate = await memory.certified_opening(client, ALICE)
    first, second = payment(certificate, ALICE, BOB), payment(certificate, ALICE, CAROL)
    replica = memory.closest(first.record.body().name)[0]
    sender = key_of("client").public_key
    votes = []
    for put in (first, second, first, second, first):
        answer = await client._ask(replica, PutRequest(sender, put), PutAnswer)
        assert answer is not None
        assert answer.state == ("voted" if put is first else "conflict")
        votes.append(answer.vote)
    assert votes[0] is not None
    assert votes == [votes[0], None, votes[0], None, votes[0]]
    assert memory.nodes[replica].counters["conflicts"] == 1


async def test_a_split_vote_has_no_winner_and_freezes_the_register(memory: World) -> None:
    client = await memory.client()
    certificate = await memory.certified_opening(client, ALICE)
    left, right = payment(certificate, ALICE, BOB), payment(certificate, ALICE, CAROL)
    closest = memory.closest(left.record.body().name)
    sender = key_of("client").public_key
    for put, replicas in ((left, closest[:4]), (right, closest[4:])):
        for key in replicas:
            await client._ask(key, PutRequest(sender, put), PutAnswer)
    for put, other in ((left, right), (right, left)):
        written = await client.put(put, seconds=2)
        assert written.certificate is None
        assert written.conflicts == (other.record,)
        assert len(written.votes) == 4


async def test_races_of_two_payees_never_end_with_two_accepted(tmp_path: Path) -> None:
    """Two clients, one coin, random delays: at most one accepts; the cheat is always convicted."""
    network = MemoryNetwork(seed=5)
    async with world(tmp_path, network=network) as made:
        one, two = await made.client("one"), await made.client("two")
        drawn = random.Random(5)
        accepted = [0, 0, 0]
        for race in range(RACES):
            certificate = await made.certified_opening(one, ALICE)
            network.delay = (0.0, drawn.choice([0.002, 0.01, 0.03]))
            left, right = payment(certificate, ALICE, BOB), payment(certificate, ALICE, CAROL)
            outcomes = await asyncio.gather(one.put(left, seconds=5), two.put(right, seconds=5))
            network.delay = (0.0, 0.0)
            accepted[sum(outcome.accepted for outcome in outcomes)] += 1
            assert not all(outcome.certificate for outcome in outcomes), f"race {race}"
            shown = [record for outcome in outcomes for record in outcome.conflicts]
            assert shown, f"race {race}: nobody was shown the conflict"
            for record in shown:
                other = right.record if record == left.record else left.record
                payer = check_fraud_proof(FraudProof(record, other))[0].payer
                assert payer == ALICE.public_key
        assert accepted[2] == 0
        assert accepted[0] > 0, "delays that let nobody lose are no race"


async def test_a_certificate_for_another_body_than_the_one_voted_for_is_kept(
    memory: World,
) -> None:
    client = await memory.client()
    certificate = await memory.certified_opening(client, ALICE)
    minority, majority = payment(certificate, ALICE, BOB), payment(certificate, ALICE, CAROL)
    name = minority.record.body().name
    outlier = memory.closest(name)[0]
    request = PutRequest(key_of("client").public_key, minority)
    await client._ask(outlier, request, PutAnswer)
    written = await client.put(majority, seconds=5)
    assert written.certificate is not None
    assert written.conflicts == (minority.record,)

    def held() -> tuple[bool, tuple[bytes, ...]]:
        [register] = [r for r in memory.nodes[outlier].registers() if r.name == name]
        return register.certified, register.digests

    both = (minority.record.digest, majority.record.digest)
    await until(lambda: held() == (True, both))
    answer = await client._ask(outlier, request, PutAnswer)
    assert answer is not None
    assert answer.rival_certificate == written.certificate
