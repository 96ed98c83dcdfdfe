"""What strangers do to a node's HTTP side: one error shape, bounds that hold, and nothing lost."""

import asyncio
import json
import resource
import zlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from aiohttp import web

from nodes.runtime.app import build_app
from nodes.runtime.inspection import add_inspection
from nodes.runtime.listener import Runner
from nodes.runtime.service import Service
from tests.greeting.messages import Greet, Note
from tests.greeting.module import Greeter
from tests.runtime.waiting import until
from tests.runtime.world import World, greet, wrapped

pytestmark = pytest.mark.asyncio

IDLE_CONNECTIONS = 500


def assert_problem(status: int, body: bytes, content_type: str, code: str) -> None:
    """RFC 9457, and the members every error of a node has."""
    assert content_type == "application/problem+json"
    document = json.loads(body)
    assert document["status"] == status
    assert document["code"] == code
    assert document["type"] == f"about:blank#{code}"
    assert document["title"].endswith(".")
    assert document["outcome"] in ("nothing-happened", "unknown")
    assert document.keys() <= {"type", "title", "status", "code", "outcome", "detail", "evidence"}


class Wire:
    """One connection, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> tuple[int, bytes, str]:
        """Status, body and content type of one answer."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *fields = head.strip().split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (f.partition(":") for f in fields)
        }
        body = await self.reader.readexactly(int(headers["content-length"]))
        return int(line.split()[1]), body, headers["content-type"].partition(";")[0]


@asynccontextmanager
async def connection(url: str) -> AsyncIterator[Wire]:
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield Wire(reader, writer)
    finally:
        writer.transport.abort()


def head(length: int, path: str = "/greeting/greet") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: node\r\nContent-Length: {length}\r\n\r\n".encode()


CHUNKED = b"POST /greeting/greet HTTP/1.1\r\nHost: node\r\nTransfer-Encoding: chunked\r\n\r\n"


# bodies


async def test_a_body_over_the_limit_is_refused_before_it_is_read(world: World) -> None:
    bob = await world.greeter("bob", message_bytes=4096)
    async with connection(bob.service.url) as wire:
        await wire.send(head(4097))
        assert_problem(413, *(await wire.answer())[1:], "http/body-too-large")


async def test_a_body_of_unsaid_length_is_refused_once_it_is_over_the_limit(world: World) -> None:
    bob = await world.greeter("bob", message_bytes=4096)
    async with connection(bob.service.url) as wire:
        await wire.send(CHUNKED + b"1001\r\n" + bytes(0x1001) + b"\r\n")
        assert_problem(413, *(await wire.answer())[1:], "http/body-too-large")


async def test_a_body_of_just_the_limit_is_read(world: World) -> None:
    bob = await world.greeter("bob", message_bytes=4096)
    status, body, response = await world.post(bob, bytes(4096))
    assert_problem(status, body, response.content_type, "message/malformed")


async def test_a_body_that_does_not_come_in_time_is_refused(world: World) -> None:
    bob = await world.greeter("bob", body_seconds=0.1)
    async with connection(bob.service.url) as wire:
        await wire.send(head(100) + b"half")
        assert_problem(408, *(await wire.answer())[1:], "http/body-too-slow")


