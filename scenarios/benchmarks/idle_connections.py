"""Connections that are only held open: what they cost a node, and whether it still answers."""

import asyncio
import contextlib
import resource
import socket
import statistics
import time
from typing import Annotated
from urllib.parse import urlsplit

from typer import Option

from scenarios.lab.benchmark import Bench, benchmark
from scenarios.lab.failures import LabFailure
from scenarios.lab.market_costs import market
from scenarios.lab.world import Node

KIB, MIB = 2**10, 2**20
ROOM = 1000
"""Files and connections beside the idle ones."""
ASKED = 200
REQUEST = b"GET /healthz HTTP/1.1\r\nHost: node\r\n\r\n"
SECONDS = 30.0


class TooFewFiles(LabFailure):
    code = "lab/too-few-files"


class NotHeld(LabFailure):
    code = "lab/connection-not-held"


@benchmark(question="What do ten thousand idle connections cost a node?")
async def idle_connections(
    bench: Bench,
    *,
    count: Annotated[int, Option(min=10, max=15_000, help="Held open.")] = 10_000,
) -> None:
    """Opens them from 127.0.0.1 to one node, each with one answered request, then none.

    The node is told to keep that many; by default it keeps 2048 and lets the longest idle go.
    Beside: the same requests before any connection was held.
    """
    _make_room_for(count + ROOM)
    async with market(5, connections=count + ROOM, idle_seconds=3600) as place:
        node = place.world.broker
        quiet = await _ask(node)
        before = node.usage()
        began = time.monotonic()
        with contextlib.ExitStack() as held:
            sockets = await asyncio.to_thread(_open, node, count, held)
            opened = time.monotonic() - began
            await place.rest()
            after = node.usage()
            busy = await _ask(node)
            chosen = sockets[:: max(1, count // ASKED)]
            alive = await asyncio.to_thread(_answered, chosen)
        assert before is not None, "it runs on this machine"
        assert after is not None, "it runs on this machine"
        await place.audit(bench)
    growth = after.memory_bytes - before.memory_bytes
    bench.figure(
        f"memory that {count:,} idle connections take in a node",
        [growth / MIB],
        "MiB",
        headline=True,
    )
    bench.figure("memory of a connection", [growth / count / KIB], "KiB")
    cpu = 1e6 * (after.cpu_seconds - before.cpu_seconds) / count
    bench.figure("CPU of the node, to accept and answer once", [cpu], "us")
    bench.figure(
        f"a request beside {count:,} idle connections: wall",
        busy,
        "ms",
        beside=statistics.median(quiet),
        beside_what="without",
        headline=True,
    )
    bench.note(f"{count:,} connections to the broker, opened in {opened:.1f} s, from 127.0.0.1.")
    bench.note("Memory is the proportional set size of the node; the kernel's buffers are not.")
    bench.check("those asked again still answer", alive == len(chosen), f"{alive}")
    bench.check("each takes some memory", growth > 0)


def _make_room_for(files: int) -> None:
    """Each connection is an open file at either end. Raises TooFewFiles."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= files:
        return
    if hard != resource.RLIM_INFINITY and hard < files:
        raise TooFewFiles(
            f"{files} open files are needed, {hard} allowed here: --count {hard // 2}"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))


def _open(node: Node, count: int, held: contextlib.ExitStack) -> list[socket.socket]:
    """One after the other, each answered once, so that the node has accepted it."""
    sockets = []
    for _ in range(count):
        made = socket.create_connection(_address(node), timeout=SECONDS)
        sockets.append(held.enter_context(made))
        if not _answers(made):
            raise NotHeld(f"{node.name} did not answer connection {len(sockets)}")
    return sockets


def _answered(sockets: list[socket.socket]) -> int:
    return sum(_answers(one) for one in sockets)


def _answers(connection: socket.socket) -> bool:
    try:
        connection.sendall(REQUEST)
        return connection.recv(4096).startswith(b"HTTP/1.1 200 ")
    except OSError:
        return False


async def _ask(node: Node) -> list[float]:
    """Milliseconds of some requests on a connection of its own."""

    def ask() -> list[float]:
        times = []
        with socket.create_connection(_address(node), timeout=SECONDS) as connection:
            for _ in range(ASKED):
                began = time.perf_counter()
                if not _answers(connection):
                    raise NotHeld(f"{node.name} did not answer")
                times.append(1000 * (time.perf_counter() - began))
        return times

    return await asyncio.to_thread(ask)


def _address(node: Node) -> tuple[str, int]:
    url = urlsplit(node.url)
    assert url.hostname is not None, "a node's url names its host"
    assert url.port is not None, "a node's url names its port"
    return url.hostname, url.port
