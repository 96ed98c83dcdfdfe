"""kill -9 of one process at each point of each protocol: whoever comes back finishes it (BS-25)."""

import asyncio
import contextlib
import os
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from nodes.runtime.settings import Settings, to_environment
from tests.roles.electronic_cash.owner import TOKEN, Owner

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROGRAMS = {
    "certificate-authority": "nodes.certificate_authority",
    "bank": "nodes.bank_account_server",
    "coin-server-1": "nodes.coin_server",
    "coin-server-2": "nodes.coin_server",
    "alice": "tests.roles.electronic_cash.peer_node",
    "bob": "tests.roles.electronic_cash.peer_node",
}
CRASHES = [
    ("withdraw", "alice", "W1", "saved"),
    ("withdraw", "alice", "W4", "received"),
    ("withdraw", "bank", "W1", "received"),
    ("withdraw", "bank", "W1", "saved"),
    ("withdraw", "bank", "W2", "sent"),
    ("withdraw", "coin-server-1", "W2", "received"),
    ("withdraw", "coin-server-1", "W2", "saved"),
    ("exchange", "coin-server-1", "X1", "saved"),
    ("pay", "alice", "P1", "saved"),
    ("pay", "bob", "P2", "saved"),
    ("pay", "bob", "P2", "sent"),
    ("pay", "coin-server-1", "P2", "saved"),
    ("pay across", "coin-server-2", "F1", "saved"),
    ("pay across", "coin-server-2", "F1", "sent"),
    ("pay across", "coin-server-1", "F1", "saved"),
    ("pay across", "bank", "F4", "saved"),
    ("deposit", "alice", "D4", "received"),
    ("deposit", "bank", "D2", "sent"),
    ("deposit", "coin-server-1", "D2", "received"),
    ("deposit", "coin-server-1", "D2", "saved"),
]


class Processes(Owner):
    """Each node a process of its own, which a lab can end at a point of a step."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        (folder / "secret").write_text("00" * 32)
        (folder / "token").write_text(TOKEN)
        self._processes: dict[str, Process] = {}
        self._sockets = [_free_port() for _ in PROGRAMS]
        for name, port in zip(PROGRAMS, self._sockets, strict=True):
            self.urls[name] = f"http://127.0.0.1:{port}"

    async def start(self) -> None:
        for name in PROGRAMS:
            await self.launch(name)
        for name in PROGRAMS:
            if name != "certificate-authority":
                await self.until_ready(name)
        await self.control("bob", "cash_use", coin_server="coin-server-1")

    async def launch(self, name: str) -> None:
        settings = Settings(
            name=name,
            data=self._folder / name,
            world=self._folder,
            ca_url=self.urls["certificate-authority"],
            port=int(self.urls[name].rpartition(":")[2]),
            lab=True,
            opening_balance=1000,
            call_seconds=1.0,
        )
        self._processes[name] = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            PROGRAMS[name],
            env={**os.environ, **to_environment(settings)},
            stdout=DEVNULL,
            stderr=DEVNULL,
        )

    async def until_ready(self, name: str) -> None:
        while not await self._is_ready(name):
            process = self._processes[name]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    await process.wait()
            assert process.returncode is None, f"{name} ended with {process.returncode}"

    async def _is_ready(self, name: str) -> bool:
        try:
            return (await self.get(name, "/readyz")).get("status") == "ready"
        except aiohttp.ClientError:
            return False

    async def revived(self, name: str) -> None:
        """It has ended at the point it was told to, and is started again."""
        self.stopped.add(name)
        async with asyncio.timeout(20):
            await self._processes[name].wait()
        await self.launch(name)
        await self.until_ready(name)
        self.stopped.discard(name)

    async def close(self) -> None:
        await self._session.close()
        for process in self._processes.values():
            if process.returncode is None:
                process.terminate()
        for process in self._processes.values():
            await process.wait()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Processes]:
    made = Processes(tmp_path_factory.mktemp("world"))
    try:
        await made.start()
        asked = await made.control("alice", "cash_withdraw", amount=400)
        await made.ended("alice", asked, "completed")
        yield made
    finally:
        await made.close()


async def begin(world: Processes, what: str) -> dict[str, Any]:
    match what:
        case "withdraw":
            return await world.control("alice", "cash_withdraw", amount=5)
        case "exchange":
            return await world.control("alice", "cash_exchange", amounts=[3, 2])
        case "deposit":
            return await world.control("alice", "cash_deposit", amount=4)
    server = "coin-server-2" if what == "pay across" else "coin-server-1"
    await world.control("bob", "cash_use", coin_server=server)
    return await world.control("alice", "cash_pay", to="bob", amount=3)


@pytest.mark.parametrize(("what", "victim", "step", "point"), CRASHES)
async def test_one_process_killed_at_one_point_loses_and_makes_no_money(
    world: Processes, what: str, victim: str, step: str, point: str
) -> None:
    """And what was begun ends as it would have."""
    await world.control(victim, "kill_at", protocol="electronic_cash", step=step, point=point)
    before = await world.coins("bob")
    asked: dict[str, Any] | None = None
    with contextlib.suppress(aiohttp.ClientError):  # the victim may end before it answers
        asked = await begin(world, what)
    await world.revived(victim)
    if asked is not None:
        ended = await world.ended("alice", asked, "completed", "settled", "cancelled")
        assert ended["state"] != "cancelled", "nobody was away for long"
    await world.check_books()
    if what.startswith("pay") and asked is not None:
        assert await world.coins("bob") == before + 3
