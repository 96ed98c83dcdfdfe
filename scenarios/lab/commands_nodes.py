"""What is done to one node, or asked of each: status, logs, kill, restart, wallet."""

import asyncio
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scenarios.lab.choice import Choice, ComposeOption, JsonOption, WorldOption
from scenarios.lab.console import (
    emit,
    in_words,
    run_until_told_to_end,
    say,
    show_table,
    size_in_words,
    time_in_words,
)

if TYPE_CHECKING:
    from scenarios.lab.node_client import Node

NOT_ALL_READY = 3
ASK_SECONDS = 3.0
RESTART_SECONDS = 20.0
NodeArgument = Annotated[str, typer.Argument(metavar="NODE", help="Its name, as in status.")]
NodesArgument = Annotated[
    list[str], typer.Argument(metavar="NODE...", help="One or more names, as in status.")
]


def add_to(app: typer.Typer) -> None:
    app.command()(status)
    app.command()(logs)
    app.command()(kill)
    app.command()(restart)
    app.command()(wallet)


# status


def status(
    world: WorldOption = None, compose: ComposeOption = False, as_json: JsonOption = False
) -> None:
    """Every node: does it run, is it ready, where, how much memory. Exit code 3 unless all are."""
    choice = Choice.of(world, compose)
    rows, about = run_until_told_to_end(_status(choice))
    ready = all(row["state"] == "ready" for row in rows)
    if as_json:
        emit({**about, "ready": ready, "nodes": rows})
    else:
        _show_status(rows, about)
    raise typer.Exit(0 if ready else NOT_ALL_READY)


async def _status(choice: Choice) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    from scenarios.lab.world import World

    where = str(choice.folder.path) if choice.local else choice.address or "docker compose"
    opening = World.look_at(choice.folder) if choice.local else choice.open()
    async with opening as world:
        rows = await asyncio.gather(*(_status_of(node) for node in world.nodes.values()))
        about = {
            "world": where,
            "local": choice.local,
            "lab": world.lab,
            "guards_off": list(world.guards_off),
            "settings": world.settings,
        }
    return list(rows), about


async def _status_of(node: "Node") -> dict[str, Any]:
    used, pid = node.usage(), node.pid
    state, missing = await _state(node)
    totals = {} if used or state == "dead" else await _totals(node)
    return {
        "name": node.name,
        "role": node.role,
        "state": state,
        "missing": missing,
        "pid": pid,
        "url": node.url,
        "id": node.id,
        "memory_bytes": used.memory_bytes if used else None,
        "peak_bytes": used.peak_bytes if used else totals.get("peak_memory_bytes"),
        "cpu_seconds": used.cpu_seconds if used else totals.get("cpu_seconds"),
        "uptime_seconds": node.uptime_seconds(),
    }


async def _totals(node: "Node") -> dict[str, float]:
    """What a node in a container says of its own process."""
    from scenarios.lab.failures import LabFailure

    try:
        totals: dict[str, float] = (await node.get("/inspect/counters"))["node"]
    except LabFailure:
        return {}
    return totals


async def _state(node: "Node") -> tuple[str, list[str]]:
    from scenarios.lab.failures import LabFailure

    if not node.alive():
        return "dead", []
    try:
        async with asyncio.timeout(ASK_SECONDS):
            missing = await node.missing()
    except (LabFailure, TimeoutError):
        return "alive", ["an answer"]
    return ("alive", missing) if missing else ("ready", [])


def _show_status(rows: list[dict[str, Any]], about: dict[str, Any]) -> None:
    from scenarios.lab.commands_world import show_guards_off

    local = about["local"]
    show_table(
        ["node", "role", "state", ">pid", "url", ">memory" if local else ">peak", ">cpu", ">up"],
        [_status_line(row, local) for row in rows],
    )
    show_guards_off(about["guards_off"])
    states = [row["state"] for row in rows]
    counted = ", ".join(
        f"{states.count(state)} {state}" for state in ("ready", "alive", "dead") if state in states
    )
    memory = sum(row["memory_bytes"] or 0 for row in rows)
    say(
        f"{in_words(len(rows), 'node')}: {counted}"
        + (f"; {size_in_words(memory)} in all" if memory else "")
        + ("; a lab" if about["lab"] else "")
    )
    if set(states) == {"dead"}:
        say("Nothing runs. Start it: jangteo up")


