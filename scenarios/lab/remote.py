"""Worlds whose processes are not this machine's own: compose's containers, or an address.

Compose publishes every node on 127.0.0.1; `/.well-known/node` says who answers on which port. A
container's folder fixes a peer's name, so after a start the ports are asked again.
"""

import asyncio
import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp

import scenarios
from scenarios.lab.failures import NoCompose, NotHere, NotReadyInTime
from scenarios.lab.measure import Usage

COMPOSE_FILE = Path(scenarios.__file__).parents[1] / "docker-compose.yml"
NODE_PORT = 8000
"""Where a node listens in its container."""
COMMAND_SECONDS = 30.0
READY_SECONDS = 60.0
ASK_SECONDS = 5.0
POLL_SECONDS = 0.1

Json = dict[str, Any]


class ElsewhereHost:
    """Nodes that can be spoken to and nothing else."""

    def alive(self, name: str) -> bool:
        return True

    def pid(self, name: str) -> int | None:
        return None

    def usage(self, name: str) -> Usage | None:
        return None

    def uptime_seconds(self, name: str) -> float | None:
        return None

    async def kill(self, name: str) -> None:
        raise NotHere(f"{name} runs elsewhere; it cannot be ended from here.")

    async def restart(self, name: str) -> str:
        raise NotHere(f"{name} runs elsewhere; it cannot be started from here.")


class ComposeHost:
    def __init__(self) -> None:
        self.containers: dict[str, str] = {}
        """Container id by node name."""

    def alive(self, name: str) -> bool:
        told = docker("inspect", "--format", "{{.State.Running}}", self.containers[name])
        return told.strip() == "true"

    def pid(self, name: str) -> int | None:
        return None

    def usage(self, name: str) -> Usage | None:
        return None

    def uptime_seconds(self, name: str) -> float | None:
        return None

    async def kill(self, name: str) -> None:
        container = self.containers[name]
        await asyncio.to_thread(docker, "kill", container)
        await asyncio.to_thread(docker, "wait", container)

    async def restart(self, name: str) -> str:
        await asyncio.to_thread(docker, "restart", "--time", "10", self.containers[name])
        async with asyncio.timeout(READY_SECONDS):
            while True:
                for node in await self.find():
                    if node["name"] == name and node["ready"]:
                        return str(node["reached_at"])
                await asyncio.sleep(POLL_SECONDS)
        raise NotReadyInTime(f"{name} is not ready after {READY_SECONDS:g} s")

    async def find(self) -> list[Json]:
        """What every node says of itself, and where it was `reached_at`."""
        published = await asyncio.to_thread(_published_ports)
        limit = aiohttp.ClientTimeout(total=ASK_SECONDS)
        async with aiohttp.ClientSession(timeout=limit) as session:
            urls = {f"http://127.0.0.1:{port}": id_ for port, id_ in published.items()}
            told = await asyncio.gather(*(who_is_at(session, url) for url in urls))
        nodes = [node for node in told if node is not None]
        self.containers.update({n["name"]: urls[n["reached_at"]] for n in nodes})
        return nodes


async def who_is_at(session: aiohttp.ClientSession, url: str) -> Json | None:
    """A node's /.well-known/node with the url it was `reached_at`; None where none answers."""
    try:
        async with session.get(f"{url}/.well-known/node") as response:
            node = json.loads(await response.read())
        return {**node, "reached_at": url, "name": str(node["name"]), "role": str(node["role"])}
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError, KeyError, TypeError):
        return None


async def parties_known_at(url: str, token: str) -> list[Json]:
    """Name, role, id and url of every party, from the authority's own books."""
    headers = {"Authorization": f"Bearer {token}"}
    limit = aiohttp.ClientTimeout(total=ASK_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=limit, headers=headers) as session,
            session.get(f"{url.rstrip('/')}/inspect/ledger") as response,
        ):
            parties: list[Json] = json.loads(await response.read())["parties"]
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError, KeyError) as error:
        raise NoCompose(
            f"No certificate authority of this world's owner answers at {url} "
            f"({str(error) or type(error).__name__})"
        ) from error
    return parties


# docker


def read_token() -> str:
    """The owner's token, which only the containers can read."""
    command = ("exec", "-T", "certificate-authority", "sh", "-c", 'cat "$JANGTEO_WORLD/token"')
    return compose(*command).strip()


def _published_ports() -> dict[int, str]:
    """Container id by the port of this host that its node is published on."""
    found = {}
    for line in compose("ps", "--format", "json").splitlines():
        container = json.loads(line)
        for publisher in container.get("Publishers") or ():
            if publisher["TargetPort"] == NODE_PORT and publisher["PublishedPort"]:
                found[int(publisher["PublishedPort"])] = str(container["ID"])
    if not found:
        raise NoCompose("No container of this world runs. Start them: docker compose up --detach")
    return found


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
