"""A turn of the epoch: who votes where, what is handed over, what everybody may rely on."""

import asyncio
import itertools
import random
from pathlib import Path

import msgspec
import pytest

from crypto import codec
from dht.errors import RosterMissing, TwoRosters
from dht.network_in_memory import MemoryNetwork
from dht.node import DhtNode
from dht.records import (
    Certificate,
    InvalidCertificate,
    RegisterName,
    Roster,
    RosterNotKnown,
)
from dht.rosters import Ring
from dht.turns import turned_sets
from dht.wire import HoldsAnswer, HoldsRequest, PutAnswer, PutRequest, ReadAnswer, ReadRequest
from tests.dht.worlds import World, key_of, keys, opening, payment, signed_roster, until, world

ALICE, BOB, CAROL = key_of("alice"), key_of("bob"), key_of("carol")
NEW = keys(64, "newcomer")
pytestmark = pytest.mark.asyncio


def held_by(node: DhtNode, name: RegisterName) -> tuple[bytes, ...]:
    return next((r.digests for r in node.registers() if r.name == name), ())


async def test_a_newcomer_takes_over_its_ranges_and_votes(sixteen: World) -> None:
    client = await sixteen.client()
    puts = [opening(serial, ALICE) for serial in range(40)]
    certified = [(await client.put(put, seconds=5)).certificate for put in puts]
    gone = next(iter(sixteen.addresses))
    sixteen.next_roster(leaving=[gone], joining=NEW[:1])
    node = await sixteen.start(NEW[0])
    await sixteen.tell()
    await sixteen.settled()
    mine = [c for c in certified if c and node_is_among(sixteen, NEW[0].public_key, c)]
    assert mine
    for certificate in mine:
        assert held_by(node, certificate.record.body().name) == (certificate.record.digest,)
    later = [await client.put(payment(c, ALICE, BOB), seconds=5) for c in mine]
    assert all(written.accepted for written in later), "old certificates serve as predecessors"
    assert {written.certificate.epoch for written in later if written.certificate} == {2}
    voters = {vote.voter for written in later for vote in written.votes}
    assert gone not in voters


def node_is_among(made: World, member: bytes, certificate: Certificate) -> bool:
    return member in made.closest(certificate.record.body().name)


async def test_everybody_learns_of_a_roster_from_whoever_has_it(sixteen: World) -> None:
    client = await sixteen.client()
    certificate = await sixteen.certified_opening(client, ALICE)
    sixteen.next_roster()
    told = sixteen.closest(RegisterName("token", certificate.record.body().chain, 1))[:3]
    await sixteen.tell(*told)
    written = await client.put(payment(certificate, ALICE, BOB), seconds=10)
    assert written.accepted
    assert written.certificate is not None
    assert written.certificate.epoch == 2
    assert client.roster is not None
    assert client.roster.epoch == 2
    voters = [sixteen.nodes[vote.voter].roster for vote in written.votes]
    assert all(roster is not None and roster.epoch == 2 for roster in voters)


async def test_a_roster_cannot_be_left_out(memory: World) -> None:
    node = next(iter(memory.nodes.values()))
    memory.next_roster()
    third = memory.next_roster()
    with pytest.raises(RosterMissing):
        await node.adopt(third)


async def test_a_member_votes_in_one_epoch_only(memory: World) -> None:
    """It says which, and gives nothing out for another one: neither old nor not yet adopted."""
    client = await memory.client()
    put = opening(1, ALICE)
    name = put.record.body().name
    member = memory.closest(name)[0]
    memory.next_roster()
    sender = key_of("client").public_key
    early = await client._ask(member, PutRequest(sender, put, 2), PutAnswer)
    assert (early.state, early.epoch, early.vote) == ("not-synced", 1, None)
    await memory.tell(member)
    late = await client._ask(member, PutRequest(sender, put, 1), PutAnswer)
    assert (late.state, late.epoch, late.vote) == ("not-synced", 2, None)
    read = await client._ask(member, ReadRequest(sender, name, 1), ReadAnswer)
    assert (read.state, read.epoch) == ("not-synced", 2)
    assert held_by(memory.nodes[member], name) == ()


