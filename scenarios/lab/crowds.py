"""Many nodes of a DHT in one process, to look things up: ours, and the stock library's.

What a lookup costs all nodes together is then one process's time, without the change from process
to process. Each node has a socket of its own and knows of the others only what it was told by them.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from crypto import codec
from crypto.documents import Signed
from crypto.signing import SigningKey
from dht.node import Contact, DhtNode, DhtSettings
from dht.records import NODE_ID_BYTES, Roster, node_id
from nodes.runtime.store import Store

HOST = "127.0.0.1"
INTRODUCED_TO = 8
"""Members that were there before, drawn, that somebody who joins is told of."""
T = TypeVar("T")
SILENCE_SECONDS = DhtSettings().timeout_seconds * (1 + DhtSettings().retries)
"""After which one of our nodes takes another for gone."""


class Looked(msgspec.Struct, frozen=True):
    """A number of lookups, one at a time, each from another node to a place that was drawn."""

    times: int
    exact: int
    """That found exactly the k nearest."""
    depth: float
    """Referrals from the asker to the nearest, on average."""
    deepest: int
    asked: float
    """Requests of a lookup, on average."""
    datagrams: float = 0.0
    """Sent by all nodes for one, on average; of ours two are a request's, others show a key."""
    gone: int = 0
    """Who was named and is not there any more, over all lookups."""
    cpu: float = 0.0
    """Milliseconds of processor time of one, where that was told apart."""


class Crowd:
    """`places`: the identifier of every node, by its number."""

    def __init__(self, k: int, places: Sequence[bytes]) -> None:
        self._k = k
        self._places = [int.from_bytes(place, "big") for place in places]
        self._gone: set[int] = set()

    @property
    def _there(self) -> list[int]:
        return [number for number in range(len(self._places)) if number not in self._gone]

    def _draw_who_goes(self, count: int, seed: int) -> list[int]:
        """Without a word, for good."""
        going = random.Random(seed).sample(self._there, count)
        self._gone.update(going)
        return going

    def _draw_lookups(self, times: int, seed: int) -> list[tuple[int, bytes]]:
        """Who looks, by its number, and for what."""
        drawn = random.Random(seed)
        return [(drawn.choice(self._there), drawn.randbytes(NODE_ID_BYTES)) for _ in range(times)]

    def gone_of(self, named: set[int]) -> int:
        return sum(self._places[number] in named for number in self._gone)

    def nearest(self, target: bytes, asker: int | None) -> set[int]:
        goal = int.from_bytes(target, "big")
        others = [self._places[number] for number in self._there if number != asker]
        return set(sorted(others, key=goal.__xor__)[: self._k])


async def _some_at_once(lookups: Sequence[Awaitable[T]], at_once: int) -> list[T]:
    """What they found, in their order."""
    gate = asyncio.Semaphore(at_once)

    async def look(lookup: Awaitable[T]) -> T:
        async with gate:
            return await lookup

    return await asyncio.gather(*(look(lookup) for lookup in lookups))


