"""Iterative FIND_NODE (Kademlia 2.3): alpha requests in flight, none waits for the slowest."""

import asyncio
from bisect import insort
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from itertools import islice

from dht.records import node_id
from dht.rpc import Address

ADDRESSES_PER_KEY = 3
"""Somebody who lies about a member's address does not hide the true one."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """Somebody is said to be at an address. `depth`: by how many referrals it was found."""

    key: bytes
    address: Address
    depth: int = 0


@dataclass(frozen=True)
class Lookup:
    """Who answered, nearest to the target first; `asked` requests were sent."""

    nearest: tuple[Candidate, ...]
    asked: int
    found: Candidate | None
    """The member wanted, at the address where it has shown its key."""


Ask = Callable[[Candidate], Awaitable[Iterable[tuple[bytes, Address]] | None]]
"""FIND_NODE for the target; None if silent."""
Admit = Callable[[bytes, Address], bool]
"""Whether somebody at an address, as others say, is worth asking."""
Prove = Callable[[Candidate], Awaitable[bool]]


class Crawl:
    """One lookup. `width`: ends when so many of the nearest have answered."""

    def __init__(self, target: bytes, ask: Ask, admit: Admit, *, width: int, alpha: int) -> None:
        self._target = int.from_bytes(target, "big")
        self._ask = ask
        self._admit = admit
        self._width = width
        self._alpha = alpha
        self._known: set[tuple[bytes, Address]] = set()
        self._addresses: Counter[bytes] = Counter()
        self._nearest: list[tuple[int, int, Candidate]] = []
        """Who is not silent, by distance; at the same distance in the order they came."""
        self._asked: set[Candidate] = set()
        self._answered: set[Candidate] = set()
        self._flying: set[asyncio.Task[None]] = set()
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._wanted: bytes | None = None
        self._prove: Prove | None = None
        self._found: Candidate | None = None

    def add(self, key: bytes, address: Address, depth: int = 0) -> None:
        if self._addresses[key] >= ADDRESSES_PER_KEY:
            return
        self._addresses[key] += 1
        self._known.add((key, address))
        distance = int.from_bytes(node_id(key), "big") ^ self._target
        insort(self._nearest, (distance, len(self._known), Candidate(key, address, depth)))

    async def run(self, wanted: bytes | None = None, prove: Prove | None = None) -> Lookup:
        """Close in on the target. Ends early when `wanted` has shown its key (`prove`)."""
        self._wanted, self._prove = wanted, prove
        try:
            self._ask_on()
            await self._over
        finally:
            for task in self._flying:
                task.cancel()
        nearest = [who for _, _, who in self._nearest if who in self._answered][: self._width]
        return Lookup(tuple(nearest), len(self._asked), self._found)

    def _ask_on(self) -> None:
        """As many at once as is allowed; over when nobody is left who was not asked."""
        if self._found is None:
            for candidate in self._next(self._alpha - len(self._flying)):
                self._asked.add(candidate)
                task = asyncio.ensure_future(self._visit(candidate))
                self._flying.add(task)
                task.add_done_callback(self._visited)
        if self._found is not None or not self._flying:
            self._over.set_result(None)

    def _visited(self, task: "asyncio.Task[None]") -> None:
        self._flying.discard(task)
        if self._over.done():
            return
        if task.cancelled():
            self._over.cancel()
        elif (error := task.exception()) is not None:
            self._over.set_exception(error)
        else:
            self._ask_on()

    def _next(self, count: int) -> list[Candidate]:
        """Whom to ask now: of the nearest that are not silent, those not asked yet."""
        nearest = (who for _, _, who in self._nearest[: self._width] if who not in self._asked)
        return list(islice(nearest, count))

    async def _visit(self, candidate: Candidate) -> None:
        if candidate.key == self._wanted and self._prove is not None:
            if await self._prove(candidate):
                self._found = candidate
            else:
                self._pass_over(candidate)
            return
        referrals = await self._ask(candidate)
        if referrals is None:
            self._pass_over(candidate)
            return
        self._answered.add(candidate)
        for key, address in referrals:
            if (key, address) not in self._known and self._admit(key, address):
                self.add(key, address, candidate.depth + 1)

    def _pass_over(self, silent: Candidate) -> None:
        self._nearest = [entry for entry in self._nearest if entry[2] is not silent]