async def test_what_is_pending_completes_at_the_turn_with_the_same_bytes(memory: World) -> None:
    client = await memory.client()
    certificate = await memory.certified_opening(client, ALICE)
    put = payment(certificate, ALICE, BOB)
    before = memory.closest(put.record.body().name)
    cut = {memory.addresses[key] for key in before[:3]}
    mine = client._server.address
    network = memory.network
    assert network is not None
    network.reaches = lambda source, target: (
        not ({source, target} & cut and mine in (source, target))
    )
    pending = await client.put(put, seconds=0.5)
    assert pending.certificate is None
    assert len(pending.votes) == 5
    memory.next_roster(leaving=before[:2])
    await memory.tell()
    written = await client.put(put, seconds=10)
    assert written.accepted
    assert written.certificate is not None
    assert written.certificate.epoch == 2
    again = {vote.voter for vote in written.votes} & {vote.voter for vote in pending.votes}
    assert len(again) == 5, "the same body has their votes in the next epoch too"


async def test_who_is_new_to_a_key_abstains_until_six_of_eight_have_been_heard(
    memory: World,
) -> None:
    client = await memory.client()
    put = opening(1, ALICE)
    name = put.record.body().name
    before = memory.closest(name)
    down = before[2:5]
    for key in down:
        await memory.stop(key)
    memory.next_roster(leaving=before[:1])
    [new] = set(memory.closest(name)) - set(before)
    await memory.tell()
    node = memory.nodes[new]
    sender = key_of("client").public_key

    async def state() -> str:
        answer = await client._ask(new, ReadRequest(sender, name, 2), ReadAnswer)
        assert answer is not None
        return answer.state

    assert await state() == "not-synced"
    answer = await client._ask(new, PutRequest(sender, put, 2), PutAnswer)
    assert answer.state == "not-synced"
    assert not node.ready
    pulled = await client._ask(new, HoldsRequest(before[1], b"", 3), HoldsAnswer)
    assert pulled is not None
    assert not pulled.settled, "and nobody may take over from it"
    await memory.start(memory.key(down[0]))
    await until(lambda: node.ready, 20)
    assert await state() == "absent"


async def test_everything_is_handed_over_conflicts_and_pending_steps_too(memory: World) -> None:
    client = await memory.client()
    certificate = await memory.certified_opening(client, ALICE)
    left, right = payment(certificate, ALICE, BOB), payment(certificate, ALICE, CAROL)
    name = left.record.body().name
    before = memory.closest(name)
    sender = key_of("client").public_key
    for put, members in ((left, before[:4]), (right, before[4:])):
        for key in members:
            await client._ask(key, PutRequest(sender, put), PutAnswer)
    memory.next_roster(leaving=before[:1])
    [new] = set(memory.closest(name)) - set(before)
    await memory.tell()
    await memory.settled()
    assert set(held_by(memory.nodes[new], name)) == {left.record.digest, right.record.digest}
    for put, other in ((left, right), (right, left)):
        answer = await client._ask(new, PutRequest(sender, put, 2), PutAnswer)
        assert (answer.state, answer.vote) == ("conflict", None), "two bodies: it never votes"
        assert answer.rival is not None
        assert answer.rival.record == other.record


async def test_a_single_body_handed_over_is_the_vote_for_ever(memory: World) -> None:
    client = await memory.client()
    certificate = await memory.certified_opening(client, ALICE)
    first, second = payment(certificate, ALICE, BOB), payment(certificate, ALICE, CAROL)
    name = first.record.body().name
    before = memory.closest(name)
    sender = key_of("client").public_key
    for key in before[1:4]:
        await client._ask(key, PutRequest(sender, first), PutAnswer)
    memory.next_roster(leaving=before[:1])
    [new] = set(memory.closest(name)) - set(before)
    await memory.tell()
    await memory.settled()
    answer = await client._ask(new, PutRequest(sender, second, 2), PutAnswer)
    assert (answer.state, answer.vote) == ("conflict", None)
    answer = await client._ask(new, PutRequest(sender, first, 2), PutAnswer)
    assert answer.state == "voted"


