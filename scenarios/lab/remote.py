"""Worlds whose processes are not this machine's own: found and spoken to over HTTP only."""

import asyncio
import json
import socket
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from scenarios.lab.failures import LabFailure, NotHere
from scenarios.lab.measure import Usage

ASK_SECONDS = 5.0
CONNECT_SECONDS = 1.0

Json = dict[str, Any]


class AuthorityNotThere(LabFailure):
    code = "lab/no-authority"


class ElsewhereHost:
    """Nodes that can be spoken to and nothing else."""

    def __init__(self, urls: dict[str, str]) -> None:
        self._urls = urls

    def alive(self, name: str) -> bool:
        return listens(self._urls[name])

    def pid(self, name: str) -> int | None:
        return None

    def usage(self, name: str) -> Usage | None:
        return None

    def uptime_seconds(self, name: str) -> float | None:
        return None

    async def kill(self, name: str) -> None:
        raise NotHere(f"{name} runs elsewhere; it cannot be ended from here.")

    async def ended(self, name: str) -> None:
        raise NotHere(f"{name} runs elsewhere; when it ends cannot be told from here.")

    async def restart(self, name: str) -> str:
        raise NotHere(f"{name} runs elsewhere; it cannot be started from here.")

    async def how_it_ended(self, name: str) -> str:
        return f"{name} does not answer at {self._urls[name]}"


def listens(url: str) -> bool:
    """Whether anything takes connections at a node's address."""
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname, parts.port), CONNECT_SECONDS):
            return True
    except OSError:
        return False


async def who_are_at(urls: list[str]) -> list[Json]:
    """Each node's /.well-known/node, with the url it was `reached_at`; silent ones left out."""
    async with aiohttp.ClientSession(timeout=_limit()) as session:
        told = await asyncio.gather(*(_who_is_at(session, url) for url in urls))
    return [node for node in told if node is not None]


async def _who_is_at(session: aiohttp.ClientSession, url: str) -> Json | None:
    try:
        async with session.get(f"{url}/.well-known/node") as response:
            node = json.loads(await response.read())
        name, role = str(node["name"]), str(node["role"])
        return {**node, "reached_at": url, "name": name, "role": role, "answers": True}
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError, KeyError, TypeError):
        return None


async def parties_known_at(url: str, token: str) -> list[Json]:
    """Name, role, id and url of every party, from the authority's own books."""
    headers = {"Authorization": f"Bearer {token}"}
    try:
        async with (
            aiohttp.ClientSession(timeout=_limit(), headers=headers) as session,
            session.get(f"{url.rstrip('/')}/inspect/ledger") as response,
        ):
            parties: list[Json] = json.loads(await response.read())["parties"]
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError, KeyError) as error:
        raise AuthorityNotThere(
            f"No certificate authority of this world's owner answers at {url} "
            f"({str(error) or type(error).__name__})"
        ) from error
    return parties


def silent_parties(parties: list[Json], told: list[Json]) -> list[Json]:
    """Those who belong to the world and did not answer, as if they had told who they are."""
    names = {node["name"] for node in told}
    about = {"lab": all(n["lab"] for n in told), "guards_off": [], "answers": False}
    return [
        {**party, **about, "reached_at": party["url"]}
        for party in parties
        if party["name"] not in names
    ]


def _limit() -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=ASK_SECONDS)
