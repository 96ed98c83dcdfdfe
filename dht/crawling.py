"""Iterative FIND_NODE (Kademlia 2.3): alpha requests in flight, none waits for the slowest."""

import asyncio
from bisect import insort
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

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


Ask = Callable[[Candidate], asyncio.Future[Any]]
"""FIND_NODE for the target, under way."""
Hear = Callable[[Candidate, Any], Iterable[tuple[bytes, Address]] | None]
"""Who is named in what came of it; None where nobody answered."""
Admit = Callable[[bytes, Address], bool]
"""Whether somebody at an address, as others say, is worth asking."""
Prove = Callable[[Candidate], Awaitable[bool]]


class Crawl:
    """One lookup. `width`: ends when so many of the nearest have answered."""

    def __init__(
        self, target: bytes, ask: Ask, hear: Hear, admit: Admit, *, width: int, alpha: int
    ) -> None:
        self._target = int.from_bytes(target, "big")
        self._ask = ask
        self._hear = hear
        self._admit = admit
        self._width = width
        self._alpha = alpha
        self._known: set[tuple[bytes, Address]] = set()
        self._addresses: dict[bytes, int] = {}
        self._nearest: list[tuple[int, int, Candidate]] = []
        """Who is not silent, by distance; at the same distance in the order they came."""
        self._asked: set[Candidate] = set()
        self._answered: set[Candidate] = set()
        self._flying: set[asyncio.Future[Any]] = set()
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._wanted: bytes | None = None
        self._prove: Prove | None = None
        self._found: Candidate | None = None

    def add(self, key: bytes, address: Address, depth: int = 0) -> None:
        addresses = self._addresses.get(key, 0)
        if addresses >= ADDRESSES_PER_KEY or (key, address) in self._known:
            return
        self._addresses[key] = addresses + 1
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
                asked = self._put_to(candidate)
                self._flying.add(asked)
                asked.add_done_callback(partial(self._answered_by, candidate))
        if self._found is not None or not self._flying:
            self._over.set_result(None)

    def _put_to(self, candidate: Candidate) -> asyncio.Future[Any]:
        """Under way, either of them: to show its key, if it is the one wanted, or FIND_NODE."""
        if self._prove is not None and candidate.key == self._wanted:
            return asyncio.ensure_future(self._prove(candidate))
        return self._ask(candidate)

    def _answered_by(self, candidate: Candidate, asked: asyncio.Future[Any]) -> None:
        self._flying.discard(asked)
        if self._over.done():
            return
        try:
            self._take(candidate, asked.result())
            self._ask_on()
        except asyncio.CancelledError:
            self._over.cancel()
        except Exception as error:
            self._over.set_exception(error)

    def _take(self, candidate: Candidate, answer: Any) -> None:
        if candidate.key == self._wanted and self._prove is not None:
            if answer:
                self._found = candidate
            else:
                self._pass_over(candidate)
            return
        referrals = self._hear(candidate, answer)
        if referrals is None:
            self._pass_over(candidate)
            return
        self._answered.add(candidate)
        for key, address in referrals:
            if (key, address) not in self._known and self._admit(key, address):
                self.add(key, address, candidate.depth + 1)

    def _next(self, count: int) -> list[Candidate]:
        """Whom to ask now: of the nearest that are not silent, those not asked yet."""
        nearest = (who for _, _, who in self._nearest[: self._width] if who not in self._asked)
        return list(islice(nearest, count))

    def _pass_over(self, silent: Candidate) -> None:
        self._nearest = [entry for entry in self._nearest if entry[2] is not silent]
