"""A local world on disk.

.jangteo/
  secret, token     admit nodes to the world, and their owner to the nodes; 0600
  world.json        every node: name, role, ports, process; settings, guards off
  nodes/<name>/     what each node keeps
  logs/<name>.log   what each node says; logs/keeper.log what started them says
  keeper.sock       where the keeper takes orders
  lock              held by a command that starts or stops something
"""

import asyncio
import fcntl
import os
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from nodes.runtime.new_world import make_world
from scenarios.lab.failures import CannotWrite, NotAWorldFolder, NoWorld, WorldIsBusy, reason
from scenarios.lab.processes import Process

VERSION = 1
LOCK_SECONDS = 20.0
LOCK_POLL_SECONDS = 0.05


class NodeRecord(msgspec.Struct):
    name: str
    role: str
    """Package under nodes/."""
    host: str
    port: int
    udp_port: int
    url: str
    program: str
    """Module whose `build(settings)` makes the node."""
    id: str = ""
    """Public key (hex), once the node was ready."""
    process: Process | None = None
    """The last one that was started; it may have ended since."""


class WorldRecord(msgspec.Struct):
    peers: int
    lab: bool
    nodes: list[NodeRecord]
    without: list[str] = []
    """Guards switched off."""
    settings: dict[str, str] = {}
    """Settings of every node that differ from the defaults."""
    started: str = ""
    """The last start, UTC."""
    keeper: Process | None = None
    version: int = VERSION

    def node(self, name: str) -> NodeRecord:
        return next(node for node in self.nodes if node.name == name)

    def names(self) -> list[str]:
        return [node.name for node in self.nodes]


@dataclass(frozen=True)
class WorldFolder:
    path: Path

    @property
    def record(self) -> Path:
        return self.path / "world.json"

    @property
    def keeper_socket(self) -> Path:
        return self.path / "keeper.sock"

    def data(self, name: str) -> Path:
        return self.path / "nodes" / name

    def log(self, name: str) -> Path:
        return self.path / "logs" / f"{name}.log"

    @property
    def token(self) -> str:
        return (self.path / "token").read_text().strip()

    # life

    def exists(self) -> bool:
        return self.record.is_file()

    def make(self) -> bool:
        """Make the folder with secret and token unless they are there; True if it was not there.

        Raises NotAWorldFolder for a folder that holds something else, CannotWrite.
        """
        try:
            return self._make()
        except OSError as error:
            raise CannotWrite(
                f"Cannot make a world in {self.path}: {reason(error)}. "
                "Name another folder: --world DIR"
            ) from error

    def _make(self) -> bool:
        new = not self.path.exists()
        if not new and not self.exists() and any(self.path.iterdir()):
            raise NotAWorldFolder(
                f"{self.path} holds something else than a world. Name another folder: --world DIR"
            )
        make_world(self.path)
        for name in ("nodes", "logs"):
            (self.path / name).mkdir(mode=0o700, exist_ok=True)
        return new

    def read(self) -> WorldRecord:
        """Raise NoWorld if there is none, NotAWorldFolder if it cannot be read."""
        try:
            content = self.record.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            raise NoWorld(f"There is no world in {self.path}. Start one: jangteo up") from None
        try:
            record = msgspec.json.decode(content, type=WorldRecord)
        except msgspec.DecodeError as error:
            raise NotAWorldFolder(f"{self.record} cannot be read: {error}") from error
        if record.version != VERSION:
            raise NotAWorldFolder(f"{self.record} is of version {record.version}, not {VERSION}")
        return record

    def write(self, record: WorldRecord) -> None:
        """Replace world.json in one step: a reader sees the old one or the new one."""
        text = msgspec.json.format(msgspec.json.encode(record), indent=2)
        beside = self.path / f".world.json.{os.getpid()}"
        beside.write_bytes(text + b"\n")
        beside.replace(self.record)

    def forget(self) -> list[str]:
        """Delete what belongs to a world; names of what else is there, and stays with the folder.

        Raises NotAWorldFolder where no world is: nothing is deleted then.
        """
        if not self.exists():
            raise NotAWorldFolder(f"{self.path} holds no world; nothing was deleted.")
        for name in ("nodes", "logs"):
            shutil.rmtree(self.path / name, ignore_errors=True)
        for name in ("secret", "token", "keeper.sock", "world.json", "lock"):
            (self.path / name).unlink(missing_ok=True)
        left = sorted(entry.name for entry in self.path.iterdir())
        if not left:
            self.path.rmdir()
        return left

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        """One command at a time starts or stops what is in here. Raises WorldIsBusy."""
        lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            await self._wait_for(lock)
            yield
        finally:
            os.close(lock)

    async def _wait_for(self, lock: int) -> None:
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise WorldIsBusy(
                        f"Another command is starting or stopping nodes of {self.path}. "
                        "Wait for it, or end it."
                    ) from None
                await asyncio.sleep(LOCK_POLL_SECONDS)
            else:
                return
