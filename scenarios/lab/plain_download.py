"""A file over HTTP with nothing else: what a download costs here that nobody signs or checks.

    python -m scenarios.lab.plain_download serve FILE       says its port, serves until stdin ends
    python -m scenarios.lab.plain_download fetch URL FILE   says its seconds, the file is on disk

Two processes on 127.0.0.1, aiohttp on uvloop as the nodes: `web.FileResponse` sends, and the
client writes what comes in blocks to a file, then fsyncs it. No digest, no message, no record.
"""

import asyncio
import contextlib
import os
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import msgspec
import uvloop
from aiohttp import web

import scenarios
from scenarios.lab.failures import LabFailure
from scenarios.lab.measure import cpu_seconds

BLOCK_BYTES = 1 << 20
"""As the nodes write."""
START_SECONDS = 30.0
SOURCE = Path(scenarios.__file__).parents[1]


class DownloadFailed(LabFailure):
    code = "lab/download-failed"


class _Fetched(msgspec.Struct, frozen=True):
    """What the client tells of itself: seconds, and bytes on disk."""

    wall: float
    cpu: float
    size: int


@dataclass(frozen=True)
class Download:
    """Seconds, from the request until the file is on the disk; processor time of either side."""

    wall_seconds: float
    server_cpu_seconds: float
    client_cpu_seconds: float


class PlainServer:
    """One file, as often as it is asked for."""

    def __init__(self, process: Process, port: int) -> None:
        self._process, self._url = process, f"http://127.0.0.1:{port}/file"

    async def download(self, target: Path) -> Download:
        """Raises DownloadFailed. Let the file lie until all is measured: the memory of one that
        has just been removed is at hand for the next, where a virtual machine gets its memory only
        as it touches it, and that alone makes a download twice as fast."""
        before = cpu_seconds(self._process.pid)
        client = await _start("fetch", self._url, str(target))
        said, _ = await client.communicate()
        try:
            fetched = msgspec.json.decode(said, type=_Fetched)
        except msgspec.DecodeError as error:
            raise DownloadFailed(f"The plain client ended with {client.returncode}.") from error
        return Download(fetched.wall, cpu_seconds(self._process.pid) - before, fetched.cpu)


@contextlib.asynccontextmanager
async def plain_server(file: Path) -> AsyncIterator[PlainServer]:
    """Raises DownloadFailed where it does not start."""
    process = await _start("serve", str(file))
    assert process.stdout is not None, "a pipe"
    assert process.stdin is not None, "a pipe"
    try:
        async with asyncio.timeout(START_SECONDS):
            said = await process.stdout.readline()
        if not said:
            raise DownloadFailed("The plain server has ended.")
        yield PlainServer(process, int(said))
    finally:
        process.stdin.close()
        await process.wait()


async def _start(*words: str) -> Process:
    command = (sys.executable, "-m", "scenarios.lab.plain_download", *words)
    return await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, cwd=SOURCE)


# either process


async def _serve(file: str) -> None:
    async def send(request: web.Request) -> web.StreamResponse:
        return web.FileResponse(file)

    app = web.Application()
    app.router.add_get("/file", send)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


async def _fetch(url: str, target: Path) -> None:
    limit = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(timeout=limit) as session:
        began, cpu, size = time.monotonic(), time.process_time(), 0
        with target.open("wb") as file:
            async with session.get(url, raise_for_status=True) as response:
                async for block in response.content.iter_chunked(BLOCK_BYTES):
                    size += file.write(block)
            file.flush()
            os.fsync(file.fileno())
        fetched = _Fetched(time.monotonic() - began, time.process_time() - cpu, size)
    print(msgspec.json.encode(fetched).decode(), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        uvloop.run(_serve(sys.argv[2]))
    else:
        uvloop.run(_fetch(sys.argv[2], Path(sys.argv[3])))
