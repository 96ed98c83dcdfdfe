"""The world that docker compose runs on this machine.

Every node is published on 127.0.0.1, and `/.well-known/node` says who answers on which port. A peer
takes the lowest free folder of their common volume when its container starts, and with it a name:
any container of a dead peer brings back the lowest name that is missing.
"""

import asyncio
import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import scenarios
from nodes.protocols.message import Role
from scenarios.lab.failures import NoCompose, NotReadyInTime
from scenarios.lab.measure import Usage
from scenarios.lab.plan import SERVERS
from scenarios.lab.remote import listens, silent_parties, who_are_at

COMPOSE_FILE = Path(scenarios.__file__).parents[1] / "docker-compose.yml"
PEERS = "peer"
"""The service whose containers are the peers."""
ROLES = {name: role.value for name, role in (*SERVERS, (PEERS, Role.PEER))}
"""By service; what else compose runs is no node."""
NODE_PORT = 8000
"""Where a node listens in its container."""
COMMAND_SECONDS = 30.0
READY_SECONDS = 60.0
POLL_SECONDS = 0.1

Json = dict[str, Any]


@dataclass(frozen=True)
class Container:
    id: str
    service: str
    url: str
    """Where its node is published on this host; empty while it does not run."""


class ComposeHost:
    def __init__(self) -> None:
        self._containers: dict[str, Container] = {}
        """By the name of the node in it, where that is known."""

    def alive(self, name: str) -> bool:
        container = self._containers.get(name)
        return container is not None and bool(container.url) and listens(container.url)

    def pid(self, name: str) -> int | None:
        return None

    def usage(self, name: str) -> Usage | None:
        return None

    def uptime_seconds(self, name: str) -> float | None:
        return None

    def container(self, name: str) -> str:
        """Raises NoCompose for a node whose container cannot be told."""
        if name not in self._containers:
            raise NoCompose(f"{name} does not run; which container was its own cannot be told.")
        return self._containers[name].id

    async def kill(self, name: str) -> None:
        container = self.container(name)
        await asyncio.to_thread(docker, "kill", container)
        await asyncio.to_thread(docker, "wait", container)

    async def ended(self, name: str) -> None:
        await asyncio.to_thread(docker, "wait", self.container(name))

    async def restart(self, name: str) -> str:
        """Start the node's own container, or one dead peer's after the other until it is back."""
        if self.alive(name):
            await asyncio.to_thread(docker, "restart", "--time", "10", self.container(name))
            return await self._url_of({name})
        found = await asyncio.to_thread(_containers)
        own = [c for c in found if c.service == name]
        for container in own or [c for c in found if c.service == PEERS and not c.url]:
            dead = {node["name"] for node in await self.find() if not self.alive(node["name"])}
            await asyncio.to_thread(docker, "start", container.id)
            # Found anew meanwhile: only nodes that answer have a container with a known name.
            url = await self._url_of(dead)
            if name in self._containers:
                return url
        raise NoCompose(f"No container brought {name} back. All at once: docker compose up -d")

    async def _url_of(self, names: set[str]) -> str:
        """Where the first of these answers."""
        try:
            async with asyncio.timeout(READY_SECONDS):
                while True:
                    for node in await self.find():
                        if node["name"] in names and node["answers"]:
                            return str(node["reached_at"])
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            waited = " or ".join(sorted(names))
            raise NotReadyInTime(f"{waited} does not answer after {READY_SECONDS:g} s") from None

    async def how_it_ended(self, name: str) -> str:
        return f"{name} ended      (jangteo logs {name} --compose)"

    async def find(self) -> list[Json]:
        """What every node says of itself, with the url it was `reached_at`; the dead by name."""
        found = await asyncio.to_thread(_containers)
        by_url = {container.url: container for container in found if container.url}
        told = await who_are_at(list(by_url))
        self._containers = {c.service: c for c in found if c.service != PEERS}
        self._containers.update({node["name"]: by_url[node["reached_at"]] for node in told})
        return told + silent_parties(_parties(found), told)


def _parties(found: list[Container]) -> list[Json]:
    """Whoever belongs to the world: as many peers as containers, under the lowest names."""
    peers = sum(container.service == PEERS for container in found)
    names = [(f"peer-{number:02d}", PEERS, "") for number in range(1, peers + 1)]
    names += [(c.service, c.service, c.url) for c in found if c.service != PEERS]
    return [
        {"name": name, "role": ROLES[service], "id": "", "url": url} for name, service, url in names
    ]


def _containers() -> list[Container]:
    """Every container in which a node runs or ran."""
    found = []
    for line in compose("ps", "--all", "--format", "json").splitlines():
        told = json.loads(line)
        ports = [
            publisher["PublishedPort"]
            for publisher in told.get("Publishers") or ()
            if publisher["TargetPort"] == NODE_PORT and publisher["PublishedPort"]
        ]
        url = f"http://127.0.0.1:{ports[0]}" if ports else ""
        if told["Service"] in ROLES:
            found.append(Container(str(told["ID"]), str(told["Service"]), url))
    if not any(container.url for container in found):
        raise NoCompose("No container of this world runs. Start them: docker compose up --detach")
    return found


def read_token() -> str:
    """The owner's token, which only the containers can read: asked of one that runs."""
    running = next(container for container in _containers() if container.url)
    return docker("exec", running.id, "sh", "-c", 'cat "$JANGTEO_WORLD/token"').strip()


def compose(*arguments: str) -> str:
    """The folder one stands in may be another; the project's own file is named."""
    place = (
        ["--file", str(COMPOSE_FILE)] if COMPOSE_FILE.exists() else ["--project-name", "jangteo"]
    )
    return docker("compose", *place, *arguments)


def docker(*arguments: str) -> str:
    """What the command prints. Raises NoCompose with its complaint."""
    return _run(["docker", *arguments])


def _run(command: Sequence[str]) -> str:
    # The containers have settings of their own; this command's would end up in them.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JANGTEO_")}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=COMMAND_SECONDS, env=environment
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoCompose(f"{' '.join(command[:2])} does not run: {error}") from error
    if done.returncode != 0:
        raise NoCompose(f"{' '.join(command[:2])}: {done.stderr.strip()[-300:]}")
    return done.stdout
