"""One node of a ring in a process of its own, ours or the stock library's, told what to do by pipe.

Both run on the same event loop (uvloop), on 127.0.0.1, and are asked the same way. A request is a
tuple (what, arguments ...), its answer whatever the method of that name returns.
"""

import asyncio
import logging
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import uvloop

from crypto import codec
from crypto.documents import Signed
from crypto.signing import SigningKey
from dht.errors import RecordRefused
from dht.node import Contact, DhtNode
from dht.records import Put, RegisterName, Roster
from nodes.protocols.dht_micropayment.coin import Trust
from nodes.protocols.dht_micropayment.validator import check_put
from nodes.protocols.errors import Refused
from nodes.runtime.store import Store
from scenarios.lab.crowds import CROWDS
from scenarios.lab.crowds_in_memory import CROWDS_IN_MEMORY
from scenarios.lab.lying import Lie, LyingNode

HOST = "127.0.0.1"
SECONDS = 10.0


class Ours:
    """A member with its votes on disk and the coins' own check."""

    node_class = DhtNode

    def __init__(self, seed: bytes, folder: Path, broker: bytes, authority: bytes) -> None:
        key = SigningKey(seed)
        self._store = Store(folder / f"{key.public_key.hex()[:16]}.db")
        self._broker = broker
        self._node = self.node_class(
            key=key,
            storage=self._store,
            now=lambda: time.time_ns() // 1_000_000,
            validators={"coin": self._check},
            authority=lambda: authority,
            member=True,
        )

    def _check(self, put: Put, now: int) -> None:
        trust = Trust(frozenset({self._broker}), self._node.check)
        try:
            check_put(put.record, put.predecessor, put.evidence, now, trust)
        except Refused as error:
            raise RecordRefused(error.code, error.detail) from error

    async def listen(self) -> int:
        return (await self._node.listen(HOST, 0))[1]

    async def adopt(self, roster: bytes) -> None:
        await self._node.adopt(codec.decode(roster, Signed[Roster]))

    async def join(self, contacts: list[tuple[bytes, int]]) -> None:
        await self._node.join([Contact(key, HOST, port) for key, port in contacts])

    async def ready(self) -> bool:
        return self._node.ready and not self._node.unreached()

    async def put(self, put: bytes) -> tuple[float, bytes]:
        """Milliseconds until it is certified; the certificate."""
        asked = codec.decode(put, Put)
        began = time.perf_counter()
        written = await self._node.put(asked, seconds=SECONDS)
        spent = 1000 * (time.perf_counter() - began)
        if written.certificate is None:
            return spent, b""
        return spent, codec.encode(written.certificate)

    async def read(self, name: bytes) -> tuple[float, bool]:
        """Milliseconds; whether q members answered and a certificate was shown."""
        asked = codec.decode(name, RegisterName)
        began = time.perf_counter()
        reading = await self._node.read(asked, seconds=SECONDS)
        return 1000 * (time.perf_counter() - began), reading.certificate is not None

    async def datagrams(self) -> int:
        return self._node.counters["datagrams_out"]

    async def close(self) -> None:
        await self._node.close()
        await self._store.close()


class Lying(Ours):
    """One whose replica lies once it is told to."""

    node_class = LyingNode

    async def lie(self, lies: list[Lie]) -> None:
        logging.getLogger("dht.member").setLevel(logging.CRITICAL)  # beyond measure, and meant
        assert isinstance(self._node, LyingNode), "its class says so"
        self._node.tell(frozenset(lies))


class Stock:
    """The library as it comes: `set`, `get`, values in memory."""

    def __init__(self, node_id: bytes, k: int) -> None:
        from kademlia.network import Server

        made: Any = Server
        self._server = made(ksize=k, node_id=node_id)

    async def listen(self) -> int:
        await self._server.listen(0, HOST)
        return int(self._server.transport.get_extra_info("sockname")[1])

    async def join(self, ports: list[int]) -> None:
        await self._server.bootstrap([(HOST, port) for port in ports])

    async def ready(self) -> bool:
        return bool(self._server.bootstrappable_neighbors())

    async def put(self, key: bytes, value: bytes) -> tuple[float, bool]:
        began = time.perf_counter()
        done = await self._server.set(key, value)
        return 1000 * (time.perf_counter() - began), bool(done)

    async def read(self, key: bytes) -> tuple[float, bool]:
        began = time.perf_counter()
        found = await self._server.get(key)
        return 1000 * (time.perf_counter() - began), found is not None

    async def close(self) -> None:
        self._server.stop()


KINDS: dict[str, Callable[..., Any]] = {
    "ours": Ours,
    "lying": Lying,
    "stock": Stock,
    **CROWDS,
    **CROWDS_IN_MEMORY,
}


def main(kind: str, connection: Connection, arguments: tuple[Any, ...]) -> None:
    """Serve until told to close, or until whoever asks is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(kind, connection, arguments))


async def _serve(kind: str, connection: Connection, arguments: tuple[Any, ...]) -> None:
    node = KINDS[kind](*arguments)
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()
    loop.add_reader(connection.fileno(), asked.set)
    what = ""
    while what != "close":
        await asked.wait()
        asked.clear()
        try:
            what, *rest = connection.recv()
        except EOFError:
            what, rest = "close", []
        answer = await getattr(node, what)(*rest)
        try:
            connection.send(answer)
        except OSError:
            break
    loop.remove_reader(connection.fileno())
