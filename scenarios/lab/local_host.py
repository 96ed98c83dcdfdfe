"""The processes of a local world."""

import asyncio

from scenarios.lab.failures import NoSuchNode
from scenarios.lab.launcher import how_it_ended, start_nodes, stop_nodes
from scenarios.lab.measure import Usage, usage
from scenarios.lab.processes import end_of, is_running, kill, uptime_seconds
from scenarios.lab.world_folder import NodeRecord, WorldFolder


class LocalHost:
    def __init__(self, folder: WorldFolder, *, lifeline: int = -1, temporary: bool = False) -> None:
        self._folder = folder
        self._lifeline = lifeline
        self._temporary = temporary
        self._one_at_a_time = asyncio.Lock()

    def _node(self, name: str) -> NodeRecord:
        for node in self._folder.read().nodes:
            if node.name == name:
                return node
        raise NoSuchNode(f"There is no node '{name}'.")

    def alive(self, name: str) -> bool:
        return is_running(self._node(name).process)

    def pid(self, name: str) -> int | None:
        process = self._node(name).process
        return process.pid if process and is_running(process) else None

    def usage(self, name: str) -> Usage | None:
        pid = self.pid(name)
        return None if pid is None else usage(pid)

    def uptime_seconds(self, name: str) -> float | None:
        process = self._node(name).process
        return uptime_seconds(process) if process and is_running(process) else None

    async def kill(self, name: str) -> None:
        process = self._node(name).process
        if process is not None:
            await asyncio.to_thread(kill, process)

    async def ended(self, name: str) -> None:
        pid = self.pid(name)
        if pid is not None:
            await end_of(pid)

    async def restart(self, name: str) -> str:
        node = self._node(name)
        async with self._one_at_a_time, self._folder.locked():
            await asyncio.to_thread(stop_nodes, self._folder, [name])
            await start_nodes(
                self._folder, [name], lifeline=self._lifeline, temporary=self._temporary
            )
        return node.url

    async def how_it_ended(self, name: str) -> str:
        return await how_it_ended(self._folder, name)
