"""What a piece of work cost a whole market: every process's time, every counter, on one machine."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from scenarios.lab.auditor import audit_settled
from scenarios.lab.benchmark import Bench
from scenarios.lab.costs import Counted
from scenarios.lab.measure import cpu_seconds
from scenarios.lab.world import Node, World
from scenarios.lab.yardsticks import Units

REST_SECONDS = 0.3
"""Longer than a certificate that was handed over waits for a write to ride with."""
REST_SHARE = 0.05
"""Processes that together use less of a core than this are at rest."""
LONGEST_SECONDS = 10.0


@dataclass(frozen=True)
class Spent:
    """Of `times` pieces of work of one kind."""

    times: int
    wall_seconds: float
    cpu_seconds: dict[str, float]
    """By role."""
    counted: Counter[str]
    """Over all nodes: cryptographic operations, messages, datagrams, commits."""
    owner_calls: int
    """Requests by which the nodes' owner (this benchmark) had it done."""
    nodes: Mapping[str, tuple[float, Counter[str]]] = field(default_factory=dict)
    """By name: seconds of processor time, and what it counted."""
    rested_seconds: float = 0.0
    """From the start of the work until everybody was at rest: processor time is that of so long."""

    @property
    def cpu(self) -> float:
        """Milliseconds of processor time a piece, all processes together."""
        return 1000 * sum(self.cpu_seconds.values()) / self.times

    def cpu_of(self, role: str) -> float:
        return 1000 * self.cpu_seconds.get(role, 0.0) / self.times

    @property
    def wall(self) -> float:
        """Milliseconds a piece."""
        return 1000 * self.wall_seconds / self.times

    def each(self, name: str) -> float:
        return self.counted[name] / self.times

    @property
    def datagrams(self) -> float:
        """Sent, a piece; each is received once as well."""
        return self.each("datagrams_out")

    def requests(self, units: Units) -> float:
        """Milliseconds of empty HTTP requests a piece: those of the protocols, client and server;
        those of the owner, the server's part."""
        ours = self.counted["messages"] * units.request + self.owner_calls * units.served
        return ours / self.times / 1000

    def floor(self, units: Units) -> float:
        """Milliseconds a piece: the cryptography that was counted, and the empty requests."""
        return units.crypto(self.counted) / self.times + self.requests(units)

    def line(self, units: Units, what: str) -> str:
        """Where the processor time of one piece goes, as far as it can be told."""
        crypto = units.crypto(self.counted) / self.times
        datagrams = self.datagrams * units.datagram / 1000
        commits = self.each("commits") * units.commit / 1000
        rest = self.cpu - crypto - self.requests(units) - datagrams - commits
        return (
            f"{what}, ms of {self.cpu:.1f}: cryptography {crypto:.1f}, empty requests "
            f"{self.requests(units):.1f}, empty datagrams {datagrams:.1f} ({self.datagrams:.0f}), "
            f"commits {commits:.1f} ({self.each('commits'):.0f}, alone), all else {rest:.1f}"
        )

    def operations(self, what: str) -> str:
        names = ("sign", "verify", "seal", "open", "encrypt", "decrypt", "hash", "mac")
        counts = [f"{name} {self.each(name):.1f}" for name in names if self.counted[name]]
        return f"{what}, operations: {', '.join(counts)}"


def together(parts: Sequence[Spent]) -> Spent:
    """The same work done several times, as one."""
    cpu: dict[str, float] = defaultdict(float)
    counted: Counter[str] = Counter()
    nodes: dict[str, tuple[float, Counter[str]]] = {}
    for part in parts:
        counted.update(part.counted)
        for name, (seconds, amounts) in part.nodes.items():
            before, known = nodes.get(name, (0.0, Counter[str]()))
            nodes[name] = (before + seconds, known + amounts)
        for role, seconds in part.cpu_seconds.items():
            cpu[role] += seconds
    return Spent(
        sum(part.times for part in parts),
        sum(part.wall_seconds for part in parts),
        dict(cpu),
        counted,
        sum(part.owner_calls for part in parts),
        nodes,
        sum(part.rested_seconds for part in parts),
    )


