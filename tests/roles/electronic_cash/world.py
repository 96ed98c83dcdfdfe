"""A certificate authority, a bank, two coin servers and three peers: real nodes on loopback.

They run in one process here, each with its own folder, store, keys and port, and meet only over
HTTP.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from nodes.bank_account_server import service as bank_account_server
from nodes.certificate_authority import service as certificate_authority
from nodes.coin_server import service as coin_server
from nodes.peer import electronic_cash
from nodes.peer.cash_payment import CashOfPeer
from nodes.protocols.message import Role
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings

TOKEN = "token"
BUILDERS: dict[str, Callable[[Settings], Service]] = {
    "certificate-authority": certificate_authority.build,
    "bank": bank_account_server.build,
    "coin-server-1": coin_server.build,
    "coin-server-2": coin_server.build,
}
PEERS = ("alice", "bob", "carol")


class World:
    def __init__(self, folder: Path, without: Sequence[str] = ()) -> None:
        self._folder, self._without = folder, tuple(without)
        (folder / "secret").write_text("00" * 32)
        (folder / "token").write_text(TOKEN)
        self.nodes: dict[str, Service] = {}
        self._session = aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"})
        self._ports: dict[str, int] = {}
        self.stopped: set[str] = set()
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
        authority = self.nodes.get("certificate-authority")
        settings = Settings(
            name=name,
            data=self._folder / name,
            world=self._folder,
            ca_url=authority.url if authority else "http://127.0.0.1:1",
            port=self._ports.get(name, 0),
            lab=True,
            without=self._without,
            opening_balance=100,
            call_seconds=1.0,
        )
        service = BUILDERS.get(name, self._build_peer)(settings)
        self.nodes[name] = service
        await service.start()
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
        self.stopped.discard(name)
        await self.start_node(name)
        await self.until_ready(name)

    async def close(self) -> None:
        await self._session.close()
        for name in reversed(list(self.nodes)):
            with contextlib.suppress(Exception):
                await self.nodes[name].stop()

    def id(self, name: str) -> bytes:
        return self.nodes[name].party.id

    # what an owner does

    async def control(self, name: str, operation: str, **fields: Any) -> dict[str, Any]:
        url = f"{self.nodes[name].url}/control/{operation}"
        async with self._session.post(url, json=fields) as response:
            answer: dict[str, Any] = await response.json(content_type=None)
            if response.status != 200:
                raise ControlRefused(answer["code"])
            return answer

    async def get(self, name: str, path: str) -> dict[str, Any]:
        async with self._session.get(f"{self.nodes[name].url}{path}") as response:
            answer: dict[str, Any] = await response.json(content_type=None)
            return answer

    async def ended(self, name: str, asked: dict[str, Any], *states: str) -> dict[str, Any]:
        """One row of a transaction, once it is in one of these states."""
        wanted = ",".join(states)
        path = f"/inspect/transactions/{asked['transaction']}?until={wanted}&wait=20"
        answer = await self.get(name, path)
        rows = [row for row in _rows(answer) if row["state"] in states]
        assert rows, f"{name}: {answer}"
        return rows[0]

    async def ledger(self, name: str) -> dict[str, Any]:
        return await self.get(name, "/inspect/ledger")

    async def steps(self, name: str, protocol: str = "electronic_cash") -> list[str]:
        rows = (await self.get(name, "/inspect/trace"))["rows"]
        return [row["step"] for row in rows if row["protocol"] == protocol]

    async def view(self, name: str) -> str:
        return str(await self.get(name, "/inspect/view"))

    # what an auditor adds up

    async def until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        """Looks again whenever something happens at any node."""
        while True:
            changes = [asyncio.ensure_future(n.party.observer.changed()) for n in self._running()]
            await asyncio.sleep(0)  # they listen before we look
            try:
                if await holds():
                    return
                await asyncio.wait(changes, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for change in changes:
                    change.cancel()

    async def quiet(self) -> None:
        await self.until(self._is_quiet)

    async def _is_quiet(self) -> bool:
        """Every order has ended, no outbox has anything left, no coin server a debt to clear."""
        if any([await self._pledged(name) for name in self.nodes]):
            return False
        if any([(await self.ledger(name))["cash_debts"] for name in self.coin_servers()]):
            return False
        return not sum(node.party.outbox.waiting() for node in self._running())

    async def _pledged(self, name: str) -> bool:
        if name in self.stopped:
            return False
        rows = (await self.ledger(name)).get("cash_wallet", [])
        return any(row["state"] == "pledged" for row in rows)

    def _running(self) -> list[Service]:
        return [node for name, node in self.nodes.items() if name not in self.stopped]

    def coin_servers(self) -> list[str]:
        return [name for name in self.nodes if name.startswith("coin-server")]

    async def value(self) -> int:
        """Accounts, what is held for withdrawals, and all that circulates or waits."""
        bank = await self.ledger("bank")
        total: int = sum(row["balance"] for row in bank["cash_accounts"])
        total += sum(row["amount"] for row in bank["cash_held"])
        for name in self.coin_servers():
            books = await self.ledger(name)
            total += sum(row["amount"] for row in books["cash_coins"])
            total += sum(row["amount"] for row in books["cash_pending"])
        return total

    async def opened_with(self) -> int:
        bank = await self.ledger("bank")
        return sum(int(row["opened_with"]) for row in bank["cash_accounts"])

    async def check_books(self) -> None:
        """Value is conserved, wallets hold what circulates, and the bank's books say as much."""
        await self.quiet()
        assert await self.value() == await self.opened_with()
        held: dict[str, dict[str, int]] = {}
        for name in self.nodes:
            for row in (await self.ledger(name)).get("cash_wallet", []):
                if row["state"] in ("held", "pledged"):
                    held.setdefault(row["coin_server"], {})[row["serial"]] = row["amount"]
        outstanding = {
            row["coin_server"]: row["amount"]
            for row in (await self.ledger("bank"))["cash_outstanding"]
        }
        for name in self.coin_servers():
            books, id_ = await self.ledger(name), self.id(name).hex()
            circulating = {row["serial"]: row["amount"] for row in books["cash_coins"]}
            assert circulating == held.get(id_, {})
            assert sum(circulating.values()) == outstanding.get(id_, 0)
            assert books["cash_journal"] == 0

    async def coins(self, name: str) -> int:
        rows: list[dict[str, Any]] = (await self.ledger(name))["cash_wallet"]
        return sum(int(row["amount"]) for row in rows if row["state"] == "held")


class ControlRefused(Exception):
    """The code of a refusal."""


def _rows(answer: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = answer.get("found", [])
    return rows
