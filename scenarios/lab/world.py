"""A running world, as a scenario sees it: its nodes by name, and what can be done to each.

    async with World.open(folder) as world:            # one that `jangteo up` started
    async with World.start_temporary(peers=8) as world:  # one of its own, gone afterwards

A world of its own ends with the process that started it, however that ends: its nodes hold the
other end of a pipe, the lifeline.
"""

import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from nodes.protocols.message import Role
from scenarios.lab import compose, remote
from scenarios.lab.failures import NodeEnded, NoSuchNode, WorldIsDown, did_you_mean
from scenarios.lab.launcher import Progress, no_progress, start_world, stop_nodes, stop_world
from scenarios.lab.local_host import LocalHost
from scenarios.lab.measure import Usage
from scenarios.lab.node_client import Host, Json, Node, open_session
from scenarios.lab.plan import USUAL_PEERS, Plan
from scenarios.lab.processes import is_running
from scenarios.lab.world_folder import NodeRecord, WorldFolder

TRIES = 3
"""A port that was free may be taken by another program before the node comes to it."""
PORT_TAKEN = ("address already in use", "nosuchpath: /membership/enrol")
"""How a node ends whose port was taken: its own, or the certificate authority's, by another's."""


class World:
    def __init__(
        self,
        nodes: Sequence[Node],
        *,
        guards_off: Sequence[str],
        lab: bool,
        settings: Mapping[str, str],
        folder: WorldFolder | None,
    ) -> None:
        self.nodes = {node.name: node for node in nodes}
        self.guards_off = tuple(guards_off)
        self.lab = lab
        self.settings = dict(settings)
        """Settings that differ from the defaults, where this machine knows them."""
        self.folder = folder
        """Where a local world lies on disk."""

    # who is there

    def node(self, name: str) -> Node:
        """Raises NoSuchNode, with the name that was probably meant."""
        try:
            return self.nodes[name]
        except KeyError:
            raise no_such_node(name, self.nodes) from None

    @property
    def peers(self) -> list[Node]:
        return self.of_role(Role.PEER)

    @property
    def certificate_authority(self) -> Node:
        return self.of_role(Role.CERTIFICATE_AUTHORITY)[0]

    @property
    def broker(self) -> Node:
        return self.of_role(Role.BROKER)[0]

    @property
    def central_server(self) -> Node:
        return self.of_role(Role.CENTRAL_SERVER)[0]

    @property
    def escrow_server(self) -> Node:
        return self.of_role(Role.ESCROW_SERVER)[0]

    def of_role(self, role: Role) -> list[Node]:
        """In the order of their names."""
        found = [node for node in self.nodes.values() if node.role == role.value]
        return sorted(found, key=lambda node: node.name)

    def with_id(self, id: str) -> Node | None:
        """The node of a public key (hex)."""
        return next((node for node in self.nodes.values() if node.id == id), None)

    # all of them

    async def get_all(self, path: str) -> dict[str, Json]:
        """What each node that runs answers at a path."""
        alive = [node for node in self.nodes.values() if node.alive()]
        answers = await asyncio.gather(*(node.get(path) for node in alive))
        return {node.name: answer for node, answer in zip(alive, answers, strict=True)}

    async def advance_clocks(self, seconds: float) -> None:
        """Move the time of every node that runs (lab only)."""
        alive = [node for node in self.nodes.values() if node.alive()]
        await asyncio.gather(*(node.control("clock", advance_seconds=seconds) for node in alive))

    def usage(self) -> dict[str, Usage]:
        """Processor time and memory of each node's process, as far as this machine knows them."""
        found = {name: node.usage() for name, node in self.nodes.items()}
        return {name: used for name, used in found.items() if used is not None}

    # which world

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: WorldFolder | Path) -> AsyncIterator["World"]:
        """A local world that runs. Raises NoWorld or WorldIsDown."""
        place = folder if isinstance(folder, WorldFolder) else WorldFolder(folder)
        if not any(is_running(node.process) for node in place.read().nodes):
            raise WorldIsDown(f"The world in {place.path} does not run. Start it: jangteo up")
        async with _opened(cls, place, LocalHost(place)) as world:
            yield world

    @classmethod
    @asynccontextmanager
    async def look_at(cls, folder: WorldFolder) -> AsyncIterator["World"]:
        """A local world whether it runs or not. Raises NoWorld."""
        async with _opened(cls, folder, LocalHost(folder)) as world:
            yield world

    @classmethod
    @asynccontextmanager
    async def start_temporary(
        cls,
        peers: int = USUAL_PEERS,
        settings: Mapping[str, object] | None = None,
        without: Sequence[str] = (),
        *,
        lab: bool = True,
        programs: Mapping[str, str] | None = None,
        protocols: Sequence[str] = (),
        progress: Progress = no_progress,
        at_end: Callable[[WorldFolder], None] = lambda folder: None,
    ) -> AsyncIterator["World"]:
        """A world for this one use: started, ready, and gone afterwards with its folder.

        `programs`: modules that stand in for honest ones, by node name. `protocols`: only their
        servers are started. `at_end` sees the folder when every node has ended, before it goes.
        """
        plan = Plan(
            peers=peers,
            settings={name: str(value) for name, value in (settings or {}).items()},
            without=tuple(without),
            lab=lab,
            programs=programs or {},
            protocols=tuple(protocols),
        )
        lifeline, own_end = os.pipe()
        folder = WorldFolder(Path(tempfile.mkdtemp(prefix="jangteo-")))
        try:
            await _start_on_free_ports(folder, plan, lifeline, progress)
            host = LocalHost(folder, lifeline=lifeline, temporary=True)
            async with _opened(cls, folder, host) as world:
                yield world
        finally:
            # Not awaited: nothing may come between the end of the work and the end of its nodes.
            _end_temporary(folder, at_end)
            os.close(own_end)
            os.close(lifeline)

    @classmethod
    @asynccontextmanager
    async def open_compose(cls) -> AsyncIterator["World"]:
        """The world that docker compose runs on this machine. Raises NoCompose."""
        token = await asyncio.to_thread(compose.read_token)
        host = compose.ComposeHost()
        async with _spoken_to(cls, await host.find(), token, host) as world:
            yield world

    @classmethod
    @asynccontextmanager
    async def open_at(cls, url: str, token: str) -> AsyncIterator["World"]:
        """A world by its certificate authority's address; each node by the one on its card."""
        parties = await remote.parties_known_at(url, token)
        told = await remote.who_are_at([party["url"] for party in parties])
        host = remote.ElsewhereHost({party["name"]: party["url"] for party in parties})
        nodes = told + remote.silent_parties(parties, told)
        async with _spoken_to(cls, nodes, token, host) as world:
            yield world


