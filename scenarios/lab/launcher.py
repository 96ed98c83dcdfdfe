"""Starts and stops the nodes of a local world, and waits until they are ready."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import aiohttp
import msgspec

import scenarios
from scenarios.lab import plan as plans
from scenarios.lab.failures import (
    KeeperFailed,
    NodeEnded,
    NotOnThisSystem,
    NotReadyInTime,
    StillRunning,
)
from scenarios.lab.keeper import END_SECONDS, Order, Report
from scenarios.lab.plan import Plan
from scenarios.lab.processes import end, identify, is_running
from scenarios.lab.world_folder import NodeRecord, WorldFolder, WorldRecord

READY_SECONDS = 60.0
ORDER_SECONDS = 30.0
FIRST_POLL_SECONDS = 0.03
POLL_SECONDS = 0.1
REQUEST_SECONDS = 5.0
SOURCE = Path(scenarios.__file__).parents[1]

Progress = Callable[[int, int], None]
"""Hears (how many are done, of how many)."""


def no_progress(done: int, total: int) -> None:
    """For those who do not want to hear."""


async def start_world(
    folder: WorldFolder,
    plan: Plan,
    *,
    lifeline: int = -1,
    temporary: bool = False,
    seconds: float = READY_SECONDS,
    progress: Progress = no_progress,
) -> WorldRecord:
    """Start every node that does not run, and return when all are ready.

    Whatever goes wrong, also when the waiting is cancelled, nothing that was started stays.
    `lifeline`: descriptor for the keeper and the nodes; they end when its other end is closed.
    """
    require_linux()
    plans.check(plan)
    new = folder.make()
    async with folder.locked():
        try:
            record = plans.laid_out(plan, folder, private_ports=temporary)
        except BaseException:
            if new:
                folder.write(WorldRecord(peers=0, lab=False, nodes=[]))
                folder.forget()
            raise
        folder.write(record)
        names = [node.name for node in record.nodes if not is_running(node.process)]
        try:
            await start_nodes(folder, names, lifeline=lifeline, temporary=temporary)
            await await_ready(folder, names, seconds=seconds, progress=progress)
            record = folder.read()
            await _note_ids(record)
            folder.write(record)
        except BaseException:
            stop_nodes(folder, names)
            if not any(is_running(node.process) for node in folder.read().nodes):
                stop_world(folder)
            raise
        return record


def require_linux() -> None:
    if not hasattr(os, "pidfd_open") or not Path("/proc/self/stat").exists():
        raise NotOnThisSystem(
            "Local worlds need Linux (/proc, pidfd_open). Elsewhere: docker compose up"
        )


# nodes


async def start_nodes(
    folder: WorldFolder, names: list[str], *, lifeline: int = -1, temporary: bool = False
) -> None:
    """Fork nodes that do not run; returns when they are forked, not when they are ready."""
    if not is_running(folder.read().keeper):
        _start_keeper(folder, lifeline, temporary)
    report = await _order(folder, Order(start=names))
    if report.failure:
        raise KeeperFailed(f"No node was started: {report.failure}")


def stop_nodes(
    folder: WorldFolder, names: Iterable[str], on_ended: Callable[[int], None] = lambda count: None
) -> int:
    """Ask nodes to end, wait, kill those that did not; how many had to be killed."""
    chosen = set(names)
    nodes = [node for node in folder.read().nodes if node.name in chosen]
    return end([node.process for node in nodes if node.process], END_SECONDS, on_ended)


def stop_world(
    folder: WorldFolder, on_ended: Callable[[int], None] = lambda count: None
) -> tuple[int, int]:
    """End every recorded process of a world: (how many ran, how many had to be killed)."""
    record = folder.read()
    ran = sum(is_running(node.process) for node in record.nodes)
    killed = stop_nodes(folder, record.names(), on_ended)
    if record.keeper:
        end([record.keeper], END_SECONDS)
    if not folder.exists():
        return ran, killed
    record = folder.read()
    left = [node.name for node in record.nodes if is_running(node.process)]
    if left:
        raise StillRunning(f"These do not end, not even by kill -9: {', '.join(left)}")
    folder.keeper_socket.unlink(missing_ok=True)
    return ran, killed


# readiness


async def await_ready(
    folder: WorldFolder,
    names: Iterable[str],
    *,
    seconds: float = READY_SECONDS,
    progress: Progress = no_progress,
) -> None:
    """Return when /readyz of each answers 200. Raises NodeEnded or NotReadyInTime."""
    record = folder.read()
    nodes = [record.node(name) for name in names]
    missing = {node.name: "an answer" for node in nodes}
    progress(0, len(nodes))
    limit = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
    async with aiohttp.ClientSession(timeout=limit) as session:

        async def one(node: NodeRecord) -> None:
            await _await_one(session, folder, node, missing)
            del missing[node.name]
            progress(len(nodes) - len(missing), len(nodes))

        try:
            async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
                for node in nodes:
                    group.create_task(one(node))
        except TimeoutError:
            waiting = "; ".join(f"{name} waits for {what}" for name, what in missing.items())
            raise NotReadyInTime(f"Not ready after {seconds:g} s: {waiting}") from None
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None


async def _await_one(
    session: aiohttp.ClientSession, folder: WorldFolder, node: NodeRecord, missing: dict[str, str]
) -> None:
    pause = FIRST_POLL_SECONDS
    while True:
        if not is_running(node.process):
            raise NodeEnded(await how_it_ended(folder, node.name))
        try:
            async with session.get(f"{node.url}/readyz") as response:
                if response.status == 200:
                    return
                body = json.loads(await response.read())
                missing[node.name] = ", ".join(map(str, body["missing"]))
                pause = POLL_SECONDS
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, KeyError):
            missing[node.name] = "an answer"
        await asyncio.sleep(pause)


async def _note_ids(record: WorldRecord) -> None:
    """Keep each node's public key, so that it can be named while the node is down."""
    limit = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
    async with aiohttp.ClientSession(timeout=limit) as session:

        async def one(node: NodeRecord) -> None:
            with suppress(aiohttp.ClientError, OSError, TimeoutError, ValueError, KeyError):
                async with session.get(f"{node.url}/.well-known/node") as response:
                    node.id = str((await response.json())["id"])

        await asyncio.gather(*(one(node) for node in record.nodes))