def _status_line(row: dict[str, Any], local: bool) -> list[str]:
    waits = f" (waits for {', '.join(row['missing'])})" if row["missing"] else ""
    return [
        row["name"],
        row["role"].replace("_", " "),
        row["state"] + waits,
        _or_dash(row["pid"], str),
        row["url"] or "-",
        _or_dash(row["memory_bytes" if local else "peak_bytes"], size_in_words),
        _or_dash(row["cpu_seconds"], lambda seconds: f"{seconds:.1f} s"),
        _or_dash(row["uptime_seconds"], time_in_words),
    ]


def _or_dash(value: Any, words: Any) -> str:
    return "-" if value is None else str(words(value))


# logs


def logs(
    node: NodeArgument,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as it grows.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last.")] = 40,
    world: WorldOption = None,
    compose: ComposeOption = False,
    as_json: JsonOption = False,
) -> None:
    """What a node said: JSON lines in a pipe or with --json, else lines for reading."""
    from scenarios.lab import logs as log_files

    choice = Choice.of(world, compose)
    if compose:
        run_until_told_to_end(log_files.show_compose(choice, node, follow, lines))
        return
    folder = choice.require_local("logs")
    from scenarios.lab.world import no_such_node

    names = [*folder.read().names(), "keeper"]
    if node not in names:
        raise no_such_node(node, names)
    log_files.show(folder.log(node), follow=follow, lines=lines, raw=as_json)


# kill, restart


def kill(
    nodes: NodesArgument,
    world: WorldOption = None,
    compose: ComposeOption = False,
    as_json: JsonOption = False,
) -> None:
    """End nodes at once (kill -9): they get no chance to save anything."""
    run_until_told_to_end(_kill(Choice.of(world, compose), nodes, as_json))


async def _kill(choice: Choice, names: list[str], as_json: bool) -> None:
    from scenarios.lab.failures import NodeIsDown

    async with _known_world(choice) as world:
        chosen = [world.node(name) for name in names]
        for node in chosen:
            if not node.alive():
                raise NodeIsDown(f"{node.name} does not run. Start it: jangteo restart {node.name}")
        pids = [node.pid for node in chosen]
        await asyncio.gather(*(node.kill() for node in chosen))
    if as_json:
        emit({"killed": [{"node": n, "pid": pid} for n, pid in zip(names, pids, strict=True)]})
        return
    for name, pid in zip(names, pids, strict=True):
        say(f"{name}{f' (pid {pid})' if pid else ''} was killed.")
    say(f"Start again: jangteo restart {' '.join(names)}")


def restart(
    nodes: NodesArgument,
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds until they must be ready.")
    ] = RESTART_SECONDS,
    world: WorldOption = None,
    compose: ComposeOption = False,
    as_json: JsonOption = False,
) -> None:
    """Start nodes again, on their ports and data; one that runs is asked to end before."""
    run_until_told_to_end(_restart(Choice.of(world, compose), nodes, wait, as_json))


async def _restart(choice: Choice, names: list[str], seconds: float, as_json: bool) -> None:
    began = time.monotonic()
    async with _known_world(choice) as world:
        chosen = [world.node(name) for name in names]
        # All run before any is waited for: one may not be ready without another.
        for node in chosen:
            await node.restart(ready=False)
        await asyncio.gather(*(node.until_ready(seconds) for node in chosen))
        took = time.monotonic() - began
        if as_json:
            told = [{"node": node.name, "pid": node.pid, "url": node.url} for node in chosen]
            emit({"restarted": told, "seconds": round(took, 3)})
            return
        for node in chosen:
            say(f"{node.name} is ready again at {node.url}")


def _known_world(choice: Choice) -> Any:
    """Also a local world in which nothing runs any more."""
    from scenarios.lab.world import World

    return World.look_at(choice.folder) if choice.local else choice.open()


# wallet


def wallet(
    peer: Annotated[str, typer.Argument(metavar="PEER", help="A name, as peer-03.")],
    world: WorldOption = None,
    compose: ComposeOption = False,
    as_json: JsonOption = False,
) -> None:
    """What a party owns: its account at the broker, and its coins one by one."""
    run_until_told_to_end(_wallet(Choice.of(world, compose), peer, as_json))


async def _wallet(choice: Choice, name: str, as_json: bool) -> None:
    from scenarios.lab import wallets

    async with choice.open() as world:
        found = await wallets.read(world, name)
    if as_json:
        emit(found)
    else:
        wallets.show(found)
