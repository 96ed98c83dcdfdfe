"""Our ring and the stock library's, each node a process: the same number, side by side."""

import asyncio
import multiprocessing
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from crypto import codec
from crypto.documents import Signed, sign_document
from crypto.signing import SigningKey
from dht.records import (
    NODE_ID_BYTES,
    Body,
    Certificate,
    Put,
    Record,
    RegisterName,
    Roster,
    node_id,
)
from nodes.protocols.dht_micropayment.coin import (
    Coin,
    Evidence,
    chain,
    opening_record,
)
from nodes.protocols.dht_micropayment.step import next_register, next_step, sign_step
from scenarios.lab import ring_process
from scenarios.lab.failures import LabFailure
from scenarios.lab.measure import cpu_seconds

ANSWER_SECONDS = 30.0
POLL_SECONDS = 0.02
REST_SECONDS = 0.3
"""Longer than a certificate that was handed over waits for a write to ride with."""
REST_SHARE = 0.05
DAY = 86_400_000


class RingFailed(LabFailure):
    code = "lab/ring-failed"


class Process:
    """One node, asked one thing at a time."""

    def __init__(self, kind: str, arguments: tuple[Any, ...]) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([ring_process.__name__])
        self._connection: Connection
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=ring_process.main, args=(kind, theirs, arguments), daemon=True
        )
        self._process.start()
        theirs.close()

    @property
    def cpu(self) -> float:
        assert self._process.pid is not None, "it was started"
        return cpu_seconds(self._process.pid)

    async def ask(self, what: str, *arguments: Any, seconds: float = ANSWER_SECONDS) -> Any:
        """Raises RingFailed where no answer comes."""
        loop = asyncio.get_running_loop()
        answered = asyncio.Event()
        loop.add_reader(self._connection.fileno(), answered.set)
        try:
            self._connection.send((what, *arguments))
            async with asyncio.timeout(seconds):
                await answered.wait()
            return self._connection.recv()
        except (TimeoutError, EOFError, OSError) as error:
            raise RingFailed(f"a node gave no answer to '{what}': {error!r}") from error
        finally:
            loop.remove_reader(self._connection.fileno())

    def end(self) -> None:
        self._process.terminate()
        self._process.join(5)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


class Ring:
    """All nodes of one kind, and their places."""

    def __init__(self, places: Sequence[bytes], processes: Sequence[Process], k: int) -> None:
        self.processes = list(processes)
        self._places = [int.from_bytes(place, "big") for place in places]
        self._k = k

    @property
    def cpu(self) -> float:
        return sum(process.cpu for process in self.processes)

    async def rest(self) -> None:
        """Until its processes have nothing to do, or a while is over."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            used, began = self.cpu, time.monotonic()
            await asyncio.sleep(REST_SECONDS)
            now = time.monotonic()
            if self.cpu - used < REST_SHARE * (now - began) or now > deadline:
                return

    def outsider(self, key: bytes, turn: int) -> Process:
        """A node that is not among the k closest to a key: everything has to be asked for."""
        target = int.from_bytes(key[:NODE_ID_BYTES], "big")
        order = sorted(range(len(self._places)), key=lambda n: self._places[n] ^ target)
        outside = order[self._k :] or order
        return self.processes[outside[turn % len(outside)]]


async def _start(kind: str, arguments: Sequence[tuple[Any, ...]]) -> list[Process]:
    processes: list[Process] = []
    try:
        for each in arguments:
            processes.append(await asyncio.to_thread(Process, kind, each))
    except BaseException:
        for process in processes:
            process.end()
        raise
    return processes


async def _until_ready(processes: Sequence[Process]) -> None:
    deadline = time.monotonic() + ANSWER_SECONDS
    while not all([await process.ask("ready") for process in processes]):
        if time.monotonic() > deadline:
            raise RingFailed("not every node found its place")
        await asyncio.sleep(POLL_SECONDS)


@asynccontextmanager
async def stock_ring(size: int, k: int) -> AsyncIterator[Ring]:
    places = [SigningKey.generate().public_key[:NODE_ID_BYTES] for _ in range(size)]
    processes = await _start("stock", [(place, k) for place in places])
    try:
        ports = [await process.ask("listen") for process in processes]
        for process in processes:
            await process.ask("join", ports)
        await _until_ready(processes)
        yield Ring(places, processes, k)
    finally:
        for process in processes:
            process.end()


class Coins:
    """A broker's coins of this benchmark, each with what its next put needs."""

    def __init__(self, broker: SigningKey, holder: SigningKey) -> None:
        self.broker = broker
        self.holder = holder
        self._serial = 0

    def opening(self) -> tuple[Coin, Put]:
        self._serial += 1
        now = time.time_ns() // 1_000_000
        coin = Coin(
            owner=self.holder.public_key,
            serial=self._serial,
            generation=0,
            expires=now + DAY,
            validity=DAY,
            window=DAY // 24,
            issuer=self.broker.public_key,
            signed_by=self.broker.public_key,
            holder=self.holder.public_key,
            previous=b"",
        )
        return coin, Put(opening_record(coin), None, codec.encode(self._evidence(coin)))

    def _evidence(self, coin: Coin) -> Evidence:
        return Evidence(sign_document(coin, self.broker))

    def payment(self, coin: Coin, opened: Certificate, payee: bytes = b"") -> Put:
        """From its holder to a payee, or to itself: what a witness checks is the same."""
        last = codec.decode(opened.record.signed.content, Body)
        me = self.holder.public_key
        body = next_step(
            coin,
            last,
            next_register(coin, last),
            kind="pay",
            payer=me,
            payee=payee or me,
            terms=chain(coin),
        )
        return Put(sign_step(body, self.holder), opened, codec.encode(self._evidence(coin)))


@dataclass(frozen=True)
class Membership:
    """The keys of a ring's members, and the roster that their authority signed."""

    authority: SigningKey
    keys: list[SigningKey]
    signed: Signed[Roster]

    @classmethod
    def of(cls, size: int, k: int, q: int) -> "Membership":
        authority = SigningKey.generate()
        keys = [SigningKey.generate() for _ in range(size)]
        members = tuple(sorted(key.public_key for key in keys))
        roster = Roster(1, authority.public_key, k, q, members, b"")
        return cls(authority, keys, sign_document(roster, authority))


@asynccontextmanager
async def our_ring(
    size: int, k: int, q: int, folder: Path, broker: SigningKey
) -> AsyncIterator[Ring]:
    members = Membership.of(size, k, q)
    async with ring_of("ours", members, folder, broker) as (processes, _):
        yield Ring([node_id(key.public_key) for key in members.keys], processes, k)


@asynccontextmanager
async def ring_of(
    kind: str, members: Membership, folder: Path, broker: SigningKey
) -> AsyncIterator[tuple[list[Process], list[tuple[bytes, int]]]]:
    """A process for each member, and where each listens."""
    keys, authority = members.keys, members.authority.public_key
    arguments = [(key.seed, folder, broker.public_key, authority) for key in keys]
    processes = await _start(kind, arguments)
    try:
        contacts = [
            (key.public_key, await process.ask("listen"))
            for key, process in zip(keys, processes, strict=True)
        ]
        for process in processes:
            await process.ask("adopt", codec.encode(members.signed))
        await asyncio.gather(*(process.ask("join", contacts) for process in processes))
        await _until_ready(processes)
        yield processes, contacts
    finally:
        for process in processes:
            process.end()


def name_of(record: Record) -> RegisterName:
    return codec.decode(record.signed.content, Body).name
