"""What one operation costs on this machine, now: the unit costs a floor is made of.

A floor is the processor time of what a protocol cannot do without: its cryptographic operations,
and an empty HTTP request (client and server) for each message. Everything here is measured by the
thread's own clock, so that others who want the cores do not count.
"""

import asyncio
import http.client
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import uvloop
from aiohttp import web

from crypto.content import Decryptor, Encryptor, generate_content_key
from crypto.hashing import authenticate, digest
from crypto.sealing import SealingKey, seal
from crypto.signing import SigningKey, verify
from nodes.runtime.store import Store

USUAL_BYTES = 600
"""Of a message, a put, a vote's surroundings: what is signed, sealed and hashed here."""
ROUND_SECONDS = 0.03
ROUNDS = 5
REQUESTS = 400
DATAGRAMS = 3000
COMMITS = 200


@dataclass(frozen=True)
class Units:
    """Microseconds of processor time."""

    sign: float
    verify: float
    seal: float
    open: float
    hash: float
    mac: float
    encrypt: float
    """One content of the size asked for, both digests with it."""
    decrypt: float
    request: float
    """An empty HTTP request on a connection kept alive: client and server."""
    served: float
    """The server's part of it."""
    datagram: float
    """An empty one, sent and received; its call is decoded and matched by nobody."""
    commit: float
    """One small record, durable."""

    def crypto(self, counted: Mapping[str, int]) -> float:
        """Milliseconds for as many operations of each kind as were counted.

        The two digests that come with encrypting or decrypting are in those already.
        """
        named = ("sign", "verify", "seal", "open", "mac", "encrypt", "decrypt")
        spent = sum(counted.get(name, 0) * float(getattr(self, name)) for name in named)
        summed = 2 * (counted.get("encrypt", 0) + counted.get("decrypt", 0))
        return (spent + max(0, counted.get("hash", 0) - summed) * self.hash) / 1000

    def put(self, k: int, q: int) -> float:
        """The floor of one payment's register in milliseconds: 2S + k(S + (2 + q)V) + kV.

        The holder signs the step and its payee the answer; each of k replicas signs a vote and
        verifies coin, step and the q votes of the step before; the writer verifies k votes.
        """
        sign, verify_ = self.sign, self.verify
        return (2 * sign + k * (sign + (2 + q) * verify_) + k * verify_) / 1000

    def line(self) -> str:
        shown = {
            "sign": self.sign,
            "verify": self.verify,
            "seal": self.seal,
            "open": self.open,
            "hash": self.hash,
            "empty request, client and server": self.request,
            "empty datagram": self.datagram,
            "durable commit": self.commit,
        }
        return "unit costs (us): " + ", ".join(f"{name} {us:.1f}" for name, us in shown.items())


def cheapest(operate: Callable[[], object]) -> float:
    """Microseconds of one operation: the least of a few rounds, each long enough to tell."""
    best = float("inf")
    for _ in range(ROUNDS):
        runs, start = 0, time.thread_time()
        while (spent := time.thread_time() - start) < ROUND_SECONDS:
            for _ in range(10):
                operate()
            runs += 10
        best = min(best, 1e6 * spent / runs)
    return best


async def measure_units(content_bytes: int = 0) -> Units:
    """`content_bytes`: how large a content is encrypted and decrypted for its unit."""
    return await asyncio.to_thread(_measure, content_bytes)


def _measure(content_bytes: int) -> Units:
    key, sealing = SigningKey.generate(), SealingKey.generate()
    text = bytes(USUAL_BYTES)
    signature = key.sign("yardstick", text)
    sealed = seal(sealing.public_key, text, b"")
    served, asked = _http_request()
    return Units(
        sign=cheapest(lambda: key.sign("yardstick", text)),
        verify=cheapest(lambda: verify(key.public_key, "yardstick", text, signature)),
        seal=cheapest(lambda: seal(sealing.public_key, text, b"")),
        open=cheapest(lambda: sealing.open(sealed, b"")),
        hash=cheapest(lambda: digest("yardstick", text)),
        mac=cheapest(lambda: authenticate(text[:32], "yardstick", text)),
        request=served + asked,
        served=served,
        datagram=_in_its_own_loop(_datagram),
        commit=_in_its_own_loop(_commit),
        **_content(content_bytes),
    )


