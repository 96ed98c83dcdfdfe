"""Lookups by crawling: exact, and as deep as the logarithm of the ring (Kademlia 2.3)."""

import asyncio
import math
import random
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from crypto.hashing import digest
from dht.crawling import Candidate, Crawl
from dht.network_in_memory import MemoryNetwork
from dht.records import node_id
from dht.rpc import Address
from tests.dht.worlds import QUICK, key_of, opening, until, world

pytestmark = pytest.mark.asyncio
SMALL_BUCKETS = replace(QUICK, bucket_size=4, bits_per_hop=1)


def nearest(keys: Iterable[bytes], target: bytes) -> list[bytes]:
    goal = int.from_bytes(target, "big")
    return sorted(keys, key=lambda key: int.from_bytes(node_id(key), "big") ^ goal)


@pytest.mark.parametrize("size", [16, 128])
async def test_a_ring_introduced_to_three_members_looks_up_exactly(
    tmp_path: Path, size: int
) -> None:
    network = MemoryNetwork(seed=size)
    settings = replace(SMALL_BUCKETS, timeout_seconds=2)
    async with world(tmp_path, size, network=network, settings=settings, introduced_to=3) as made:
        await until(lambda: not any(n._protocol._proving for n in made.nodes.values()))
        table = [len(node._protocol.router) for node in made.nodes.values()]
        if size == 128:
            assert sorted(table)[size // 2] < size / 2, "who knows the ring needs no crawl"
        drawn = random.Random(size)
        depths = []
        for number in range(60):
            target = digest("target", number.to_bytes(8, "big"))[:20]
            asker, node = drawn.choice(list(made.nodes.items()))
            lookup = await node.lookup(target)
            others = [key for key in made.nodes if key != asker]
            assert [c.key for c in lookup.nearest] == nearest(others, target)[:8]
            depths.append(lookup.nearest[0].depth)
        assert max(depths) <= math.ceil(math.log2(size))
        if size == 128:
            assert max(depths) > 1, "everybody was one referral away"


async def test_a_put_finds_all_k_by_crawling(tmp_path: Path) -> None:
    async with world(
        tmp_path, 64, network=MemoryNetwork(), settings=SMALL_BUCKETS, introduced_to=2
    ) as made:
        node = next(iter(made.nodes.values()))
        for serial in range(10):
            written = await node.put(opening(serial, key_of("alice")), seconds=5)
            assert written.accepted
            assert {v.voter for v in written.votes} == set(made.closest(written.name))


class Told:
    """A ring on paper: who refers to whom, who is silent, how long an answer takes."""

    def __init__(self, links: dict[bytes, list[bytes]], slow: set[bytes], dead: set[bytes]) -> None:
        self.links, self.slow, self.dead = links, slow, dead
        self.flying = 0
        self.most_flying = 0
        self.asked: list[bytes] = []
        self.release = asyncio.Event()
        self.fails: set[bytes] = set()

    def crawl(self, target: bytes, width: int) -> Crawl:
        return Crawl(
            target,
            lambda candidate: asyncio.ensure_future(self.ask(candidate)),
            lambda candidate, answer: answer,
            lambda key, address: True,
            width=width,
            alpha=3,
        )

    async def ask(self, candidate: Candidate) -> list[tuple[bytes, Address]] | None:
        self.asked.append(candidate.key)
        self.flying += 1
        self.most_flying = max(self.most_flying, self.flying)
        if candidate.key in self.slow:
            await self.release.wait()
        await asyncio.sleep(0)
        if candidate.key in self.fails:
            raise ZeroDivisionError
        self.flying -= 1
        if candidate.key in self.dead:
            return None
        return [(key, ("10.0.0.1", 1)) for key in self.links.get(candidate.key, [])]


def chain(length: int) -> tuple[list[bytes], dict[bytes, list[bytes]], bytes]:
    target = digest("goal")[:20]
    keys = nearest((digest("c", i.to_bytes(4, "big")) for i in range(length)), target)[::-1]
    return keys, {a: [b] for a, b in pairwise(keys)}, target


async def test_a_slow_node_holds_nobody_up() -> None:
    keys, links, target = chain(12)
    slow = digest("slow")
    told = Told(links, {slow}, set())
    crawl = told.crawl(target, 20)
    crawl.add(keys[0], ("10.0.0.1", 1))
    crawl.add(slow, ("10.0.0.1", 1))
    running = asyncio.ensure_future(crawl.run())
    await until(lambda: set(told.asked) == {*keys, slow})
    assert not running.done()
    told.release.set()
    lookup = await running
    assert lookup.nearest[0].key == keys[-1]
    assert {c.key: c.depth for c in lookup.nearest}[keys[-1]] == 11


async def test_at_most_alpha_requests_are_in_flight() -> None:
    keys, _, target = chain(40)
    told = Told({keys[0]: keys[1:]}, set(), set())
    crawl = told.crawl(target, 20)
    crawl.add(keys[0], ("10.0.0.1", 1))
    await crawl.run()
    assert told.most_flying == 3


async def test_silent_nodes_are_in_no_result_and_do_not_stop_the_search() -> None:
    keys, _, target = chain(10)
    dead = set(keys[-3:])
    told = Told({keys[0]: keys[1:]}, set(), dead)
    crawl = told.crawl(target, 4)
    crawl.add(keys[0], ("10.0.0.1", 1))
    lookup = await crawl.run()
    assert [c.key for c in lookup.nearest] == keys[::-1][3:7]


async def test_a_cancelled_crawl_stops_its_requests() -> None:
    keys, links, target = chain(3)
    told = Told(links, set(keys), set())
    crawl = told.crawl(target, 4)
    crawl.add(keys[0], ("10.0.0.1", 1))
    running = asyncio.ensure_future(crawl.run())
    await until(lambda: told.flying == 1)
    before = len(asyncio.all_tasks())
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await until(lambda: len(asyncio.all_tasks()) == before - 2)


async def test_what_fails_in_a_request_fails_the_crawl_and_hangs_nobody() -> None:
    keys, links, target = chain(6)
    told = Told(links, set(), set())
    told.fails.add(keys[3])
    crawl = told.crawl(target, 4)
    crawl.add(keys[0], ("10.0.0.1", 1))
    async with asyncio.timeout(5):
        with pytest.raises(ZeroDivisionError):
            await crawl.run()
