"""Thousands of routing nodes in one process, without sockets: ours, and the stock library's.

Both stand on the same transport, have the same identifiers and start with the same contacts in
their buckets, as the ring would have filled them in time. Lookups are drawn alike: each crowd looks
for the same places, from the same nodes.

Neither asks the oldest contact of a full bucket whether it is still there: all have been heard a
moment ago. In the stock library whoever is asked that asks its own oldest contact in turn, without
end. What it costs ours, where nobody has been heard for long, `look_after_silence` tells.
"""

import asyncio
import gc
import os
import random
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, NoReturn, TypeVar

from kademlia.crawling import NodeSpiderCrawl
from kademlia.node import Node
from kademlia.protocol import KademliaProtocol
from kademlia.storage import ForgetfulStorage

from crypto import codec
from crypto.documents import Signed
from crypto.signing import SigningKey
from dht.crawling import Lookup
from dht.network_in_memory import MemoryNetwork
from dht.protocol import RingProtocol
from dht.records import NODE_ID_BYTES, Roster, node_id
from dht.rosters import Ring, Rosters
from dht.routing import RING_BITS, RingNode
from dht.rpc import Address
from dht.settings import DhtSettings
from nodes.runtime.store import Store
from scenarios.lab.crowds import HOST, INTRODUCED_TO, Crowd, Looked
from scenarios.lab.measure import usage

CACHED_CERTIFICATES = 16
MEMBER, STRANGER = "by a member", "by a stranger"
NEWCOMER, AGAIN = "by a newcomer", "by the newcomer once more"
HOUR = 3600.0
QUIET_TURNS = 8
"""Of the event loop. Between two datagrams of a request both libraries need four at most."""
N = TypeVar("N")
F = TypeVar("F")


