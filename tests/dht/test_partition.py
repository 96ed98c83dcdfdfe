"""A cut that lasts longer than every timeout, with one coin spent on both sides of it."""

import asyncio
from pathlib import Path

import pytest

from dht.network_in_memory import MemoryNetwork
from dht.node import DhtNode, Written
from dht.records import FraudProof, check_fraud_proof
from dht.rpc import Address
from tests.dht.test_repair import OPEN
from tests.dht.worlds import World, key_of, payment, world

ALICE, BOB, CAROL = key_of("alice"), key_of("bob"), key_of("carol")
RACES = 5
pytestmark = pytest.mark.asyncio


def cut_in_two(made: World, one: DhtNode, two: DhtNode) -> None:
    """Half of the members and one writer on each side."""
    assert made.network is not None
    left = set(sorted(made.addresses.values())[: len(made.addresses) // 2])
    left.add(one._server.address)

    def reaches(source: Address, target: Address) -> bool:
        return (source in left) == (target in left)

    made.network.reaches = reaches


async def spent_on_both_sides(made: World) -> tuple[list[list[Written]], list[DhtNode]]:
    one, two = await made.client("one"), await made.client("two")
    coins = [await made.certified_opening(one, ALICE) for _ in range(RACES)]
    puts = [[payment(coin, ALICE, payee) for payee in (BOB, CAROL)] for coin in coins]
    cut_in_two(made, one, two)
    everybody = list(made.nodes.values())
    await asyncio.gather(*(node.lookup(bytes(20)) for node in everybody))  # and purge
    ended = []
    for left, right in puts:
        for _ in range(2):  # the second time the silent ones are known
            outcomes = await asyncio.gather(one.put(left, seconds=0.5), two.put(right, seconds=0.5))
        ended.append(list(outcomes))
    return ended, [one, two]


async def test_by_the_roster_at_most_one_side_accepts(tmp_path: Path) -> None:
    async with world(tmp_path, network=MemoryNetwork()) as made:
        ended, writers = await spent_on_both_sides(made)
        assert max(sum(o.accepted for o in outcomes) for outcomes in ended) <= 1
        assert made.network is not None
        made.network.reaches = lambda source, target: True
        await the_fraud_is_found(made, writers, ended)


async def test_in_open_membership_both_sides_accept_and_it_is_found_out_when_they_meet(
    tmp_path: Path,
) -> None:
    """Each side has purged the other and found a quorum among those it reaches."""
    async with world(tmp_path, 24, network=MemoryNetwork(), settings=OPEN) as made:
        ended, writers = await spent_on_both_sides(made)
        both = sum(all(o.accepted for o in outcomes) for outcomes in ended)
        assert both == RACES
        assert made.network is not None
        made.network.reaches = lambda source, target: True
        await the_fraud_is_found(made, writers, ended)


async def the_fraud_is_found(
    made: World, writers: list[DhtNode], ended: list[list[Written]]
) -> None:
    """Once the two sides meet again and compare, every member shows both records."""
    members = [made.nodes[key] for key in made.addresses]
    await asyncio.gather(*(node.join(made.contacts()) for node in (*members, *writers)))
    await asyncio.gather(*(node.repair() for node in members))
    for outcomes in ended:
        name = outcomes[0].name
        reading = await writers[0].read(name, seconds=5)
        first, second = (seen.record for seen in reading.records)
        assert check_fraud_proof(FraudProof(first, second))[0].payer == ALICE.public_key


async def test_who_is_cut_off_is_silent_until_it_heals(sixteen: World) -> None:
    client = await sixteen.client()
    certificate = await sixteen.certified_opening(client, ALICE)
    put = payment(certificate, ALICE, BOB)
    silent = sixteen.closest(put.record.body().name)[:3]
    await client.cut_off([c for c in sixteen.contacts() if c.id in silent])
    pending = await client.put(put, seconds=0.6)
    assert set(pending.silent) == set(silent)
    assert not pending.accepted
    assert client.counters["datagrams_cut"] > 0
    await client.cut_off([])
    assert (await client.put(put, seconds=10)).accepted
