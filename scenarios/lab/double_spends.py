"""Races of two payees for one coin among replicas of which some lie, judged by several rules.

All members of the ring keep every register, so f liars of k are f liars of each. The two writers
are clients on the same network; what each saw of a race is judged by every rule at once.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from crypto.documents import content_digest
from crypto.signing import SigningKey
from dht.errors import RecordRefused
from dht.network_in_memory import MemoryNetwork
from dht.node import Contact, DhtNode, DhtSettings, Written
from dht.records import Certificate, Put, Roster, cast_vote
from nodes.protocols.dht_micropayment.coin import NAMESPACE, Trust
from nodes.protocols.dht_micropayment.validator import check_put
from nodes.protocols.errors import Refused
from nodes.runtime.clock import Clock
from nodes.runtime.store import Store
from scenarios.lab.lying import Lie, LyingNode
from scenarios.lab.two_rings import Coins, Membership, ring_of

Rule = Callable[[Written, int], bool]
"""What a payee saw, and k."""
RULES: Mapping[str, Rule] = {
    "any one vote": lambda seen, k: len(seen.votes) >= 1,
    "a majority": lambda seen, k: len(seen.votes) > k // 2,
    "q votes": lambda seen, k: seen.certificate is not None,
    "q votes and no conflict shown": lambda seen, k: seen.accepted,
}
LATEST_SECONDS = 0.003
"""From one payment to the other, at most."""
DELAY = (0.0, 0.004)
"""Of a datagram in memory, in seconds."""
PUT_SECONDS = 1.0
SETTINGS = DhtSettings(repair_seconds=0)
Tell = Callable[[int, frozenset[Lie]], Awaitable[None]]
"""Member number n lies like this from now on."""


@dataclass
class Arena:
    members: Membership
    writers: tuple[DhtNode, DhtNode]
    coins: Coins
    tell: Tell
    k: int
    q: int

    async def liars(self, chosen: Iterable[int], lies: frozenset[Lie]) -> None:
        liars = set(chosen)
        for number in range(len(self.members.keys)):
            await self.tell(number, lies if number in liars else frozenset())

    def opened(self, put: Put) -> Certificate:
        """Certified by q of the members: what comes before a race is not what is looked at."""
        epoch, digest = 1, content_digest(Roster, self.members.signed.content)
        name, value = put.record.body().name, put.record.digest
        votes = [cast_vote(key, name, value, epoch, digest) for key in self.members.keys[: self.q]]
        return Certificate(put.record, epoch, digest, tuple(votes))

    async def race(self, drawn: random.Random) -> tuple[Written, Written]:
        """One coin, paid to two at almost the same time."""
        coin, opening = self.coins.opening()
        certificate = self.opened(opening)
        late = [0.0, drawn.uniform(0, LATEST_SECONDS)]
        drawn.shuffle(late)

        async def pay(writer: DhtNode, seconds: float) -> Written:
            put = self.coins.payment(coin, certificate, SigningKey.generate().public_key)
            await asyncio.sleep(seconds)
            return await writer.put(put, seconds=PUT_SECONDS)

        one, two = self.writers
        return await asyncio.gather(pay(one, late[0]), pay(two, late[1]))

    async def accepted_twice(
        self, liars: int, races: int, drawn: random.Random, lies: frozenset[Lie]
    ) -> Counter[str]:
        """By rule: in how many races both payees accepted."""
        twice: Counter[str] = Counter()
        for _ in range(races):
            await self.liars(drawn.sample(range(self.k), liars), lies)
            seen = await self.race(drawn)
            for name, accepts in RULES.items():
                twice[name] += all(accepts(written, self.k) for written in seen)
        return twice


class _Parts:
    """What every node of an arena is made of."""

    def __init__(self, folder: Path, members: Membership, broker: bytes) -> None:
        self._folder = folder
        self._members = members
        self._broker = broker
        self._clock = Clock(folder / "clock")

    async def node(
        self,
        stack: AsyncExitStack,
        key: SigningKey,
        kind: type[DhtNode],
        *,
        member: bool,
        network: MemoryNetwork | None,
    ) -> tuple[DhtNode, Contact]:
        store = Store(self._folder / f"{key.public_key.hex()[:16]}.db")
        stack.push_async_callback(store.close)

        def check(put: Put, now: int) -> None:
            trust = Trust(frozenset({self._broker}), made.check)
            try:
                check_put(put.record, put.predecessor, put.evidence, now, trust)
            except Refused as error:
                raise RecordRefused(error.code, error.detail) from error

        made = kind(
            key=key,
            storage=store,
            now=self._clock.now,
            validators={NAMESPACE: check},
            authority=lambda: self._members.authority.public_key,
            member=member,
            settings=SETTINGS,
            network=network,
        )
        host, port = await made.listen("127.0.0.1", 0)
        stack.push_async_callback(made.close)
        await made.adopt(self._members.signed)
        return made, Contact(key.public_key, host, port)

    async def writers(
        self, stack: AsyncExitStack, contacts: Sequence[Contact], network: MemoryNetwork | None
    ) -> tuple[DhtNode, DhtNode]:
        made = []
        for _ in range(2):
            key = SigningKey.generate()
            writer, _where = await self.node(stack, key, DhtNode, member=False, network=network)
            await writer.join(contacts)
            made.append(writer)
        return made[0], made[1]


@asynccontextmanager
async def in_memory(k: int, q: int, folder: Path, seed: int) -> AsyncIterator[Arena]:
    """All nodes in this process, on a network without sockets."""
    members, broker = Membership.of(k, k, q), SigningKey.generate()
    network = MemoryNetwork(seed)
    parts = _Parts(folder, members, broker.public_key)
    async with AsyncExitStack() as stack:
        nodes, contacts = [], []
        for key in members.keys:
            node, contact = await parts.node(stack, key, LyingNode, member=True, network=network)
            nodes.append(node)
            contacts.append(contact)
        await asyncio.gather(*(node.join(contacts) for node in nodes))
        writers = await parts.writers(stack, contacts, network)

        async def tell(number: int, lies: frozenset[Lie]) -> None:
            liar = nodes[number]
            assert isinstance(liar, LyingNode), "it was made as one"
            liar.tell(lies)

        network.delay = DELAY
        yield Arena(members, writers, Coins(broker, SigningKey.generate()), tell, k, q)


@asynccontextmanager
async def in_processes(k: int, q: int, folder: Path) -> AsyncIterator[Arena]:
    """Each member a process, on UDP; the writers in this one."""
    members, broker = Membership.of(k, k, q), SigningKey.generate()
    parts = _Parts(folder, members, broker.public_key)
    async with (
        ring_of("lying", members, folder, broker) as (processes, places),
        AsyncExitStack() as stack,
    ):
        contacts = [Contact(key, "127.0.0.1", port) for key, port in places]
        writers = await parts.writers(stack, contacts, None)

        async def tell(number: int, lies: frozenset[Lie]) -> None:
            await processes[number].ask("lie", sorted(lies))

        yield Arena(members, writers, Coins(broker, SigningKey.generate()), tell, k, q)