class CountingNetwork(MemoryNetwork):
    """Counts what is sent, remembers to whom, and tells when all is answered."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = 0
        self.heard: set[Address] = set()

    def send(self, data: bytes, source: Address, target: Address) -> None:
        self.sent += 1
        self.heard.add(target)
        super().send(data, source, target)

    async def quiet(self) -> None:
        """Until nobody has sent anything for some turns of the loop."""
        turns, sent = 0, self.sent
        while turns < QUIET_TURNS:
            await asyncio.sleep(0)
            turns = turns + 1 if self.sent == sent else 0
            sent = self.sent


@dataclass(frozen=True)
class Named:
    """What a lookup says: the places it names, and by how many referrals and requests."""

    places: frozenset[int]
    depth: int
    asked: int


@dataclass
class _Tally:
    """Lookups of one kind."""

    depths: list[int] = field(default_factory=list)
    exact: int = 0
    asked: int = 0
    sent: int = 0
    cpu_seconds: float = 0.0

    def looked(self) -> Looked:
        times = len(self.depths)
        return Looked(
            times,
            self.exact,
            sum(self.depths) / times,
            max(self.depths),
            self.asked / times,
            datagrams=self.sent / times,
            cpu=1000 * self.cpu_seconds / times,
        )


class MemoryCrowd(Crowd, Generic[N, F]):
    """Members at the places of these keys. `N`: a node; `F`: what its lookup returns.

    A stranger is no member: it has buckets as a member at its place would, and none has it. A
    newcomer is a stranger who was told of a few members; asking for the same place once more, it
    knows whom it met.
    """

    def __init__(self, seeds: list[bytes], k: int) -> None:
        keys = [SigningKey(seed) for seed in seeds]
        self._keys = sorted(keys, key=lambda key: node_id(key.public_key))
        super().__init__(k, [node_id(key.public_key) for key in self._keys])
        self._network = CountingNetwork()
        self._members: list[N] = []
        self._addresses: list[Address] = []

    async def start(self) -> float:
        """Bytes of memory a member, its share of a roster not counted.

        A node that is alone in its process has no garbage of others to look through.
        """
        before = _memory()
        for key in self._keys:
            member, address = await self._listening(key)
            self._members.append(member)
            self._addresses.append(address)
        drawn = random.Random(0)
        for number, member in enumerate(self._members):
            for other in self._contacts(self._places[number], number, drawn):
                self._introduce(member, other)
        gc.collect()
        gc.freeze()
        return (_memory() - before) / len(self._members)

    async def memory(self) -> int:
        """Bytes, of the whole process."""
        return _memory()

    async def known(self) -> float:
        """Contacts in a member's buckets, on average."""
        return sum(self._known(member) for member in self._members) / len(self._members)

    async def look(self, times: int, seed: int) -> dict[str, bytes]:
        """So many lookups of each kind, one at a time. Their time ends when all is quiet again."""
        drawn = random.Random(seed)
        tallies = {how: _Tally() for how in (MEMBER, STRANGER, NEWCOMER, AGAIN)}
        everybody = range(len(self._members))
        for _ in range(times):
            number = drawn.choice(everybody)
            await self._look(tallies[MEMBER], self._members[number], number, _target(drawn))
            key = SigningKey(drawn.randbytes(32))
            place = int.from_bytes(node_id(key.public_key), "big")
            async with self._outside(key, self._contacts(place, None, drawn)) as stranger:
                await self._look(tallies[STRANGER], stranger, None, _target(drawn))
            told = drawn.sample(everybody, min(INTRODUCED_TO, len(everybody)))
            async with self._outside(SigningKey(drawn.randbytes(32)), told) as newcomer:
                target = _target(drawn)
                await self._look(tallies[NEWCOMER], newcomer, None, target)
                await self._look(tallies[AGAIN], newcomer, None, target)
        return {how: codec.encode(tally.looked()) for how, tally in tallies.items()}

    @asynccontextmanager
    async def _outside(self, key: SigningKey, contacts: Iterable[int]) -> AsyncIterator[N]:
        """Who is no member, as long as it is there."""
        self._network.heard.clear()
        node, _ = await self._listening(key)
        for other in contacts:
            self._introduce(node, other)
        yield node
        await self._part(node)

    async def _look(self, tally: _Tally, asker: N, number: int | None, target: bytes) -> None:
        sent, began = self._network.sent, time.process_time()
        found = await self._find(asker, target)
        await self._network.quiet()
        tally.cpu_seconds += time.process_time() - began
        tally.sent += self._network.sent - sent
        named = self._read(found)
        tally.exact += named.places == self.nearest(target, number)
        tally.depths.append(named.depth)
        tally.asked += named.asked

    async def _listening(self, key: SigningKey) -> tuple[N, Address]:
        transport, made = await self._network.create_datagram_endpoint(
            lambda: self._made(key), (HOST, 0)
        )
        return made, transport.get_extra_info("sockname")

    def _contacts(self, place: int, own: int | None, drawn: random.Random) -> Iterator[int]:
        """Of each subtree k, drawn, or all there are: from the far half to the neighbours."""
        for bit in range(RING_BITS - 1, -1, -1):
            inside = self._within((place ^ (1 << bit)) >> bit << bit, bit)
            yield from drawn.sample(inside, min(self._k, len(inside)))
            if len(self._within(place >> bit << bit, bit)) <= (own is not None):
                return

    def _within(self, low: int, bit: int) -> range:
        """The members of a subtree."""
        start = bisect_left(self._places, low)
        return range(start, bisect_left(self._places, low + (1 << bit)))

    def _made(self, key: SigningKey) -> N:
        raise NotImplementedError

    def _introduce(self, who: N, other: int) -> None:
        """Into its buckets, by its own rule."""
        raise NotImplementedError

    def _known(self, member: N) -> int:
        raise NotImplementedError

    async def _find(self, asker: N, target: bytes) -> F:
        raise NotImplementedError

    def _read(self, found: F) -> Named:
        raise NotImplementedError

    async def _part(self, stranger: N) -> None:
        """It goes, and nobody is left who refers to it."""
        raise NotImplementedError


class _NothingKept:
    """Only who is where is looked up here: nobody puts, reads or turns an epoch."""

    def __getattr__(self, name: str) -> NoReturn:
        raise AssertionError(f"'{name}' is not asked of who only routes")