def _content(size: int) -> dict[str, float]:
    if not size:
        return {"encrypt": 0.0, "decrypt": 0.0}
    plain, key = bytes(size), generate_content_key()

    def encrypt() -> bytes:
        encryptor = Encryptor(key, b"")
        return encryptor.update(plain) + encryptor.finish()

    sealed = encrypt()

    def decrypt() -> None:
        decryptor = Decryptor(key, b"")
        decryptor.update(sealed)
        decryptor.finish()

    return {"encrypt": cheapest(encrypt), "decrypt": cheapest(decrypt)}


def _in_its_own_loop(work: Callable[[], Awaitable[float]]) -> float:
    async def run() -> float:
        return await work()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run())


# HTTP: the server in a thread of its own, so that each side's time is its own


class _Server(threading.Thread):
    """Answers POST / with an empty body, until it is told to end."""

    def __init__(self) -> None:
        super().__init__(name="empty server", daemon=True)
        self.listening = threading.Event()
        self.port = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None

    def run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application()
        app.router.add_post("/", _empty)
        app.router.add_get("/cpu", _cpu)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = runner.addresses[0][1]
        self.listening.set()
        await self._end.wait()
        await runner.cleanup()

    def end(self) -> None:
        if self._loop is not None and self._end is not None:
            self._loop.call_soon_threadsafe(self._end.set)
        self.join()

    def cpu(self) -> float:
        """Seconds this thread has spent."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request("GET", "/cpu")
        spent = float(connection.getresponse().read())
        connection.close()
        return spent


async def _empty(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(body=b"")


async def _cpu(request: web.Request) -> web.Response:
    return web.Response(text=repr(time.thread_time()))


def _http_request() -> tuple[float, float]:
    """Microseconds of one empty request: of its server, of its client."""
    server = _Server()
    server.start()
    server.listening.wait()
    try:

        async def ask() -> float:
            async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
                await _ask(session, server.port, REQUESTS // 4)
                return await _ask(session, server.port, REQUESTS)

        before = server.cpu()
        client = _in_its_own_loop(ask)
        served = server.cpu() - before
        return 1e6 * served / (REQUESTS + REQUESTS // 4), client
    finally:
        server.end()


async def _ask(session: aiohttp.ClientSession, port: int, times: int) -> float:
    start = time.thread_time()
    for _ in range(times):
        async with session.post(f"http://127.0.0.1:{port}/", data=b"") as response:
            await response.read()
    return 1e6 * (time.thread_time() - start) / times


# a datagram, a durable write


class _Receiver(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.here = asyncio.Event()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.here.set()


async def _datagram() -> float:
    """Microseconds of one, sent and received; each waits for the one before, so none is lost."""
    loop = asyncio.get_running_loop()
    sender, _ = await loop.create_datagram_endpoint(
        asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
    )
    receiver, at = await loop.create_datagram_endpoint(_Receiver, local_addr=("127.0.0.1", 0))
    address = receiver.get_extra_info("sockname")
    try:
        start = time.thread_time()
        for _ in range(DATAGRAMS):
            sender.sendto(bytes(USUAL_BYTES), address)
            await at.here.wait()
            at.here.clear()
        return 1e6 * (time.thread_time() - start) / DATAGRAMS
    finally:
        sender.close()
        receiver.close()


async def _commit() -> float:
    """Microseconds of one, alone; those that come together share it. Both threads count."""
    with tempfile.TemporaryDirectory(prefix="jangteo-yardstick-") as folder:
        store = Store(Path(folder) / "node.db")
        table = store.table("yardstick", bytes)
        start = time.process_time()
        for number in range(COMMITS):
            async with store.transaction() as tx:
                table.put(tx, number.to_bytes(4, "big"), bytes(USUAL_BYTES))
        spent = time.process_time() - start
        await store.close()
    return 1e6 * spent / COMMITS