class OurCrowd(Crowd):
    """Members on UDP, each with its votes on disk."""

    def __init__(self, seeds: list[bytes], k: int, signed: bytes, folder: Path) -> None:
        self._keys = [SigningKey(seed) for seed in seeds]
        super().__init__(k, [node_id(key.public_key) for key in self._keys])
        self._roster = codec.decode(signed, Signed[Roster])
        self._folder = folder
        self._settings = DhtSettings(bucket_size=k, repair_seconds=0)
        self._nodes: list[DhtNode] = []
        self._stores: list[Store] = []

    async def start(self) -> None:
        authority = codec.decode(self._roster.content, Roster).authority
        contacts: list[Contact] = []
        drawn = random.Random(0)
        for key in self._keys:
            store = Store(self._folder / f"{key.public_key.hex()[:16]}.db")
            node = DhtNode(
                key=key,
                storage=store,
                now=lambda: time.time_ns() // 1_000_000,
                validators={},
                authority=lambda: authority,
                member=True,
                settings=self._settings,
            )
            self._nodes.append(node)
            self._stores.append(store)
            host, port = await node.listen(HOST, 0)
            await node.adopt(self._roster)
            await node.join(drawn.sample(contacts, min(INTRODUCED_TO, len(contacts))))
            contacts.append(Contact(key.public_key, host, port))

    async def known(self) -> float:
        """Contacts in a node's buckets, on average."""
        return sum(len(node._protocol.router) for node in self._nodes) / len(self._nodes)

    async def look(self, times: int, seed: int, at_once: int = 1) -> bytes:
        depths, asked, exact, gone = [], 0, 0, 0
        before = self._datagrams()
        asks = self._draw_lookups(times, seed)
        founds = await _some_at_once(
            [self._nodes[number].lookup(target) for number, target in asks], at_once
        )
        for (number, target), found in zip(asks, founds, strict=True):
            nearest = [int.from_bytes(node_id(one.key), "big") for one in found.nearest]
            exact += set(nearest[: self._k]) == self.nearest(target, number)
            gone += self.gone_of(set(nearest))
            depths.append(found.nearest[0].depth if found.nearest else 0)
            asked += found.asked
        mean = sum(depths) / times
        sent = (self._datagrams() - before) / times
        return codec.encode(
            Looked(times, exact, mean, max(depths), asked / times, datagrams=sent, gone=gone)
        )

    async def lose(self, count: int, seed: int) -> None:
        for number in self._draw_who_goes(count, seed):
            await self._nodes[number].close()

    def _datagrams(self) -> int:
        return sum(node.counters["datagrams_out"] for node in self._nodes)

    async def close(self) -> None:
        for number, (node, store) in enumerate(zip(self._nodes, self._stores, strict=True)):
            if number not in self._gone:
                await node.close()
            await store.close()


class StockCrowd(Crowd):
    """The library as it comes, introduced to as many."""

    def __init__(self, places: list[bytes], k: int) -> None:
        super().__init__(k, places)
        self._ids = places
        self._servers: list[Any] = []

    async def start(self) -> None:
        from kademlia.network import Server

        logging.disable(logging.ERROR)  # it says of each node that is gone that it is
        made: Any = Server
        addresses: list[tuple[str, int]] = []
        drawn = random.Random(0)
        for place in self._ids:
            server = made(ksize=self._k, node_id=place)
            self._servers.append(server)
            await server.listen(0, HOST)
            if addresses:
                before = drawn.sample(addresses, min(INTRODUCED_TO, len(addresses)))
                await server.bootstrap(before)
            addresses.append((HOST, int(server.transport.get_extra_info("sockname")[1])))

    async def known(self) -> float:
        buckets = [server.protocol.router.buckets for server in self._servers]
        known = sum(len(bucket) for table in buckets for bucket in table)
        return known / len(self._servers)

    async def look(self, times: int, seed: int, at_once: int = 1) -> bytes:
        """Its depth is not known: the library does not keep who referred to whom."""
        from kademlia.crawling import NodeSpiderCrawl
        from kademlia.node import Node

        crawl: Any = NodeSpiderCrawl
        place: Any = Node

        async def find(number: int, target: bytes) -> Any:
            server, node = self._servers[number], place(target)
            near = server.protocol.router.find_neighbors(node)
            return await crawl(server.protocol, node, near, self._k, server.alpha).find()

        exact, gone, asks = 0, 0, self._draw_lookups(times, seed)
        founds = await _some_at_once([find(*each) for each in asks], at_once)
        for (number, target), found in zip(asks, founds, strict=True):
            nearest = {int.from_bytes(one.id, "big") for one in found}
            exact += nearest == self.nearest(target, number)
            gone += self.gone_of(nearest)
        return codec.encode(Looked(times, exact, 0.0, 0, 0.0, gone=gone))

    async def lose(self, count: int, seed: int) -> None:
        """Who is left waits for a silent one as long as ours do, not for the library's 5 s."""
        for number in self._draw_who_goes(count, seed):
            self._servers[number].stop()
        for number in self._there:
            self._servers[number].protocol._wait_timeout = SILENCE_SECONDS

    async def close(self) -> None:
        for number in self._there:
            self._servers[number].stop()


CROWDS: dict[str, Callable[..., Any]] = {
    "our crowd": OurCrowd,
    "stock crowd": StockCrowd,
}