async def test_half_a_body_changes_nothing(world: World) -> None:
    alice, bob = await world.greeter("alice"), await world.greeter("bob")
    body = wrapped(alice, bob, Greet(words="hi")).wire
    for cut in (0, 1, len(body) // 2, len(body) - 1):
        async with connection(bob.service.url) as wire:
            await wire.send(head(len(body)) + body[:cut])
    assert (await greet(alice, bob, words="ho", transaction=bytes(16))).message.count == 1
    assert bob.handled == {"greet": 1}
    assert bob.service.totals()["messages_in_hand"] == 0


@pytest.mark.parametrize(
    "chunk", [b"xyz\r\n", b"5\r\nabc", b"-1\r\n", b"5\r\nabcdefgh\r\n0\r\n\r\n"]
)
async def test_a_body_broken_in_its_chunks_is_the_callers_fault(world: World, chunk: bytes) -> None:
    bob = await world.greeter("bob", body_seconds=0.2)
    async with listening(bob, 10) as (url, _), connection(url) as wire:
        await wire.send(CHUNKED + chunk)
        status, body, content_type = await wire.answer()
    assert 400 <= status < 500
    assert_problem(status, body, content_type, json.loads(body)["code"])
    assert bob.handled == {}


async def test_a_message_that_unpacks_to_more_than_the_limit_is_refused(world: World) -> None:
    bob = await world.greeter("bob", message_bytes=4096)
    packed = zlib.compress(bytes(1 << 20))
    assert len(packed) < 4096
    status, body, response = await world.post(bob, packed, headers={"Content-Encoding": "deflate"})
    assert 400 <= status < 500
    assert_problem(status, body, response.content_type, json.loads(body)["code"])


# paths and methods


@pytest.mark.parametrize(
    ("method", "path", "code", "status"),
    [
        ("GET", "/nothing", "http/no-such-path", 404),
        ("POST", "/greeting/nothing", "http/no-such-path", 404),
        ("POST", "/greeting/greet/", "http/no-such-path", 404),
        ("POST", "/greeting/greeting", "http/no-such-path", 404),
        ("GET", "/docs/../../etc/passwd", "http/no-such-path", 404),
        ("GET", "/docs/..%2f..%2fetc%2fpasswd", "http/no-such-path", 404),
        ("GET", "/greeting/greet", "http/method-not-allowed", 405),
        ("DELETE", "/healthz", "http/method-not-allowed", 405),
        ("POST", "/metrics", "http/method-not-allowed", 405),
        ("PURGE", "/greeting/greet", "http/method-not-allowed", 405),
    ],
)
async def test_wrong_paths_and_methods(
    world: World, method: str, path: str, code: str, status: int
) -> None:
    bob = await world.greeter("bob")
    async with world.http.request(method, bob.service.url + path) as response:
        assert_problem(response.status, await response.read(), response.content_type, code)
        assert response.status == status
        assert ("Allow" in response.headers) == (status == 405)
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Cache-Control"] == "no-store"


# work


async def test_beyond_its_work_in_hand_a_node_says_when_to_come_again_and_loses_nothing(
    world: World,
) -> None:
    alice, bob = await world.greeter("alice"), await world.greeter("bob", work_in_hand=2)
    bob.door.clear()
    notes = [
        wrapped(alice, bob, Note(text=str(number)), bytes([number]) * 16).wire
        for number in range(3)
    ]
    held = [asyncio.create_task(world.post(bob, note, "/greeting/note")) for note in notes[:2]]
    await until(lambda: bob.handled["note"] == 2)
    status, body, response = await world.post(bob, notes[2], "/greeting/note")
    assert_problem(status, body, response.content_type, "http/overloaded")
    assert (status, response.headers["Retry-After"]) == (503, "1")
    assert (await world.get(bob, "/healthz"))[0] == 200
    bob.door.set()
    assert [status for status, _, _ in await asyncio.gather(*held)] == [200, 200]
    assert (await world.post(bob, notes[2], "/greeting/note"))[0] == 200
    assert sorted(bob.heard()) == ["0", "1", "2"]
    assert bob.service.totals()["messages_in_hand"] == 0


async def test_senders_of_slow_bodies_hold_no_place(world: World) -> None:
    alice, bob = await world.greeter("alice"), await world.greeter("bob", work_in_hand=2)
    async with AsyncExitStack() as stack:
        for _ in range(20):
            wire = await stack.enter_async_context(connection(bob.service.url))
            await wire.send(head(1000) + b"slowly")
        assert (await greet(alice, bob)).message.count == 1


async def test_a_node_that_is_not_enrolled_takes_no_message_but_says_it_is_alive(
    world: World,
) -> None:
    alice = await world.greeter("alice")
    waiting = Greeter(
        Service(
            alice.party.role, world.settings("waiting", ca_url="http://127.0.0.1:9"), purpose=""
        )
    )
    starting = asyncio.create_task(waiting.service.start())
    await until(lambda: waiting.service.url)
    status, body, response = await world.post(
        waiting, wrapped(alice, waiting, Greet(words="hi")).wire
    )
    assert_problem(status, body, response.content_type, "http/not-ready")
    assert response.headers["Retry-After"] == "1"
    assert (await world.get(waiting, "/healthz"))[0] == 200
    status, body, _ = await world.get(waiting, "/readyz")
    assert (status, json.loads(body)["missing"]) == (503, ["certificate"])
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    await waiting.service.stop()


# connections


def room_for_files(number: int) -> None:
    """Both ends of every connection are in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < number:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(number, hard), hard))


async def test_a_node_with_500_idle_connections_still_answers(world: World) -> None:
    room_for_files(4 * IDLE_CONNECTIONS)
    alice, bob = await world.greeter("alice"), await world.greeter("bob")
    async with AsyncExitStack() as stack:
        for number in range(IDLE_CONNECTIONS):
            wire = await stack.enter_async_context(connection(bob.service.url))
            if number % 2:
                await wire.send(b"POST /greeting/greet HT")
        assert (await greet(alice, bob)).message.count == 1
        assert (await world.get(bob, "/readyz"))[0] in (200, 503)


@asynccontextmanager
async def listening(greeter: Greeter, connections: int) -> AsyncIterator[tuple[str, Runner]]:
    """The same application on another port, with another bound."""
    app = build_app(greeter.service)
    add_inspection(app, greeter.service)
    runner = Runner(app, connections=connections, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", runner
    finally:
        await runner.cleanup()


ALIVE = b"GET /healthz HTTP/1.1\r\nHost: node\r\n\r\n"


async def test_idle_connections_beyond_the_bound_make_room_for_new_ones(world: World) -> None:
    bob = await world.greeter("bob")
    async with listening(bob, 10) as (url, runner), AsyncExitStack() as stack:
        first = await stack.enter_async_context(connection(url))
        await first.send(ALIVE)
        assert (await first.answer())[0] == 200
        wires = [await stack.enter_async_context(connection(url)) for _ in range(30)]
        await wires[-1].send(ALIVE)
        assert (await wires[-1].answer())[0] == 200
        assert runner.server is not None
        assert len(runner.server.connections) <= 10
        assert await first.reader.read() == b""


async def test_where_no_connection_is_idle_a_new_one_is_told_to_come_again(world: World) -> None:
    alice, bob = await world.greeter("alice"), await world.greeter("bob")
    bob.door.clear()
    async with listening(bob, 3) as (url, _), AsyncExitStack() as stack:
        notes = [
            wrapped(alice, bob, Note(text=str(number)), bytes([number]) * 16).wire
            for number in range(3)
        ]
        busy = []
        for note in notes:
            wire = await stack.enter_async_context(connection(url))
            await wire.send(head(len(note), "/greeting/note") + note)
            busy.append(wire)
        await until(lambda: bob.handled["note"] == 3)
        late = await stack.enter_async_context(connection(url))
        await late.send(ALIVE)
        assert_problem(503, *(await late.answer())[1:], "http/overloaded")
        assert await late.reader.read() == b""
        bob.door.set()
        assert [(await wire.answer())[0] for wire in busy] == [200, 200, 200]
        assert sorted(bob.heard()) == ["0", "1", "2"]
        again = await stack.enter_async_context(connection(url))
        await again.send(ALIVE)
        assert (await again.answer())[0] == 200


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: node\r\nbad header\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: node\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: node\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"POST /greeting/greet HTTP/1.1\r\nHost: node\r\nContent-Length: -5\r\n\r\n",
        b"POST /greeting/greet HTTP/1.1\r\nHost: node\r\nExpect: a miracle\r\n"
        b"Content-Length: 0\r\n\r\n",
    ],
)
async def test_what_is_no_request_gets_the_same_shape_of_error(world: World, data: bytes) -> None:
    bob = await world.greeter("bob")
    async with listening(bob, 10) as (url, _):
        async with connection(url) as wire:
            await wire.send(data)
            status, body, content_type = await wire.answer()
            assert_problem(400, body, content_type, "http/unreadable-request")
            assert status == 400
        async with connection(url) as wire:
            await wire.send(ALIVE)
            assert (await wire.answer())[0] == 200