async def how_it_ended(folder: WorldFolder, name: str) -> str:
    """For people: how a node ended, and what it said last."""
    how = "ended"
    with suppress(KeeperFailed):
        code = (await _order(folder, Order())).ended.get(name)
        if code is not None:
            how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    said = last_words(folder.log(name))
    return f"{name} {how}" + (f": {said}" if said else "") + f"      (jangteo logs {name})"


def last_words(log: Path) -> str:
    """The reason in the last line of a log; the line itself where it has none."""
    try:
        lines = log.read_text(errors="replace").strip().splitlines()
    except OSError:
        return ""
    if not lines:
        return ""
    try:
        words = json.loads(lines[-1])
        return str(words.get("reason") or words.get("event") or "")
    except (ValueError, AttributeError):
        return lines[-1]


# keeper


def _start_keeper(folder: WorldFolder, lifeline: int, temporary: bool) -> None:
    """A process of its own session, recorded before it can start anything."""
    folder.keeper_socket.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        with _short_path(folder) as path:
            listener.bind(path)
        listener.listen(16)
        passed = [listener.fileno()] + ([lifeline] if lifeline >= 0 else [])
        command = [sys.executable, "-m", "scenarios.lab.keeper", str(folder.path)]
        command += ["--listener", str(listener.fileno()), "--lifeline", str(lifeline)]
        with folder.log("keeper").open("a") as log:
            child = subprocess.Popen(
                command + (["--temporary"] if temporary else []),
                cwd=SOURCE,
                env=os.environ | {"PYTHONPATH": _import_path()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=passed,
                start_new_session=True,
            )
    _children.append(child)
    record = folder.read()
    record.keeper = identify(child.pid)
    folder.write(record)


def _import_path() -> str:
    """Where programs that stand in for nodes are found: as here, also beside a scenario's file."""
    beside = sys.path[:1] if sys.argv[0].endswith(".py") else []
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return os.pathsep.join(str(Path(entry).absolute()) for entry in [*beside, *given] if entry)


_children: list[subprocess.Popen[bytes]] = []
"""Keepers that this process started; kept, so that their ends are fetched and nothing is warned."""


@contextmanager
def _short_path(folder: WorldFolder) -> Iterator[str]:
    """The keeper's socket by a path of any length: sun_path holds 108 bytes (unix(7))."""
    descriptor = os.open(folder.path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{folder.keeper_socket.name}"
    finally:
        os.close(descriptor)


async def _order(folder: WorldFolder, order: Order) -> Report:
    try:
        async with asyncio.timeout(ORDER_SECONDS):
            with _short_path(folder) as path:
                reader, writer = await asyncio.open_unix_connection(path)
            try:
                writer.write(msgspec.json.encode(order) + b"\n")
                await writer.drain()
                line = await reader.readline()
            finally:
                writer.close()
        return msgspec.json.decode(line, type=Report)
    except (OSError, TimeoutError, msgspec.DecodeError) as error:
        said = last_words(folder.log("keeper"))
        raise KeeperFailed(
            f"What starts the nodes does not answer ({error or type(error).__name__})"
            + (f": {said}" if said else "")
            + f"      ({folder.log('keeper')})"
        ) from error


def seconds_since(moment: float) -> str:
    """For people: `3.1 s`."""
    return f"{time.monotonic() - moment:.1f} s"
