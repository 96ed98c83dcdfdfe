"""The same world with a process for each node, which a lab can end at a point of a step."""

import asyncio
import contextlib
import os
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from pathlib import Path
from typing import Any

import aiohttp

from nodes.runtime.settings import Settings, to_environment
from tests.roles.electronic_cash.owner import TOKEN, Owner

PROGRAMS = {
    "certificate-authority": "nodes.certificate_authority",
    "bank": "nodes.bank_account_server",
    "coin-server-1": "nodes.coin_server",
    "game": "nodes.game_server",
    "market-1": "nodes.market",
    "alice": "tests.roles.item_trading.player_node",
    "bob": "tests.roles.item_trading.player_node",
}


class Processes(Owner):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        (folder / "secret").write_text("00" * 32)
        (folder / "token").write_text(TOKEN)
        self._processes: dict[str, Process] = {}
        self._reviving: asyncio.Task[None] | None = None
        self._victim = ""
        free = [_free_port() for _ in PROGRAMS]
        for name, port in zip(PROGRAMS, free, strict=True):
            self.urls[name] = f"http://127.0.0.1:{port}"

    async def start(self) -> None:
        for name in PROGRAMS:
            await self._launch(name)
        for name in PROGRAMS:
            if name != "certificate-authority":
                await self._until_ready(name)

    async def _launch(self, name: str) -> None:
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

    async def _until_ready(self, name: str) -> None:
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

    # one kill

    async def kill_at(self, victim: str, protocol: str, step: str, point: str) -> None:
        """It will end there, as by kill -9, and is started again as soon as it has."""
        await self.control(victim, "kill_at", protocol=protocol, step=step, point=point)
        self._victim = victim
        self._reviving = asyncio.create_task(self._revive(victim))

    async def ends_at(self, victim: str, protocol: str, step: str, point: str) -> None:
        """It will end there, and stay away until it is started again."""
        await self.control(victim, "kill_at", protocol=protocol, step=step, point=point)

    async def start_again(self, victim: str) -> None:
        """As soon as it has ended."""
        await self._revive(victim)

    async def _revive(self, victim: str) -> None:
        await self._processes[victim].wait()
        await self._launch(victim)
        await self._until_ready(victim)

    async def revived(self) -> None:
        """Raises TimeoutError where the point was never reached."""
        assert self._reviving is not None
        async with asyncio.timeout(20):
            await self._reviving

    async def decide(self, name: str, operation: str, side: str, **fields: Any) -> str:
        """An owner's decision, made once whether or not its node lived to answer: its transaction.

        `side`: of the record that shows it was made.
        """
        before = await self._records(name, side)
        while True:
            try:
                return str((await self.control(name, operation, **fields))["transaction"])
            except aiohttp.ClientError:
                await self.revived()
            made = await self._records(name, side) - before
            if made:
                return made.pop()

    async def _records(self, name: str, side: str) -> set[str]:
        try:
            rows = (await self.get(name, "/inspect/transactions"))["transactions"]
        except aiohttp.ClientError:
            await self.revived()
            return await self._records(name, side)
        return {row["id"] for row in rows if row.get("side") == side}

    async def reaches(self, name: str, transaction: str, *states: str) -> dict[str, Any]:
        """As `ended`, by a node that may die while it is asked."""
        while True:
            try:
                return await self.ended(name, {"transaction": transaction}, *states)
            except aiohttp.ClientError:
                await self.revived()

    async def close(self) -> None:
        await self._session.close()
        if self._reviving is not None:
            self._reviving.cancel()
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