class OurMemoryCrowd(MemoryCrowd[RingProtocol, Lookup]):
    """The plain tree of Kademlia 2.4 (b = 1). One roster is read by all."""

    def __init__(self, seeds: list[bytes], k: int, signed: bytes, folder: Path) -> None:
        super().__init__(seeds, k)
        self._roster = codec.decode(signed, Signed[Roster])
        self._store = Store(folder / f"{len(seeds)}.db")
        authority = codec.decode(self._roster.content, Roster).authority
        self._rosters = Rosters(self._store, lambda: authority, CACHED_CERTIFICATES)
        self._settings = DhtSettings(
            bucket_size=k, bits_per_hop=1, repair_seconds=0, doubt_after_seconds=HOUR
        )

    async def start(self) -> float:
        await self._rosters.adopt(self._roster)
        ring = self._rosters.current
        sharing = {
            key.public_key: self._sharing(number, ring) for number, key in enumerate(self._keys)
        }
        # Each member remembers its own; a ring read by all remembers those of a few.
        ring.sharing = lambda member: sharing.get(member, frozenset())  # type: ignore[assignment]
        return await super().start()

    def _sharing(self, number: int, ring: Ring) -> frozenset[bytes]:
        """As the ring says, of the least subtree that decides it: k on either side, at each bit."""
        place, bit = self._places[number], RING_BITS
        inside = self._within(0, bit)
        while bit:
            bit -= 1
            ours = self._within(place >> bit << bit, bit)
            theirs = len(inside) - len(ours)
            if theirs and min(len(ours), theirs) < self._k:
                break
            inside = ours
        members = tuple(self._keys[other].public_key for other in inside)
        roster = ring.roster
        part = Roster(roster.epoch, roster.authority, roster.k, roster.q, members, b"")
        return Ring(part, b"").sharing(self._keys[number].public_key)

    def _made(self, key: SigningKey) -> RingProtocol:
        nothing: Any = _NothingKept()
        return RingProtocol(key, self._rosters, nothing, self._settings, Counter(), nothing)

    def _introduce(self, who: RingProtocol, other: int) -> None:
        contact = RingNode(self._keys[other].public_key, self._addresses[other])
        contact.heard_at = asyncio.get_running_loop().time()
        who.router.add_contact(contact)

    def _known(self, member: RingProtocol) -> int:
        return len(member.router)

    async def look_after_silence(self, seed: int) -> bytes:
        """One lookup by a member when nobody has heard of anybody for long."""
        for member in self._members:
            for contact in member.router:
                contact.heard_at = -HOUR
        drawn, tally = random.Random(seed), _Tally()
        number = drawn.randrange(len(self._members))
        await self._look(tally, self._members[number], number, _target(drawn))
        return codec.encode(tally.looked())

    async def _find(self, asker: RingProtocol, target: bytes) -> Lookup:
        return await asker.lookup(target)

    def _read(self, found: Lookup) -> Named:
        nearest = [int.from_bytes(node_id(one.key), "big") for one in found.nearest]
        return Named(frozenset(nearest[: self._k]), found.nearest[0].depth, found.asked)

    async def _part(self, stranger: RingProtocol) -> None:
        await stranger.close()

    async def close(self) -> None:
        for member in self._members:
            await member.close()
        await self._store.close()


_node: Any = Node
_storage: Any = ForgetfulStorage
_crawl: Any = NodeSpiderCrawl


class _StockProtocol(KademliaProtocol):
    """As it comes, but for a question that would be handed on without end: whether one is there."""

    async def call_ping(self, node_to_ask: Any) -> tuple[bool, None]:
        return True, None


class StockMemoryCrowd(MemoryCrowd[Any, tuple[list[Any], int]]):
    """The library's own protocol, buckets and crawl. It adds whoever asks to its buckets.

    Its buckets split by 5 bits, which is not to be set; what they start with is the plain tree.
    """

    ALPHA = 3
    """As its server has it, and ours."""

    def _made(self, key: SigningKey) -> Any:
        made: Any = _StockProtocol
        return made(_node(node_id(key.public_key)), _storage(), self._k)

    def _introduce(self, who: Any, other: int) -> None:
        place = self._places[other].to_bytes(NODE_ID_BYTES, "big")
        who.router.add_contact(_node(place, *self._addresses[other]))

    def _known(self, member: Any) -> int:
        return sum(len(bucket) for bucket in member.router.buckets)

    async def _find(self, asker: Any, target: bytes) -> tuple[list[Any], int]:
        """As its server does; the requests too."""
        goal = _node(target)
        near = asker.router.find_neighbors(goal)
        spider = _crawl(asker, goal, near, self._k, self.ALPHA)
        return await spider.find(), len(spider.nearest.contacted)

    def _read(self, found: tuple[list[Any], int]) -> Named:
        """Its depth is not known: the library does not keep who referred to whom."""
        nodes, asked = found
        return Named(frozenset(node.long_id for node in nodes), 0, asked)

    async def _part(self, stranger: Any) -> None:
        """Who was asked forgets it: a silent one costs the next lookup five seconds."""
        stranger.transport.close()
        numbers = {address: number for number, address in enumerate(self._addresses)}
        for address in self._network.heard & numbers.keys():
            self._members[numbers[address]].router.remove_contact(stranger.source_node)

    async def close(self) -> None:
        for member in self._members:
            member.transport.close()


def _target(drawn: random.Random) -> bytes:
    return drawn.randbytes(NODE_ID_BYTES)


def _memory() -> int:
    used = usage(os.getpid())
    assert used is not None, "this process runs"
    return used.memory_bytes


CROWDS_IN_MEMORY: dict[str, Callable[..., Any]] = {
    "our memory crowd": OurMemoryCrowd,
    "stock memory crowd": StockMemoryCrowd,
}
