"""An authority, a broker and peers in one event loop, over real HTTP and SQLite."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp
import msgspec

from nodes.broker import anonymous_micropayment as at_broker
from nodes.broker.accounts import Accounts
from nodes.certificate_authority import anonymous_micropayment as at_authority
from nodes.certificate_authority import membership
from nodes.peer import anonymous_micropayment as at_peer
from nodes.protocols.message import Role
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings

TOKEN = "t" * 32
OWNER = {"Authorization": f"Bearer {TOKEN}"}
OPENING = 1000
WAIT_SECONDS = 20.0


def authority(settings: Settings) -> Service:
    service = Service(Role.CERTIFICATE_AUTHORITY, settings, purpose="Names.")
    membership.install(service)
    at_authority.install(service)
    return service


def broker(settings: Settings) -> Service:
    service = Service(Role.BROKER, settings, purpose="Settles.")
    at_broker.install(service, Accounts(service))
    return service


def peer(settings: Settings) -> Service:
    service = Service(Role.PEER, settings, purpose="Buys and sells.")
    at_peer.install(service)
    return service


Build = Callable[[Settings], Service]


class Refusal(Exception):
    """An operation was refused; `code` says why."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(problem.get("detail", ""))
        self.code: str = problem["code"]


class Node:
    """One started service, and what its owner asks of it."""

    service: Service

    def __init__(self, market: "Market", settings: Settings, build: Build) -> None:
        self.market, self.settings, self.build = market, settings, build
        self.runs = False

    async def start(self) -> None:
        self.service = self.build(self.settings)
        self.runs = True
        await self.service.start()

    async def stop(self) -> None:
        if self.runs:
            self.runs = False
            port = int(self.service.url.rpartition(":")[2])
            self.settings = msgspec.structs.replace(self.settings, port=port)
            await self.service.stop()

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def id(self) -> str:
        return self.service.party.id.hex()

    async def ask(self, operation: str, **fields: Any) -> dict[str, Any]:
        url = f"{self.service.url}/control/{operation}"
        async with self.market.http.post(url, json=fields, headers=OWNER) as response:
            answer: dict[str, Any] = await response.json(content_type=None)
            if response.status != 200:
                raise Refusal(answer)
            return answer

    async def get(self, path: str) -> Any:
        async with self.market.http.get(self.service.url + path, headers=OWNER) as response:
            answer = await response.json(content_type=None)
            assert response.status == 200, answer
            return answer

    async def until(self, transaction: str, *states: str, side: str = "customer") -> dict[str, Any]:
        """The record of a transaction, once its state is one of these."""
        path = f"/inspect/transactions/{transaction}?until={','.join(states)}&wait=20"
        found: list[dict[str, Any]] = (await self.get(path))["found"]
        for record in found:
            if record["state"] in states and record["side"] == side:
                return record
        raise AssertionError(found)

    async def ledger(self) -> dict[str, Any]:
        shown: dict[str, Any] = await self.get("/inspect/ledger")
        return shown

    async def reached(self, step: str) -> None:
        """Wait until this node's trace has a step."""
        observer = self.service.party.observer
        async with asyncio.timeout(WAIT_SECONDS):
            while not any(row.step == step for row in observer.rows()):
                await observer.changed()

    def counted(self, *steps: str) -> dict[str, int]:
        """Cryptographic operations of these steps."""
        counters = self.service.party.observer.counters
        out: dict[str, int] = {}
        for step in steps:
            for what, times in counters.get(("anonymous_micropayment", step), {}).items():
                out[what] = out.get(what, 0) + times
        return out

    # customers and vendors

    async def named(self) -> str:
        asked = await self.ask("pid_pseudonym")
        await self.until(asked["transaction"], "named")
        return str((await self.ledger())["wallets"][-1]["pseudonym"])

    async def prepay(self, amount: int, **how: Any) -> None:
        asked = await self.ask("pid_deposit", amount=amount, **how)
        await self.until(asked["transaction"], "confirmed")

    async def sells(self, price: int, goods: str = "song", text: str = "la la la") -> None:
        await self.ask("pid_sell", goods=goods, price=price, text=text)

    async def orders(self, vendor: "Node", price: int, goods: str = "song", **how: Any) -> str:
        asked = await self.ask("pid_buy", vendor=vendor.name, goods=goods, price=price, **how)
        return str(asked["transaction"])

    async def buys(self, vendor: "Node", price: int, **how: Any) -> dict[str, Any]:
        return await self.until(await self.orders(vendor, price, **how), "delivered")


class Market:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "world").mkdir()
        (folder / "world" / "secret").write_text("ab" * 32)
        (folder / "world" / "token").write_text(TOKEN)
        self.nodes: list[Node] = []
        self.http: aiohttp.ClientSession
        self.authority: Node
        self.broker: Node

    async def __aenter__(self) -> "Market":
        self.http = aiohttp.ClientSession()
        self.authority = await self.add("authority", authority)
        self.broker = await self.add("broker", broker)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for node in reversed(self.nodes):
            await node.stop()
        await self.http.close()

    async def add(self, name: str, build: Build, **changed: Any) -> Node:
        ca_url = self.nodes[0].service.url if self.nodes else "http://unused"
        settings = Settings(
            name=name,
            data=self.folder / name,
            world=self.folder / "world",
            ca_url=ca_url,
            lab=True,
            call_seconds=1.0,
        )
        node = Node(self, msgspec.structs.replace(settings, **changed), build)
        self.nodes.append(node)
        await node.start()
        return node

    async def peer(self, name: str, **changed: Any) -> Node:
        return await self.add(name, peer, **changed)

    async def balance(self, node: Node) -> int:
        """What is in a party's account."""
        accounts = (await self.broker.ledger())["accounts"]
        return int(next(a["balance"] for a in accounts if a["owner"] == node.id))

    async def prepaid(self) -> int:
        """What lies under all pseudonyms."""
        return sum(p["balance"] for p in (await self.broker.ledger())["pseudonyms"])

    async def value(self) -> int:
        """All the broker owes to anybody, less what it opened the accounts with and was paid."""
        ledger = await self.broker.ledger()
        accounts = sum(a["balance"] - OPENING for a in ledger["accounts"])
        pseudonyms = sum(p["balance"] for p in ledger["pseudonyms"])
        paid_in = ledger.get("cash_taken", 0)
        return int(accounts + pseudonyms + ledger["vouchers"]["outstanding"] - paid_in)
