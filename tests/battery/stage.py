"""A running world with players in it, and what a test asks of its nodes from outside."""

import asyncio
import base64
import importlib
import json
import pkgutil
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

import nodes.protocols
from crypto.signing import SigningKey
from nodes.protocols.errors import known_errors
from nodes.protocols.message import Declaration, Role
from nodes.runtime.settings import Settings
from nodes.runtime.streams import HEADER
from scenarios.lab.node_client import Node
from scenarios.lab.world import World
from tests.battery.players import Player, Spender, Voice

BODY_SECONDS = 1.0
SETTINGS = {"offer_seconds": 900, "dispute_seconds": 900, "body_seconds": BODY_SECONDS}
STREAMS = {"content_request": "GET", "upload": "PUT"}
"""Messages that travel in a header beside a stream, and the method they travel with."""
GARBAGE = bytes(100)
"""A ciphertext that no key opens."""
AT_ONCE = 24
FAILURES = (
    "unexpected_failure",
    "background_work_failed",
    "payment_work_failed",
    "outbox_entry_failed",
)
"""Events of a log that only a fault of our own can write."""
Ledgers = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """What came back."""

    status: int
    body: bytes
    content_type: str

    @property
    def code(self) -> str:
        """The refusal's code; "accepted"; or what is wrong with the way it was told."""
        if self.status in (200, 204):
            return "accepted"
        return code_of(self)


for module in pkgutil.walk_packages(nodes.protocols.__path__, "nodes.protocols."):
    importlib.import_module(module.name)  # every code there is


def code_of(told: Told) -> str:
    """Of a problem document (RFC 9457) that is as it must be."""
    try:
        document = json.loads(told.body)
    except ValueError:
        return f"unreadable: {told.body[:80]!r}"
    error = known_errors().get(document.get("code", ""))
    if error is None:
        return f"no such code: {document}"
    wanted = {
        "type": f"about:blank#{error.code}",
        "title": error.sentence(),
        "status": told.status,
        "code": error.code,
        "outcome": "nothing-happened",
    }
    shown = {name: document.get(name) for name in wanted}
    is_right = shown == wanted and told.content_type == "application/problem+json"
    if not is_right or told.status != error.status or not 400 <= told.status <= 503:
        return f"wrong shape: {told.status} {document}"
    return str(document["code"])


