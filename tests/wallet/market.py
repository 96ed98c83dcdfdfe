"""A small market in one event loop: authority, broker, peers, over real HTTP, UDP and SQLite."""

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp
import msgspec

from nodes.broker.service import build as build_broker
from nodes.certificate_authority.service import build as build_authority
from nodes.escrow_server import coin_payment as escrow_coins
from nodes.escrow_server.coin_payment import CoinsInEscrow
from nodes.peer import dht_micropayment
from nodes.peer.coin_payment import CoinsOfPeer
from nodes.protocols.message import Role
from nodes.ring import Ring
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings
from nodes.wallet.trust import coin_ring
from nodes.wallet.wallet import Wallet

TOKEN = "t" * 32
PEERS = 5
PATIENCE_SECONDS = 20.0


class Node:
    """One started service, and what its owner asks of it."""

    service: Service
    ring: Ring
    wallet: Wallet
    escrow: CoinsInEscrow
    coins: CoinsOfPeer

    def __init__(self, market: "Market", settings: Settings, role: Role) -> None:
        self.market, self.settings, self.role = market, settings, role

    def build(self) -> None:
        if self.role is Role.BROKER:
            self.service = build_broker(self.settings)
            return
        if self.role is Role.CERTIFICATE_AUTHORITY:
            self.service = build_authority(self.settings)
            return
        self.service = Service(self.role, self.settings, purpose="Tests coins.")
        self.ring = coin_ring(self.service, member=self.role is Role.PEER)
        if self.role is Role.PEER:
            self.wallet = dht_micropayment.install(self.service, self.ring)
            self.coins = CoinsOfPeer(self.wallet)
        else:
            self.escrow = escrow_coins.install(self.service, self.ring)

    async def start(self) -> None:
        self.build()
        await self.service.start()

    async def stop(self) -> None:
        await self.service.stop()

    async def restart(self) -> None:
        """As after a crash: what was in memory is gone. The port stays."""
        port = int(self.service.url.rpartition(":")[2])
        udp = self.service.udp[1] if self.service.udp else 0
        await self.stop()
        self.settings = msgspec.structs.replace(self.settings, port=port, udp_port=udp)
        await self.start()

    @property
    def id(self) -> bytes:
        return self.service.party.id

    async def ask(self, operation: str, **fields: Any) -> dict[str, Any]:
        url = f"{self.service.url}/control/{operation}"
        async with self.market.http.post(url, json=fields, headers=OWNER) as response:
            answer: dict[str, Any] = await response.json(content_type=None)
            assert response.status == 200, answer
            return answer

    async def get(self, path: str) -> dict[str, Any]:
        async with self.market.http.get(self.service.url + path, headers=OWNER) as response:
            answer: dict[str, Any] = await response.json(content_type=None)
            assert response.status == 200, answer
            return answer

    async def until(self, transaction: str, *states: str) -> dict[str, Any]:
        """The record of a transaction, once its state is one of these."""
        path = f"/inspect/transactions/{transaction}?until={','.join(states)}&wait=20"
        found = (await self.get(path))["found"]
        for record in found:
            if record["state"] in states:
                chosen: dict[str, Any] = record
                return chosen
        raise AssertionError(found)

    async def coins_in(self, state: str) -> int:
        ledger = await self.get("/inspect/ledger")
        return sum(coin["state"] == state for coin in ledger["coins"])

    async def has_coins(self, count: int, state: str = "held") -> None:
        """Wait until this node has so many coins in that state."""
        party = self.service.party
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await self.coins_in(state) != count:
                await party.observer.changed()

    async def withdraw(self, count: int) -> None:
        asked = await self.ask("withdraw", count=count)
        await self.until(asked["transaction"], "held")

    async def pay(self, payee: "Node", count: int, *states: str) -> dict[str, Any]:
        to = payee.settings.name
        asked = await self.ask("transfer", to=to, count=count)
        return await self.until(asked["transaction"], *(states or ("paid",)))

    async def balance(self) -> int:
        return int((await self.ask("balance"))["balance"])


OWNER = {"Authorization": f"Bearer {TOKEN}"}


class Market:
    def __init__(self, folder: Path, **changed: Any) -> None:
        self.folder, self.changed = folder, changed
        (folder / "world").mkdir()
        (folder / "world" / "secret").write_text("ab" * 32)
        (folder / "world" / "token").write_text(TOKEN)
        self.nodes: list[Node] = []
        self.http: aiohttp.ClientSession

    def settings(self, name: str) -> Settings:
        made = Settings(
            name=name,
            data=self.folder / name,
            world=self.folder / "world",
            ca_url=self.authority.service.url if self.nodes else "http://unused",
            expected_peers=PEERS,
            lab=True,
            quorum_write_seconds=2.0,
        )
        return msgspec.structs.replace(made, **self.changed)

    async def __aenter__(self) -> "Market":
        self.http = aiohttp.ClientSession()
        self.authority = await self._add("authority", Role.CERTIFICATE_AUTHORITY)
        self.broker = await self._add("broker", Role.BROKER)
        self.peers = [await self._add(f"peer-{n:02}", Role.PEER) for n in range(1, PEERS + 1)]
        self.escrow = await self._add("escrow", Role.ESCROW_SERVER)
        await self.ready()
        return self

    async def _add(self, name: str, role: Role) -> Node:
        node = Node(self, self.settings(name), role)
        await node.start()
        self.nodes.append(node)
        return node

    async def ready(self) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            for node in self.nodes:
                while node.service.missing():
                    await node.service.party.observer.changed()

    async def __aexit__(
        self,
        type_: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for node in reversed(self.nodes):
            await node.stop()
        await self.http.close()

    async def worth(self) -> int:
        """Accounts and coins outstanding: what the accounts were opened with, always."""
        ledger = await self.broker.get("/inspect/ledger")
        balances = sum(account["balance"] for account in ledger["accounts"])
        return balances + len(ledger["issued"]) - len(ledger["redeemed"])
