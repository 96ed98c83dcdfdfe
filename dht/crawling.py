"""Iterative FIND_NODE (Kademlia 2.3): alpha requests in flight, none waits for the slowest."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from dht.records import node_id
from dht.rpc import Address

ADDRESSES_PER_KEY = 3
"""Somebody who lies about a member's address does not hide the true one."""


@dataclass(frozen=True)
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
Prove = Callable[[Candidate], Awaitable[bool]]


class Crawl:
    """One lookup. `width`: ends when so many of the nearest have answered."""

    def __init__(self, target: bytes, ask: Ask, *, width: int, alpha: int) -> None:
        self._target = int.from_bytes(target, "big")
        self._ask = ask
        self._width = width
        self._alpha = alpha
        self._candidates: dict[tuple[bytes, Address], Candidate] = {}
        self._addresses: dict[bytes, int] = {}
        self._asked: set[Candidate] = set()
        self._answered: set[Candidate] = set()
        self._silent: set[Candidate] = set()
        self._wanted: bytes | None = None
        self._found: Candidate | None = None

    def add(self, key: bytes, address: Address, depth: int = 0) -> None:
        count = self._addresses.get(key, 0)
        if (key, address) not in self._candidates and count < ADDRESSES_PER_KEY:
            self._addresses[key] = count + 1
            self._candidates[(key, address)] = Candidate(key, address, depth)

    async def run(self, wanted: bytes | None = None, prove: Prove | None = None) -> Lookup:
        """Close in on the target. Ends early when `wanted` has shown its key (`prove`)."""
        self._wanted, self._prove = wanted, prove
        flying: set[asyncio.Task[None]] = set()
        try:
            while self._found is None:
                for candidate in self._next(self._alpha - len(flying)):
                    self._asked.add(candidate)
                    flying.add(asyncio.ensure_future(self._visit(candidate)))
                if not flying:
                    break
                done, flying = await asyncio.wait(flying, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        finally:
            for task in flying:
                task.cancel()
        nearest = tuple(sorted(self._answered, key=self._distance)[: self._width])
        return Lookup(nearest, len(self._asked), self._found)

    def _distance(self, candidate: Candidate) -> int:
        return int.from_bytes(node_id(candidate.key), "big") ^ self._target

    def _next(self, count: int) -> list[Candidate]:
        """Whom to ask now: of the nearest that are not silent, those not asked yet."""
        if count <= 0:
            return []
        alive = (c for c in self._candidates.values() if c not in self._silent)
        nearest = sorted(alive, key=self._distance)[: self._width]
        return [c for c in nearest if c not in self._asked][:count]

    async def _visit(self, candidate: Candidate) -> None:
        if candidate.key == self._wanted and self._prove is not None:
            if await self._prove(candidate):
                self._found = candidate
            else:
                self._silent.add(candidate)
            return
        referrals = await self._ask(candidate)
        if referrals is None:
            self._silent.add(candidate)
            return
        self._answered.add(candidate)
        for key, address in referrals:
            self.add(key, address, candidate.depth + 1)