class Stage:
    def __init__(self, world: World, http: aiohttp.ClientSession, players: dict[str, Any]) -> None:
        self.world = world
        self.http = http
        self.buyer: Spender = players["player-buyer"]
        self.seller: Spender = players["player-seller"]
        self.cheat: Spender = players["player-cheat"]
        self.escrow: Player = players["a-player-escrow"]
        self.other_escrow: Player = players["z-player-escrow"]
        self.central: Player = players["player-central"]
        self.poor: Player = players["player-poor"]
        """It has no account."""
        self.players: list[Player] = list(players.values())
        self.voices: list[Voice] = []
        """Nodes of the world that the test speaks for."""
        self._busy = asyncio.Semaphore(AT_ONCE)
        assert world.folder is not None
        self.folder = world.folder

    @property
    def keys(self) -> Mapping[bytes, SigningKey]:
        return {one.party.id: one.party.key for one in (*self.players, *self.voices)}

    def voice_of(self, node: Node) -> Voice:
        """Whoever has this node's keys: it says valid things that the node itself never said."""
        for voice in self.voices:
            if voice.party.name == node.name:
                return voice
        self.voices.append(Voice(node, self.folder, self.buyer.party))
        return self.voices[-1]

    # saying things

    async def post(
        self, node: Node, declaration: Declaration, wire: bytes, transaction: bytes = bytes(16)
    ) -> Told:
        """One message, as it travels."""
        method = STREAMS.get(declaration.name)
        if method is None:
            return await self.request("POST", node.url + declaration.path, data=wire)
        headers = {HEADER: base64.b64encode(wire).decode()}
        url = f"{node.url}/content/{transaction.hex()}"
        shown = {"data": GARBAGE} if method == "PUT" else {}
        return await self.request(method, url, headers=headers, **shown)

    async def request(self, method: str, url: str, **given: Any) -> Told:
        async with self._busy, self.http.request(method, url, **given) as response:
            return Told(response.status, await response.read(), response.content_type)

    # looking

    async def ledgers(self) -> Ledgers:
        """Every row that every node accounts for, and every transaction it keeps."""
        nodes = list(self.world.nodes.values())
        rows = await asyncio.gather(*(node.get("/inspect/ledger") for node in nodes))
        kept = await asyncio.gather(*(node.get("/inspect/transactions") for node in nodes))
        return {
            node.name: {**ledger, **transactions}
            for node, ledger, transactions in zip(nodes, rows, kept, strict=True)
        }

    async def at_rest(self) -> Ledgers:
        """The ledgers, once nothing that was begun before changes them any more."""
        before, alike = await self.ledgers(), 0
        async with asyncio.timeout(30):
            while alike < 3:
                after = await self.ledgers()
                alike = 0 if after != before or await self._is_busy(after) else alike + 1
                before = after
        return before

    async def _is_busy(self, ledgers: Ledgers) -> bool:
        """Whether some node still has something to send or to serve, or a coin on its way."""
        nodes = self.world.nodes.values()
        told = await asyncio.gather(*(node.get("/inspect/counters") for node in nodes))
        busy = ("messages_in_hand", "outbox_waiting", "commits_waiting")
        return (
            any(totals["node"][what] for totals in told for what in busy)
            or any(
                coin["state"] in ("incoming", "outgoing")
                for ledger in ledgers.values()
                for coin in ledger.get("coins", ())
            )
            or any(
                ledger.get(what)
                for ledger in ledgers.values()
                for what in ("cash_debts", "cash_held")
            )
        )

    def log(self, node: Node, since: int = 0) -> list[dict[str, Any]]:
        """The lines a node wrote after its first `since` bytes."""
        with self.folder.log(node.name).open("rb") as file:
            file.seek(since)
            return [_line(line) for line in file.read().splitlines()]

    def said(self) -> dict[str, int]:
        """How many bytes each node has written to its log so far."""
        return {name: self.folder.log(name).stat().st_size for name in self.world.nodes}

    def refused(self, since: dict[str, int]) -> Counter[tuple[str, str]]:
        """How often each node says in its log that it refused with a code."""
        return Counter(
            (name, line["code"])
            for name, node in self.world.nodes.items()
            for line in self.log(node, since[name])
            if line.get("event") == "refused"
        )

    def failures(self) -> list[str]:
        """What should never stand in any node's log."""
        return [
            f"{node.name}: {line}"
            for node in self.world.nodes.values()
            for line in self.log(node)
            if line.get("event") in FAILURES or "Traceback" in str(line)
        ]


def _line(line: bytes) -> dict[str, Any]:
    try:
        return dict(json.loads(line))
    except ValueError:
        return {"event": line.decode(errors="replace")}


Kinds = Mapping[str, tuple[type[Player], Role]]
PLAYERS: Kinds = {
    "player-buyer": (Spender, Role.PEER),
    "player-seller": (Spender, Role.PEER),
    "player-cheat": (Spender, Role.PEER),
    "player-poor": (Player, Role.PEER),
    "a-player-escrow": (Player, Role.ESCROW_SERVER),
    "z-player-escrow": (Player, Role.ESCROW_SERVER),
    "player-central": (Player, Role.CENTRAL_SERVER),
}
"""The escrow server's name makes it the first of its role, the one that honest peers choose."""


@asynccontextmanager
async def stage_in(
    folder: Path, kinds: Kinds = PLAYERS, protocols: Sequence[str] = (), **settings: Any
) -> AsyncIterator[Stage]:
    """`protocols`: only their servers are started; of all, where none is named."""
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(
            World.start_temporary(peers=5, settings=SETTINGS | settings, protocols=protocols)
        )
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=20)
        timeout = aiohttp.ClientTimeout(total=30)
        http = await stack.enter_async_context(
            aiohttp.ClientSession(connector=connector, timeout=timeout)
        )
        players = {}
        for name, (kind, role) in kinds.items():
            players[name] = kind(role, _settings(name, world, folder))
            await players[name].service.start()
            stack.push_async_callback(players[name].service.stop)
        stage = Stage(world, http, players)
        for player in players.values():
            await player.is_ready()
            await _meet(player, stage)
        yield stage


def _settings(name: str, world: World, folder: Path) -> Settings:
    assert world.folder is not None
    return Settings(
        name=name,
        data=folder / name,
        world=world.folder.path,
        ca_url=world.certificate_authority.url,
    )


async def _meet(player: Player, stage: Stage) -> None:
    """Learn everybody's sealing key."""
    ids = [bytes.fromhex(node.id) for node in stage.world.nodes.values()]
    for id_ in [*ids, *(other.party.id for other in stage.players)]:
        if id_ != player.party.id:
            await player.party.directory.card(id_)
