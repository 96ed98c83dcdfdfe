"""Replicas that are away are missing votes: never replaced, never forgotten."""

import asyncio

import pytest

from dht.errors import VotesOfAnotherKey
from dht.records import RegisterName
from dht.wire import PAGE_ITEMS
from tests.dht.worlds import World, key_of, opening, payment, until

ALICE, BOB, CAROL = key_of("alice"), key_of("bob"), key_of("carol")
pytestmark = pytest.mark.asyncio


async def test_with_k_minus_q_replicas_down_a_put_is_still_certified(sixteen: World) -> None:
    client = await sixteen.client()
    put = opening(1, ALICE)
    down = sixteen.closest(put.record.body().name)[:2]
    for key in down:
        await sixteen.stop(key)
    written = await client.put(put, seconds=5)
    assert written.accepted
    assert set(written.silent) == set(down)
    assert len(written.votes) == 6


async def test_one_more_down_is_pending_and_completes_when_one_is_back(sixteen: World) -> None:
    client = await sixteen.client()
    put = opening(1, ALICE)
    down = sixteen.closest(put.record.body().name)[:3]
    for key in down:
        await sixteen.stop(key)
    pending = await client.put(put, seconds=1)
    assert not pending.accepted
    assert pending.certificate is None
    assert pending.conflicts == ()
    assert set(pending.silent) == set(down)
    assert len(pending.votes) == 5
    completing = asyncio.create_task(client.put(put, seconds=10))
    await sixteen.start(sixteen.key(down[0]))
    assert (await completing).accepted


async def test_a_member_that_comes_back_elsewhere_is_found_again(sixteen: World) -> None:
    client = await sixteen.client()
    put = opening(1, ALICE)
    moved = sixteen.closest(put.record.body().name)[0]
    await sixteen.stop(moved)
    before = sixteen.addresses.pop(moved)
    others = sixteen.contacts()
    node = await sixteen.start(sixteen.key(moved), join=False)
    assert sixteen.addresses[moved] != before
    await node.join(others)
    written = await client.put(put, seconds=10)
    assert written.accepted
    await until(lambda: len(node.registers()) == 1)


async def test_a_replica_restarted_between_two_conflicting_puts_still_refuses(
    sixteen: World,
) -> None:
    client = await sixteen.client()
    certificate = await sixteen.certified_opening(client, ALICE)
    first, second = payment(certificate, ALICE, BOB), payment(certificate, ALICE, CAROL)
    written = await client.put(first, seconds=5)
    for key in sixteen.closest(written.name):
        await sixteen.stop(key)
        await sixteen.start(sixteen.key(key))
    refused = await client.put(second, seconds=5)
    assert refused.votes == ()
    assert refused.conflicts == (first.record,)


async def test_a_restarted_replica_abstains_until_its_votes_are_read_back(memory: World) -> None:
    client = await memory.client()
    certificate = await memory.certified_opening(client, ALICE)
    name = certificate.record.body().name
    replica = memory.closest(name)[0]
    await memory.stop(replica)
    node = await memory.start(memory.key(replica), join=False)
    assert [memory.nodes[key].ready for key in (replica,)] == [False]
    pending = await client.put(opening(1, ALICE), seconds=0.4)
    assert replica in pending.silent, "it answered before it had read its votes"
    reading = await client.read(name, seconds=0.4)
    assert replica in reading.silent
    await node.join(memory.contacts())
    assert node.ready
    again = await client.put(opening(1, ALICE), seconds=5)
    assert replica in {vote.voter for vote in again.votes}


def is_kept_certified(world: World, name: RegisterName) -> bool:
    """Whether every replica that is up has the certificate by now."""
    up = [world.nodes[member] for member in world.closest(name) if member in world.nodes]
    held = (register for node in up for register in node.registers() if register.name == name)
    return len([register for register in held if register.certified]) == len(up)


async def test_a_replica_that_was_down_during_a_put_fetches_its_copy(sixteen: World) -> None:
    client = await sixteen.client()
    certificate = await sixteen.certified_opening(client, ALICE)
    written = await client.put(payment(certificate, ALICE, BOB), seconds=5)
    assert written.certificate is not None
    absent = sixteen.closest(written.name)[0]
    await sixteen.stop(absent)
    puts = [opening(serial, ALICE) for serial in range(100, 250)]
    results = await asyncio.gather(*(client.put(put, seconds=10) for put in puts))
    assert all(result.certificate for result in results)
    names = {
        put.record.body().name: put.record.digest
        for put in puts
        if absent in sixteen.closest(put.record.body().name)
    }
    assert len(names) > PAGE_ITEMS, "more than one page of what was missed"
    await until(lambda: all(is_kept_certified(sixteen, name) for name in names), seconds=30)
    await sixteen.stop(key_of("client").public_key)  # who would hand the certificates over
    node = await sixteen.start(sixteen.key(absent))
    held = {register.name: register for register in node.registers()}
    for name, digest in names.items():
        assert held[name].digests == (digest,)
        assert held[name].certified
    assert node.counters["copies_fetched"] >= len(names)


async def test_uncertified_and_conflicting_records_are_fetched_and_checked_too(
    memory: World,
) -> None:
    client = await memory.client()
    certificate = await memory.certified_opening(client, ALICE)
    first, second = payment(certificate, ALICE, BOB), payment(certificate, ALICE, CAROL)
    closest = memory.closest(first.record.body().name)
    for key in closest[:3]:
        await memory.stop(key)
    pending = await client.put(first, seconds=0.3)
    assert pending.certificate is None
    await client.put(second, seconds=0.3)
    node = await memory.start(memory.key(closest[0]))
    [held] = [r for r in node.registers() if r.name == pending.name]
    assert set(held.digests) == {first.record.digest, second.record.digest}
    assert not held.certified
    assert held.conflict


async def test_nothing_else_is_fetched(memory: World) -> None:
    client = await memory.client()
    absent = next(iter(memory.addresses))
    await memory.stop(absent)
    for _ in range(30):
        await memory.certified_opening(client, ALICE)
    node = await memory.start(memory.key(absent))
    for held in node.registers():
        assert absent in memory.closest(held.name)


async def test_votes_of_another_key_are_not_voted_on_with(memory: World) -> None:
    client = await memory.client()
    certificate = await memory.certified_opening(client, ALICE)
    one, two, *_ = memory.closest(certificate.record.body().name)
    await memory.stop(one)
    await memory.stop(two)
    (memory.folder / f"{one.hex()[:16]}.db").rename(memory.folder / f"{two.hex()[:16]}.db")
    for suffix in ("-wal", "-shm"):
        (memory.folder / f"{two.hex()[:16]}.db{suffix}").unlink(missing_ok=True)
    node = await memory.start(memory.key(two), join=False)
    with pytest.raises(VotesOfAnotherKey):
        await node.join(memory.contacts())
    assert not node.ready