async def test_who_has_left_hands_over_and_is_released_when_the_others_are_settled(
    memory: World,
) -> None:
    client = await memory.client()
    certificate = await memory.certified_opening(client, ALICE)
    name = certificate.record.body().name
    before = memory.closest(name)
    waiting = before[3:6]
    for key in waiting:
        await memory.stop(key)
    memory.next_roster(leaving=before[:1])
    await memory.tell()
    leaver = memory.nodes[before[0]]
    assert leaver.ready, "it is a client like any other now"
    for _ in range(20):
        await asyncio.sleep(0.02)
        assert not leaver.is_released
    for key in waiting:
        await memory.start(memory.key(key))
    await memory.settled()
    await until(lambda: leaver.is_released, 20)


async def test_who_has_left_and_starts_again_is_released_too(memory: World) -> None:
    leaver = next(iter(memory.nodes))
    memory.next_roster(leaving=[leaver])
    await memory.tell()
    await memory.stop(leaver)
    await memory.start(memory.key(leaver))
    await until(lambda: memory.nodes[leaver].is_released, 20)


async def test_a_member_that_slept_through_two_turns_votes_at_once_where_it_always_did(
    memory: World,
) -> None:
    client = await memory.client()
    put = opening(1, ALICE)
    name = put.record.body().name
    before = memory.closest(name)
    sleeper = before[7]
    await memory.stop(sleeper)
    for gone in before[:2]:
        memory.next_roster(leaving=[gone])
        await memory.tell()
        await memory.settled()
    node = await memory.start(memory.key(sleeper))
    assert sleeper in memory.closest(name)
    await until(lambda: node.ready, 20)
    written = await client.put(put, seconds=10)
    assert sleeper in {vote.voter for vote in written.votes}


async def test_an_epoch_that_was_missed_is_made_up_when_others_need_it(memory: World) -> None:
    """More than k - q of a range miss the turn to epoch 2, and leave in the next ones.

    Whoever comes after them at the turn to 3 has to hear some of them about 2.
    """
    first, leavers = who_would_be_missed(memory)
    cut = [memory.nodes[member] for member in leavers]
    for node in cut:
        await node.cut_off(memory.contacts())
    for leaving in (first, *leavers):
        memory.next_roster(leaving=[leaving])
        await memory.tell()
    await until(lambda: not any(node._puller._one_at_a_time.locked() for node in cut), 20)
    assert not any(node._standing.was_settled(2) for node in cut)
    for node in cut:
        await node.cut_off([])
    await memory.settled()
    assert any(node._standing.was_settled(2) for node in cut)
    await until(lambda: all(node.is_released for node in cut), 20)


def who_would_be_missed(made: World) -> tuple[bytes, tuple[bytes, ...]]:
    """Who leaves at the first turn; and three that are new to something then, the next to leave.

    All three are of one range that somebody is new to when the first of them leaves.
    """
    members = frozenset(made.nodes)
    for first in sorted(members):
        second = members - {first}
        turn = turned(made, members, second)
        new = sorted(frozenset().union(*(new - old for old, new in turn)))
        for leavers in itertools.permutations(new, 3):
            for old, after in turned(made, second, second - {leavers[0]}):
                if after - old and set(leavers) <= old:
                    return first, leavers
    raise AssertionError("nobody would be missed")


def turned(
    made: World, before: frozenset[bytes], after: frozenset[bytes]
) -> frozenset[tuple[frozenset[bytes], frozenset[bytes]]]:
    now = codec.decode(made.roster.content, Roster)
    rings = [
        Ring(msgspec.structs.replace(now, members=tuple(sorted(members))), b"")
        for members in (before, after)
    ]
    return turned_sets(rings[0], rings[1])


