"""Many puts, slow disks, lossy networks."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from dht.network_in_memory import MemoryNetwork
from tests.dht.worlds import QUICK, key_of, opening, until, world

ALICE = key_of("alice")
pytestmark = pytest.mark.asyncio


async def test_a_busy_replica_says_so_and_is_asked_again(tmp_path: Path) -> None:
    settings = replace(QUICK, max_puts_in_hand=1, grace_seconds=5)
    async with world(
        tmp_path, 3, 3, 2, network=MemoryNetwork(), settings=settings, commit_delay=0.02
    ) as made:
        client = await made.client()
        node = next(iter(made.nodes.values()))
        puts = [client.put(opening(serial, ALICE), seconds=10) for serial in range(12)]
        busy = 0

        def count_busy() -> bool:
            nonlocal busy
            busy = max(busy, node._replica._in_hand)
            return all(task.done() for task in tasks)

        tasks = [asyncio.ensure_future(put) for put in puts]
        await until(count_busy, 15)
        assert all(task.result().accepted for task in tasks)
        assert all(len(task.result().votes) == 3 for task in tasks)
        assert busy == 1


async def test_with_a_third_of_all_datagrams_lost_puts_are_still_certified(tmp_path: Path) -> None:
    network = MemoryNetwork(seed=3, delay=(0.0, 0.005))
    async with world(tmp_path, network=network) as made:
        client = await made.client()
        network.loss = 0.33
        written = await asyncio.gather(
            *(client.put(opening(serial, ALICE), seconds=20) for serial in range(20))
        )
        network.loss = 0.0
        assert all(w.certificate is not None for w in written)
        assert client.counters["retries"] > 0


async def test_a_vote_leaves_only_after_the_commit(tmp_path: Path) -> None:
    delay = 0.2
    async with world(tmp_path, 3, 3, 2, network=MemoryNetwork(), commit_delay=delay) as made:
        client = await made.client()
        written = await client.put(opening(1, ALICE), seconds=10)
        assert written.accepted
        assert all(vote.milliseconds >= 1000 * delay for vote in written.votes)


async def test_a_cancelled_put_leaves_no_calls_and_no_tasks(tmp_path: Path) -> None:
    network = MemoryNetwork()
    async with world(tmp_path, 3, 3, 2, network=network) as made:
        client = await made.client()
        network.loss = 1.0
        before = len(asyncio.all_tasks())
        put = asyncio.ensure_future(client.put(opening(1, ALICE), seconds=30))
        await until(lambda: len(client._protocol._outstanding) == 3)
        put.cancel()
        with pytest.raises(asyncio.CancelledError):
            await put
        assert client._protocol._outstanding == {}
        assert len(asyncio.all_tasks()) == before
        network.loss = 0.0
        assert (await client.put(opening(1, ALICE), seconds=10)).accepted


async def test_nothing_is_left_running_after_close(tmp_path: Path) -> None:
    before = len(asyncio.all_tasks())
    async with world(tmp_path, 4, 3, 2) as made:
        client = await made.client()
        await made.certified_opening(client, ALICE)
    assert len(asyncio.all_tasks()) == before


async def test_a_partition_leaves_one_side_at_most_able_to_certify(tmp_path: Path) -> None:
    network = MemoryNetwork()
    async with world(tmp_path, network=network) as made:
        left, right = await made.client("left"), await made.client("right")
        sides = {address: index % 2 for index, address in enumerate(made.addresses.values())}
        sides[left._server.address], sides[right._server.address] = 0, 1
        network.reaches = lambda source, target: sides[source] == sides[target]
        for serial in range(4):
            put = opening(serial, ALICE)
            outcomes = await asyncio.gather(left.put(put, seconds=0.6), right.put(put, seconds=0.6))
            assert sum(outcome.certificate is not None for outcome in outcomes) <= 1
        network.reaches = lambda source, target: True
        assert (await left.put(opening(0, ALICE), seconds=10)).accepted


async def test_a_node_floods_nobody_more_puts_wait_their_turn(tmp_path: Path) -> None:
    settings = replace(QUICK, max_rounds_at_once=2)
    network = MemoryNetwork(delay=(0.005, 0.01))
    async with world(tmp_path, 3, 3, 2, network=network, settings=settings) as made:
        client = await made.client()
        puts = [asyncio.ensure_future(client.put(opening(n, ALICE), seconds=9)) for n in range(10)]
        most = 0

        def done() -> bool:
            nonlocal most
            calls = client._protocol._outstanding.values()
            most = max(most, sum(b"put" in call.datagram[:32] for call in calls))
            return all(put.done() for put in puts)

        await until(done)
        assert all(put.result().accepted for put in puts)
        assert 0 < most <= 2 * 3


async def test_a_put_whose_turn_does_not_come_in_time_is_pending(tmp_path: Path) -> None:
    settings = replace(QUICK, max_rounds_at_once=1)
    network = MemoryNetwork()
    async with world(tmp_path, 3, 3, 2, network=network, settings=settings) as made:
        client = await made.client()
        network.loss = 1.0
        first = asyncio.ensure_future(client.put(opening(1, ALICE), seconds=5))
        await until(lambda: bool(client._protocol._outstanding))
        second = await client.put(opening(2, ALICE), seconds=0.1)
        assert second.votes == ()
        assert set(second.silent) == set(made.addresses)
        network.loss = 0.0
        assert (await first).accepted
