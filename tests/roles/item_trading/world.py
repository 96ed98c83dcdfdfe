"""A game server, two markets, a bank, a coin server and three players: real nodes on loopback.

They run in one process here, each with its own folder, store, keys and port, and meet only over
HTTP.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from nodes.bank_account_server import service as bank_account_server
from nodes.certificate_authority import service as certificate_authority
from nodes.coin_server import service as coin_server
from nodes.game_server import service as game_server
from nodes.market import service as market
from nodes.peer import electronic_cash, item_trading
from nodes.protocols.message import Role
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings
from tests.roles.electronic_cash.owner import TOKEN, Owner

BUILDERS: dict[str, Callable[[Settings], Service]] = {
    "certificate-authority": certificate_authority.build,
    "bank": bank_account_server.build,
    "coin-server-1": coin_server.build,
    "game": game_server.build,
    "market-1": market.build,
    "market-2": market.build,
}
PLAYERS = ("alice", "bob", "carol")
SWORD = "Sword of dawn, level 12"
PRICE = 30
MONEY = 40


def build_player(settings: Settings) -> Service:
    return build_trader(settings)[0]


def build_trader(settings: Settings) -> tuple[Service, item_trading.ItemTrade]:
    service = Service(Role.PEER, settings, purpose="a player with a wallet")
    return service, item_trading.install(service, electronic_cash.install(service))


class World(Owner):
    def __init__(self, folder: Path, without: Sequence[str] = (), **settings: Any) -> None:
        super().__init__()
        self._folder, self._without, self._settings = folder, tuple(without), settings
        (folder / "secret").write_text("00" * 32)
        (folder / "token").write_text(TOKEN)
        self.nodes: dict[str, Service] = {}
        self._ports: dict[str, int] = {}
        self.players: dict[str, item_trading.ItemTrade] = {}

    async def start(self) -> None:
        await self.start_node("certificate-authority")
        names = [name for name in (*BUILDERS, *PLAYERS) if name not in self.nodes]
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
            **{"call_seconds": 1.0, **self._settings},
        )
        if name in BUILDERS:
            service = BUILDERS[name](settings)
        else:
            service, self.players[name] = build_trader(settings)
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

    def id(self, name: str) -> str:
        return self.nodes[name].party.id.hex()

    # a trade, as far as its owners decide

    async def advance(self, seconds: float, *names: str) -> None:
        for name in names or self.running():
            await self.control(name, "clock", advance_seconds=seconds)

    async def rich(self, name: str = "bob", amount: int = MONEY) -> None:
        asked = await self.control(name, "cash_withdraw", amount=amount)
        await self.ended(name, asked, "completed")

    async def certified(self, owner: str = "alice") -> str:
        """An item is found and certified: its serial#."""
        found = await self.control("game", "item_found", owner=owner, item=SWORD)
        own = await self.control(owner, "item_certificate", game_server="game", item=found["item"])
        return str(own["serial"])

    async def listed(
        self, model: int, serial: str | None = None, *, owner: str = "alice", **fields: Any
    ) -> dict[str, Any]:
        terms = {"market": "market-1", "price": PRICE, **fields}
        serial = serial or await self.certified(owner)
        asked = await self.control(owner, "item_sell", serial=serial, model=model, **terms)
        await self.ended(owner, asked, "listed")
        return asked

    async def ordered(self, buyer: str = "bob", market: str = "market-1") -> dict[str, Any]:
        shown = await self.control(buyer, "item_list", market=market, words="sword")
        listed = shown["items"][0]["listed"]
        return await self.control(buyer, "item_order", market=market, listed=listed)

    async def ready(self, buyer: str = "bob", market: str = "market-1") -> dict[str, Any]:
        asked = await self.ordered(buyer, market)
        await self.ended(buyer, asked, "ready")
        return asked

    async def paid(self, model: int) -> dict[str, Any]:
        """Bob has paid for Alice's sword at market 1."""
        await self.rich()
        await self.listed(model)
        asked = await self.ready()
        await self.control("bob", "item_pay", **asked)
        return asked

    # what must hold

    async def owners(self) -> list[str]:
        """Of the certificates that count."""
        rows = (await self.ledger("game"))["items"]
        return [row["owner"] for row in rows if row["state"] == "current"]

    async def in_world(self) -> list[str]:
        return [row["owner"] for row in (await self.ledger("game"))["world"]]

    async def check(self, owner: str, **money: int) -> None:
        """The item has one owner; money is conserved, and who names it holds so much."""
        await self.check_books()
        assert await self.owners() == [self.id(owner)]
        for name, amount in money.items():
            assert await self.coins(name) == amount, name
        for name in self.running():
            rows = (await self.get(name, "/inspect/transactions"))["transactions"]
            mine = [row for row in rows if row["protocol"] == "item_trading"]
            assert [row for row in mine if row["side"] in ("market", "seller", "buyer")
                    and not row["final"]] == []  # fmt: skip
