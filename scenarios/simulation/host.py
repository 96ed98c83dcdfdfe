"""The nodes of a simulated world: what is a process elsewhere is a life here.

A node is the module's own `build(settings)` on its own folder, started as a process would start.
Its end is kill -9: what it has not committed is gone, nobody hears a word, nothing of it runs on.
"""

import asyncio
import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import NoReturn

from nodes.runtime.service import Service
from nodes.runtime.settings import Settings, read_settings
from scenarios.lab.failures import NoSuchNode
from scenarios.lab.keeper import node_environment
from scenarios.lab.measure import Usage
from scenarios.lab.world_folder import NodeRecord, WorldFolder, WorldRecord
from scenarios.simulation.lives import Life, LifeEnded
from scenarios.simulation.simulation import Simulation

Build = Callable[[Settings], Service]


@dataclass
class Running:
    """A life with all that has to be let go of when it ends."""

    life: Life
    service: Service
    begun: float
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    failure: str = ""


class SimulatedHost:
    """As `scenarios.lab.local_host.LocalHost`, in one process."""

    def __init__(self, simulation: Simulation, folder: WorldFolder, record: WorldRecord) -> None:
        self._simulation, self._folder = simulation, folder
        self.record = record
        self._last: dict[str, Running] = {}
        self.ends = 0
        """How often a node was killed so far."""

    def _node(self, name: str) -> NodeRecord:
        for node in self.record.nodes:
            if node.name == name:
                return node
        raise NoSuchNode(f"There is no node '{name}'.")

    # as the lab knows it

    def alive(self, name: str) -> bool:
        running = self._last.get(self._node(name).name)
        return running is not None and running.life.alive

    def pid(self, name: str) -> int | None:
        return None

    def usage(self, name: str) -> Usage | None:
        return None

    def uptime_seconds(self, name: str) -> float | None:
        return self._simulation.loop.time() - self._last[name].begun if self.alive(name) else None

    async def kill(self, name: str) -> None:
        if self.alive(name):
            self._end(self._last[name])

    async def ended(self, name: str) -> None:
        if self.alive(name):
            await self._last[name].ended.wait()

    async def restart(self, name: str) -> str:
        await self.kill(name)
        self.start(name)
        return self._node(name).url

    async def how_it_ended(self, name: str) -> str:
        failure = self._last[name].failure if name in self._last else ""
        return f"{name} ended" + (f": {failure}" if failure else "")

    # lives

    def start(self, name: str) -> Service:
        """It listens some moments later."""
        node = self._node(name)
        number = self._last[name].life.number + 1 if name in self._last else 1
        life = self._simulation.new_life(name, number)
        service = life.context.run(self._build, node)
        running = Running(life, service, self._simulation.loop.time())
        self._last[name] = running
        service.party.observer.end = partial(self._end_from_within, running)
        task = self._simulation.loop.create_task(service.start(), context=life.context)
        task.add_done_callback(partial(self._started, running))
        return service

    def _build(self, node: NodeRecord) -> Service:
        build: Build = importlib.import_module(node.program).build
        environment = node_environment(self._folder, self.record, node, -1)
        return build(read_settings(environment))

    def _started(self, running: Running, task: "asyncio.Task[None]") -> None:
        """As a process that cannot start ends."""
        if running.life.alive and not task.cancelled() and task.exception() is not None:
            running.failure = str(task.exception())
            self._end(running)

    def _end_from_within(self, running: Running) -> NoReturn:
        """At a point of its own program."""
        self._end(running)
        raise LifeEnded(repr(running.life))

    def _end(self, *ending: Running) -> None:
        self._simulation.end_lives(*(running.life for running in ending))
        for running in ending:
            running.service.abandon()
            running.ended.set()
        self.ends += len(ending)

    def end_all(self) -> None:
        self._end(*(running for running in self._last.values() if running.life.alive))
