"""A certificate authority, a bank, two coin servers and three peers: real nodes on loopback.

They run in one process here, each with its own folder, store, keys and port, and meet only over
HTTP.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from nodes.bank_account_server import service as bank_account_server
from nodes.certificate_authority import service as certificate_authority
from nodes.coin_server import service as coin_server
from nodes.peer import electronic_cash
from nodes.peer.cash_payment import CashOfPeer
from nodes.protocols.message import Role
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings
from tests.roles.electronic_cash.owner import TOKEN, Owner

BUILDERS: dict[str, Callable[[Settings], Service]] = {
    "certificate-authority": certificate_authority.build,
    "bank": bank_account_server.build,
    "coin-server-1": coin_server.build,
    "coin-server-2": coin_server.build,
}
PEERS = ("alice", "bob", "carol")


class World(Owner):
    def __init__(self, folder: Path, without: Sequence[str] = ()) -> None:
        super().__init__()
        self._folder, self._without = folder, tuple(without)
        (folder / "secret").write_text("00" * 32)
        (folder / "token").write_text(TOKEN)
        self.nodes: dict[str, Service] = {}
        self._ports: dict[str, int] = {}
        self.cash: dict[str, electronic_cash.Cash] = {}
        self.instruments: dict[str, CashOfPeer] = {}
        """How each peer pays for a sale with e-cash."""

    def _build_peer(self, settings: Settings) -> Service:
        service = Service(Role.PEER, settings, purpose="a wallet of e-cash")
        cash = self.cash[settings.name] = electronic_cash.install(service)
        self.instruments[settings.name] = CashOfPeer(cash)
        return service

    async def start(self) -> None:
        await self.start_node("certificate-authority")
        names = [name for name in (*BUILDERS, *PEERS) if name not in self.nodes]
        await asyncio.gather(*(self.start_node(name) for name in names))
        for name in names:
            await self.until_ready(name)

    async def start_node(self, name: str) -> None:
        settings = Settings(
            name=name,
            data=self._folder / name,
            world=self._folder,
            ca_url=self.urls.get("certificate-authority", "http://127.0.0.1:1"),
            port=self._ports.get(name, 0),
            lab=True,
            without=self._without,
            opening_balance=100,
            call_seconds=1.0,
        )
        service = BUILDERS.get(name, self._build_peer)(settings)
        self.nodes[name] = service
        await service.start()
        self.urls[name] = service.url
        self._ports[name] = int(service.url.rpartition(":")[2])

    async def until_ready(self, name: str) -> None:
        service = self.nodes[name]
        while service.missing():
            await service.party.observer.changed()

    async def stop_node(self, name: str) -> None:
        """As far as the others can tell the process has ended."""
        self.stopped.add(name)
        await self.nodes[name].stop()

    async def restart(self, name: str) -> None:
        await self.start_node(name)
        await self.until_ready(name)
        self.stopped.discard(name)

    async def close(self) -> None:
        await self._session.close()
        for name in reversed(list(self.nodes)):
            with contextlib.suppress(Exception):
                await self.nodes[name].stop()

    def id(self, name: str) -> bytes:
        return self.nodes[name].party.id


@contextlib.asynccontextmanager
async def world_with_coins(folder: Path, amount: int) -> AsyncIterator[World]:
    """Alice has withdrawn so much."""
    made = World(folder)
    try:
        await made.start()
        asked = await made.control("alice", "cash_withdraw", amount=amount)
        await made.ended("alice", asked, "completed")
        yield made
    finally:
        await made.close()
