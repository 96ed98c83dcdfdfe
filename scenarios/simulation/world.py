"""A whole world in one process: `scenarios.lab.world.World` with simulated nodes.

    async def work(simulation: Simulation) -> None:
        async with SimulatedWorld.start(simulation, peers=5) as world:
            await world.peers[0].control("withdraw", count=4)
            await world.peers[0].kill()
            await world.peers[0].restart()

    simulate(work, seed=7)

The nodes are asked over HTTP as everywhere, by the lab's own client. `world.simulation.network`
makes cuts and faults; waiting costs no time (`asyncio.sleep`), since the clock is virtual. A world
that took long to prepare falls asleep once, and others wake where it did.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from scenarios.lab import plan as plans
from scenarios.lab.node_client import Node, open_session
from scenarios.lab.plan import Plan
from scenarios.lab.world import World
from scenarios.lab.world_folder import WorldFolder, WorldRecord
from scenarios.simulation.host import SimulatedHost
from scenarios.simulation.simulation import Simulation

FIRST_PORT = 7000
MEMORY = Path("/dev/shm")
"""A folder in memory, where the system has one."""


@dataclass(frozen=True)
class Snapshot:
    """The folder of a world whose nodes have all ended, and when that was."""

    folder: Path
    passed: float
    """Seconds since the beginning of all simulations."""


class SimulatedWorld(World):
    simulation: Simulation
    host: SimulatedHost

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        simulation: Simulation,
        peers: int = plans.FEWEST_PEERS,
        settings: Mapping[str, object] | None = None,
        without: Sequence[str] = (),
        *,
        lab: bool = True,
        programs: Mapping[str, str] | None = None,
        protocols: Sequence[str] = (),
    ) -> AsyncIterator["SimulatedWorld"]:
        """Started and ready; gone afterwards with its folder. As `World.start_temporary`."""
        plan = Plan(
            peers=peers,
            settings={name: str(value) for name, value in (settings or {}).items()},
            without=tuple(without),
            lab=lab,
            programs=programs or {},
            protocols=tuple(protocols),
        )
        plans.check(plan)
        folder = WorldFolder(temporary_folder())
        try:
            async with cls._on(simulation, folder, _laid_out(folder, plan)) as world:
                yield world
        finally:
            shutil.rmtree(folder.path, ignore_errors=True)

    @classmethod
    @asynccontextmanager
    async def wake(
        cls, simulation: Simulation, snapshot: Snapshot
    ) -> AsyncIterator["SimulatedWorld"]:
        """A copy of a world that fell asleep, started and ready; gone afterwards.

        The simulation is to begin where that one ended (`begun=snapshot.passed`), and to have
        another seed or name, or it would draw the same values again.
        """
        folder = WorldFolder(temporary_folder())
        try:
            shutil.copytree(snapshot.folder, folder.path, dirs_exist_ok=True)
            async with cls._on(simulation, folder, folder.read()) as world:
                yield world
        finally:
            shutil.rmtree(folder.path, ignore_errors=True)

    def fall_asleep(self, target: Path) -> Snapshot:
        """Kill every node and keep a copy of their folders: worlds can begin there."""
        assert self.folder is not None
        self.host.end_all()
        shutil.copytree(self.folder.path, target)
        return Snapshot(target, self.simulation.passed() + 1)

    @classmethod
    @asynccontextmanager
    async def _on(
        cls, simulation: Simulation, folder: WorldFolder, record: WorldRecord
    ) -> AsyncIterator["SimulatedWorld"]:
        host = SimulatedHost(simulation, folder, record)
        async with open_session() as session:
            nodes = [
                Node(
                    name=node.name,
                    role=node.role,
                    url=node.url,
                    id=node.id,
                    session=session,
                    token=folder.token,
                    host=host,
                )
                for node in record.nodes
            ]
            world = cls(
                nodes,
                guards_off=record.without,
                lab=record.lab,
                settings=record.settings,
                folder=folder,
            )
            world.simulation, world.host = simulation, host
            try:
                await world._come_up()
                yield world
            finally:
                host.end_all()

    async def _come_up(self) -> None:
        nodes = list(self.nodes.values())
        for node in nodes:
            self.host.start(node.name)
        await asyncio.gather(*(node.until_ready() for node in nodes))
        for node in nodes:
            node.id = str((await node.get("/.well-known/node"))["id"])
            self.host.record.node(node.name).id = node.id
        assert self.folder is not None
        self.folder.write(self.host.record)

    async def whole_trace(self) -> list[dict[str, object]]:
        """All rows of all nodes that run, in the order of their names."""
        answers = await self.get_all("/inspect/trace")
        return [{"node": name, **row} for name in sorted(answers) for row in answers[name]["rows"]]


def temporary_folder() -> Path:
    where = MEMORY if os.access(MEMORY, os.W_OK) else None
    return Path(tempfile.mkdtemp(prefix="jangteo-simulation-", dir=where))


def _laid_out(folder: WorldFolder, plan: Plan) -> WorldRecord:
    folder.make()
    parties = plans.parties(plan.peers or plans.FEWEST_PEERS, plan.protocols)
    record = WorldRecord(
        peers=plan.peers or plans.FEWEST_PEERS,
        lab=plan.lab is not False,
        without=sorted(plan.without),
        settings=dict(plan.settings),
        nodes=[
            plans.node_record(name, role, FIRST_PORT + number, plan.programs.get(name))
            for number, (name, role) in enumerate(parties)
        ],
    )
    folder.write(record)
    return record
