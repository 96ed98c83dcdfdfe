"""Certified parties of a running world whose keys the attack holds: they say what it wants said.

Each is a node of its own in the attack's process, admitted to the world as any other.

    Outsider   of any role; takes in what it is told to, and only speaks when told
    Mallory    a whole peer with its wallets and shop, and the same freedom to misuse them
    Voice      a node of the world, as whoever has its disk could speak for it
"""

import asyncio
import copy
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from crypto import codec
from crypto.sealing import SealingKey
from crypto.signing import SigningKey
from nodes.peer import (
    anonymous_micropayment,
    dht_micropayment,
    electronic_cash,
    escrow_commerce,
    item_trading,
)
from nodes.peer.cash_payment import CashOfPeer
from nodes.peer.coin_payment import CoinsOfPeer
from nodes.protocols.envelope import Opened
from nodes.protocols.message import Message, Received, Role
from nodes.runtime.party import Answer, Party
from nodes.runtime.service import Service, _Keys
from nodes.runtime.settings import PREFIX, Settings, read_settings
from nodes.wallet.trust import coin_ring
from scenarios.lab.measure import Usage
from scenarios.lab.node_client import Node
from scenarios.lab.world import World
from scenarios.lab.world_folder import WorldFolder

T = TypeVar("T")
PURPOSE = "A party that cheats, started on purpose to see what comes of it."
READY_SECONDS = 30.0


def settings_in(world: World, name: str) -> Settings:
    """As every node of this world has them, the guards switched off included."""
    assert world.folder is not None
    own = {
        "name": name,
        "data": str(world.folder.data(name)),
        "world": str(world.folder.path),
        "ca_url": world.certificate_authority.url,
        "lab": "1",
        "log_level": "critical",
        "without": ",".join(world.guards_off),
    }
    given = {**world.settings, **own}
    return read_settings({PREFIX + key.upper(): value for key, value in given.items()})


class Outsider:
    """A party that only speaks when told to."""

    def __init__(self, role: Role, settings: Settings, hears: Iterable[type[Message]] = ()) -> None:
        self.service = Service(role, settings, purpose=PURPOSE)
        self.party: Party = self.service.party
        self.heard: dict[tuple[type, bytes], list[Message]] = defaultdict(list)
        for type_ in hears:
            self.service.handles(type_, self._hear)

    @property
    def name(self) -> str:
        return self.party.name

    @property
    def id(self) -> bytes:
        return self.party.id

    async def _hear(self, received: Opened[Any], party: Party) -> Answer:
        self.heard[type(received.message), received.transaction].append(received.message)
        party.observer.notify()
        return party.reply(received, Received())

    async def has_heard(self, type_: type[Message], transaction: bytes) -> Message:
        """The first message of a type in a transaction, as soon as it has come."""
        key = (type_, transaction)
        await self.until(lambda: bool(self.heard.get(key)))
        return self.heard[key][0]

    async def until(self, there: Callable[[], bool], seconds: float = READY_SECONDS) -> None:
        async with asyncio.timeout(seconds):
            while not there():
                await self.party.observer.changed()

    async def start(self) -> None:
        await self.service.start()
        await self.until(lambda: not self.service.missing())

    async def stop(self) -> None:
        await self.service.stop()

    def node(self, world: World) -> Node:
        """This party as its owner sees it; the world knows it from then on."""
        beside = next(iter(world.nodes.values()))
        node = Node(
            name=self.name,
            role=self.party.role.value,
            url=self.service.url,
            id=self.party.id.hex(),
            session=beside.session,
            token=self.service.token,
            host=_ThisProcess(),
        )
        world.nodes[self.name] = node
        return node


class Mallory(Outsider):
    """A whole peer, outside the ring: it can do what an honest one can, and whatever else."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(Role.PEER, settings)
        service = self.service
        self.wallet = dht_micropayment.install(service, coin_ring(service, member=False))
        self.cash = electronic_cash.install(service)
        self.trade = escrow_commerce.install(
            service, [CoinsOfPeer(self.wallet), CashOfPeer(self.cash)]
        )
        anonymous_micropayment.install(service, self.cash)
        self.items = item_trading.install(service, self.cash)


class Voice:
    """A node of the world as whoever has its disk could speak for it; it hears nothing."""

    def __init__(self, node: Node, world: WorldFolder, known_to: Party) -> None:
        self._store = world.data(node.name) / "node.db"
        (keys,) = self.kept("keys", _Keys)
        self.party = copy.copy(known_to)
        self.party.name, self.party.role = node.name, Role(node.role)
        self.party.key = SigningKey(keys.signing_seed)
        self.party.sealing_key = SealingKey(keys.sealing)
        assert self.party.id.hex() == node.id
        self.party.client = copy.copy(known_to.client)
        self.party.client._party = self.party

    def kept(self, table: str, type_: type[T]) -> list[T]:
        """What this node has on its disk in one table."""
        return list(self.rows(table, type_).values())

    def rows(self, table: str, type_: type[T]) -> Mapping[bytes, T]:
        """The same by key."""
        connection = sqlite3.connect(f"file:{self._store}?mode=ro", uri=True)
        try:
            rows = connection.execute(f"SELECT key, value FROM {table} ORDER BY key").fetchall()
        finally:
            connection.close()
        return {key: codec.decode(value, type_) for key, value in rows}


class _ThisProcess:
    """Where a cheat runs: with the attack itself."""

    def alive(self, name: str) -> bool:
        return True

    def pid(self, name: str) -> int | None:
        return None

    def usage(self, name: str) -> Usage | None:
        return None

    def uptime_seconds(self, name: str) -> float | None:
        return None

    async def kill(self, name: str) -> None:
        raise NotImplementedError(f"{name} runs in the attack's own process")

    async def ended(self, name: str) -> None:
        raise NotImplementedError(f"{name} runs in the attack's own process")

    async def restart(self, name: str) -> str:
        raise NotImplementedError(f"{name} runs in the attack's own process")

    async def how_it_ended(self, name: str) -> str:
        return f"{name} ended with the attack."
