"""A node as a process: how it starts, refuses to start, ends, and what it leaves."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from nodes.protocols.message import Role
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings

pytestmark = pytest.mark.asyncio

TOKEN = "owner-of-this-world"


def environment(folder: Path, **changed: str) -> dict[str, str]:
    world = folder / "world"
    if not world.exists():
        world.mkdir()
        (world / "secret").write_text("ab" * 32)
        (world / "token").write_text(TOKEN)
    settings = {
        "NAME": "authority", "DATA": str(folder / "authority"), "WORLD": str(world),
        "CA_URL": "http://unused", "LAB": "1",
    } | changed  # fmt: skip
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JANGTEO_")}
    return kept | {f"JANGTEO_{name}": value for name, value in settings.items()}


async def start(folder: Path, *, lifeline: int = -1, **changed: str) -> asyncio.subprocess.Process:
    if lifeline >= 0:
        changed["LIFELINE"] = str(lifeline)
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "nodes.certificate_authority",
        env=environment(folder, **changed),
        stderr=asyncio.subprocess.PIPE,
        pass_fds=(lifeline,) if lifeline >= 0 else (),
    )  # fmt: skip


async def url_of(process: asyncio.subprocess.Process) -> str:
    """Where it listens, by its own log."""
    assert process.stderr is not None
    while line := await process.stderr.readline():
        entry = json.loads(line)
        if entry["event"] == "started":
            return str(entry["url"])
    raise AssertionError("it ended without having started")


@asynccontextmanager
async def running(
    folder: Path, **changed: str
) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    process = await start(folder, **changed)
    try:
        yield await url_of(process), process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def node(url: str) -> dict[str, object]:
    async with aiohttp.ClientSession() as http, http.get(f"{url}/.well-known/node") as response:
        read: dict[str, object] = await response.json()
        return read


async def test_it_logs_json_lines_listens_on_this_machine_and_ends_when_asked(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as (url, process):
        assert url.startswith("http://127.0.0.1:")
        assert (await node(url))["role"] == "certificate_authority"
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


async def test_its_keys_survive_kill_9_and_a_restart(tmp_path: Path) -> None:
    seen = []
    for _ in range(2):
        async with running(tmp_path) as (url, process):
            seen.append(await node(url))
            process.kill()
            assert await process.wait() == -signal.SIGKILL
    assert seen[0]["id"] == seen[1]["id"]
    assert seen[0]["sealing_key"] == seen[1]["sealing_key"]
    for path in (tmp_path / "authority").iterdir():
        assert path.stat().st_mode & 0o077 == 0 or path.parent.stat().st_mode & 0o077 == 0


async def test_a_second_process_on_one_folder_does_not_start(tmp_path: Path) -> None:
    async with running(tmp_path) as (url, _):
        second = await start(tmp_path)
        _, errors = await second.communicate()
        assert second.returncode == 3
        assert b"in use by another process" in errors
        assert (await node(url))["name"] == "authority"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"PORT": "http"}, "port"),
        ({"NAME": ""}, "name"),
        ({"COLOUR": "red"}, "JANGTEO_COLOUR"),
        ({"WORLD": "/nowhere"}, "/nowhere"),
        ({"DATA": "/proc/nowhere"}, "/proc/nowhere"),
    ],
)
async def test_wrong_settings_end_it_with_one_clear_line(
    tmp_path: Path, changed: dict[str, str], said: str
) -> None:
    process = await start(tmp_path, **changed)
    _, errors = await process.communicate()
    assert process.returncode == 3
    assert said in errors.decode()
    assert b"Traceback" not in errors
    assert len(errors.splitlines()) == 1


async def test_a_guard_of_a_protocol_it_does_not_speak_may_be_off(tmp_path: Path) -> None:
    """A whole world is started with the same guards off."""
    async with running(tmp_path, WITHOUT="payee-is-named") as (url, _):
        assert (await node(url))["guards_off"] == ["payee-is-named"]


async def test_it_ends_with_whoever_holds_its_lifeline(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    process = await start(tmp_path, lifeline=ours)
    os.close(ours)
    await url_of(process)
    os.close(theirs)
    assert await process.wait() == 0
    await process.communicate()


@pytest.mark.parametrize("point", ["received", "saved", "sent"])
async def test_a_lab_ends_it_at_the_point_asked_for_and_it_comes_back(
    tmp_path: Path, point: str
) -> None:
    async with running(tmp_path) as (url, process), aiohttp.ClientSession() as http:
        peer = Service(
            Role.PEER,
            Settings(name="peer", data=tmp_path / "peer", world=tmp_path / "world", ca_url=url),
            purpose="",
        )
        await peer.start()
        asked = {"protocol": "membership", "step": "F1", "point": point}
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with http.post(f"{url}/control/kill_at", json=asked, headers=headers) as response:
            assert await response.json() == {"armed": True}
        asking = asyncio.create_task(peer.party.directory.find(Role.PEER))
        assert await process.wait() == -signal.SIGKILL
        async with running(tmp_path, PORT=url.rpartition(":")[2]):
            assert [card.name for card in await asking] == ["peer"]
        await peer.stop()