async def _start_on_free_ports(
    folder: WorldFolder, plan: Plan, lifeline: int, progress: Progress
) -> None:
    for left in reversed(range(TRIES)):
        try:
            await start_world(folder, plan, lifeline=lifeline, temporary=True, progress=progress)
            return
        except NodeEnded as error:
            if not left or not any(sign in str(error).lower() for sign in PORT_TAKEN):
                raise
            folder.forget()


def _end_temporary(folder: WorldFolder, at_end: Callable[[WorldFolder], None]) -> None:
    if folder.exists():
        stop_nodes(folder, folder.read().names())
        try:
            at_end(folder)
        finally:
            stop_world(folder)
    shutil.rmtree(folder.path, ignore_errors=True)


@asynccontextmanager
async def _opened(cls: type[World], folder: WorldFolder, host: Host) -> AsyncIterator[World]:
    record = folder.read()
    async with open_session() as session:
        nodes = [_node(node, session, folder.token, host) for node in record.nodes]
        yield cls(
            nodes,
            guards_off=record.without,
            lab=record.lab,
            settings=record.settings,
            folder=folder,
        )


@asynccontextmanager
async def _spoken_to(
    cls: type[World], told: Sequence[Json], token: str, host: Host
) -> AsyncIterator[World]:
    """A world from what its nodes say of themselves."""
    async with open_session() as session:
        nodes = [
            Node(
                name=node["name"],
                role=node["role"],
                url=node["reached_at"],
                id=node["id"],
                session=session,
                token=token,
                host=host,
            )
            for node in sorted(told, key=lambda node: str(node["name"]))
        ]
        yield cls(
            nodes,
            guards_off=sorted({guard for node in told for guard in node["guards_off"]}),
            lab=all(node["lab"] for node in told),
            settings={},
            folder=None,
        )


def _node(record: NodeRecord, session: aiohttp.ClientSession, token: str, host: Host) -> Node:
    return Node(
        name=record.name,
        role=record.role,
        url=record.url,
        id=record.id,
        session=session,
        token=token,
        host=host,
    )


def no_such_node(name: str, known: Mapping[str, object] | Sequence[str]) -> NoSuchNode:
    names = list(known)
    hint = did_you_mean(name, names) or f" There are: {_in_short(names)}"
    return NoSuchNode(f"There is no node '{name}'.{hint}      (jangteo status)")


def _in_short(names: Sequence[str]) -> str:
    """Peers as a range: there are many."""
    peers = [name for name in names if re.fullmatch(r"peer-\d+", name)]
    others = [name for name in names if name not in peers]
    ranges = [f"{peers[0]} to {peers[-1]}"] if len(peers) > 2 else peers
    return ", ".join([*others, *ranges])


__all__ = ["Node", "World"]