class Market:
    """A world that is measured. Its nodes are asked through here, so that each call is counted."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._processes = [
            (node, pid) for node in world.nodes.values() if (pid := node.pid) is not None
        ]
        self._calls = 0

    async def control(self, node: Node, operation: str, **fields: Any) -> dict[str, Any]:
        self._calls += 1
        return await node.control(operation, **fields)

    async def until(self, node: Node, transaction: str, *states: str) -> None:
        self._calls += 1
        await node.until(transaction, *states, seconds=120)

    def cpu(self) -> dict[str, float]:
        """Seconds so far, by role. Costs the nodes nothing."""
        return self._by_role(self._cpu_of_nodes())

    def _cpu_of_nodes(self) -> dict[str, float]:
        return {node.name: cpu_seconds(pid) for node, pid in self._processes}

    def _by_role(self, nodes: Mapping[str, float]) -> dict[str, float]:
        spent: dict[str, float] = defaultdict(float)
        for node, _ in self._processes:
            spent[node.role] += nodes[node.name]
        return dict(spent)

    async def rest(self) -> None:
        """Until the processes have nothing to do any more, or a while is over."""
        deadline = time.monotonic() + LONGEST_SECONDS
        while True:
            before, began = sum(self.cpu().values()), time.monotonic()
            await asyncio.sleep(REST_SECONDS)
            used = sum(self.cpu().values()) - before
            now = time.monotonic()
            if used < REST_SHARE * (now - began) or now > deadline:
                return

    async def _count(self) -> dict[str, Counter[str]]:
        counted = Counted(await self.world.get_all("/inspect/counters"))
        found = {}
        for name in counted.nodes:
            found[name] = counted.amounts(name)
            found[name]["commits"] += int(counted.nodes[name]["node"]["commits"])
        return found

    async def measure(self, times: int, work: Callable[[], Awaitable[object]]) -> Spent:
        """Run `work`, which does `times` pieces, and wait for what it leaves to be done.

        Wall time ends with the work, processor time when everybody is at rest again; what reading
        the counters costs lies outside.
        """
        await self.rest()
        before = await self._count()
        await self.rest()
        calls, spent, began = self._calls, self._cpu_of_nodes(), time.monotonic()
        await work()
        wall = time.monotonic() - began
        await self.rest()
        after, rested = self._cpu_of_nodes(), time.monotonic() - began
        cpu = {name: after[name] - spent[name] for name in after}
        calls = self._calls - calls
        counted = await self._count()
        nodes = {name: (cpu[name], counted[name] - before[name]) for name in counted}
        total: Counter[str] = Counter()
        for _, amounts in nodes.values():
            total.update(amounts)
        return Spent(times, wall, self._by_role(cpu), total, calls, nodes, rested)

    async def audit(self, bench: Bench) -> None:
        """Nothing was lost or made while it was measured."""
        _, checks = await audit_settled(self.world.nodes.values(), seconds=20)
        bench.audited(checks)

    async def withdraw(self, node: Node, count: int, at_once: int = 64) -> None:
        for start in range(0, count, at_once):
            amount = min(at_once, count - start)
            taken = (await self.control(node, "withdraw", count=amount))["transaction"]
            await self.until(node, taken, "held")


@asynccontextmanager
async def market(
    peers: int,
    *,
    programs: Mapping[str, str] | None = None,
    protocols: Sequence[str] = (),
    **settings: object,
) -> AsyncIterator[Market]:
    """A market of its own, without the lab's view: as a node runs when nobody looks.

    `programs`: modules that stand in for honest nodes, by node name. `protocols`: only their
    servers; all servers, where none is named.
    """
    async with World.start_temporary(
        peers=peers, settings=settings, lab=False, programs=programs, protocols=protocols
    ) as world:
        yield Market(world)