async def test_a_client_that_is_behind_by_several_epochs_catches_up(memory: World) -> None:
    client = await memory.client()
    certificate = await memory.certified_opening(client, ALICE)
    members = list(memory.nodes)[:-1]
    for _ in range(3):
        memory.next_roster()
        await memory.tell(*members)
    written = await client.put(payment(certificate, ALICE, BOB), seconds=10)
    assert written.accepted
    assert client.roster is not None
    assert client.roster.epoch == 4


async def test_a_certificate_of_an_epoch_that_was_missed_is_not_called_bad(memory: World) -> None:
    """Who is shown it asks for the roster, and can say more a moment later."""
    members = list(memory.nodes)
    behind, writer = await memory.client("behind"), await memory.client("writer")
    certificate = await memory.certified_opening(writer, ALICE)
    memory.next_roster()
    await memory.tell(*members, writer._key.public_key)
    await memory.settled()
    written = await writer.put(payment(certificate, ALICE, BOB), seconds=10)
    assert written.certificate is not None
    assert written.certificate.epoch == 2
    with pytest.raises(RosterNotKnown):
        behind.check(written.certificate)
    await until(lambda: behind.roster is not None and behind.roster.epoch == 2)
    assert behind.check(written.certificate).payee == BOB.public_key
    with pytest.raises(RosterNotKnown):
        behind.check(msgspec.structs.replace(written.certificate, epoch=3))
    with pytest.raises(InvalidCertificate):
        behind.check(msgspec.structs.replace(written.certificate, epoch=1))


async def test_writes_go_on_while_epochs_turn(tmp_path: Path) -> None:
    """Four turns, each with one that leaves and one that joins; no put is lost or refused."""
    network = MemoryNetwork(seed=3, delay=(0.0, 0.004))
    async with world(tmp_path, network=network) as made:
        client = await made.client()
        written: list[Certificate] = []
        ended = asyncio.Event()

        async def write() -> None:
            holder = await made.certified_opening(client, ALICE)
            while not ended.is_set():
                step = await client.put(payment(holder, ALICE, ALICE), seconds=20)
                assert step.accepted, step
                assert step.certificate is not None
                written.append(step.certificate)
                index = step.certificate.record.body().index
                holder = (
                    step.certificate if index < 60 else await made.certified_opening(client, ALICE)
                )

        writing = [asyncio.create_task(write()) for _ in range(2)]
        drawn = random.Random(3)
        for newcomer in NEW[:4]:
            gone = drawn.choice(list(made.addresses))
            made.next_roster(leaving=[gone], joining=[newcomer])
            await made.start(newcomer)
            for key in drawn.sample(list(made.nodes), len(made.nodes)):
                await made.tell(key)
                await asyncio.sleep(drawn.uniform(0, 0.004))
            await made.settled()
            await until(lambda gone=gone: made.nodes[gone].is_released, 20)  # type: ignore[misc]
            await made.stop(gone)
            del made.addresses[gone]
        ended.set()
        await asyncio.gather(*writing)
        assert {certificate.epoch for certificate in written} >= set(range(2, 5))
        for certificate in written:
            copies = [
                key
                for key in made.closest(certificate.record.body().name)
                if certificate.record.digest
                in held_by(made.nodes[key], certificate.record.body().name)
            ]
            assert len(copies) >= 6, "every step outlived its witnesses"


async def test_an_authority_with_two_rosters_is_found_out(memory: World) -> None:
    node = next(iter(memory.nodes.values()))
    before = node.roster
    assert before is not None
    memory.next_roster()
    await memory.tell(next(iter(memory.nodes)))
    other = signed_roster(memory.keys[1:], 8, 6, epoch=2, previous=b"")
    with pytest.raises(TwoRosters):
        await node.adopt(other)
