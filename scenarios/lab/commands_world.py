"""`jangteo up` and `jangteo down`."""

import time
from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from scenarios.lab.choice import Choice, JsonOption, WorldOption
from scenarios.lab.console import (
    Interrupted,
    Waiting,
    emit,
    in_words,
    run_until_told_to_end,
    say,
    show_table,
)
from scenarios.lab.failures import InvalidSetting

if TYPE_CHECKING:
    from scenarios.lab.plan import Plan
    from scenarios.lab.world_folder import WorldFolder, WorldRecord


def add_to(app: typer.Typer) -> None:
    app.command()(up)
    app.command()(down)


def up(
    peers: Annotated[
        int | None,
        typer.Option("--peers", "-p", help="How many; 16 in a new world.", show_default=False),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="GUARD[,GUARD]", help="Switch guards off.", show_default=False),
    ] = None,
    lab: Annotated[
        bool | None,
        typer.Option(
            "--lab/--no-lab",
            help="With views, clocks and points to kill at; on in a new world.",
            show_default=False,
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="A setting of every node.", show_default=False
        ),
    ] = None,
    ports: Annotated[
        int | None,
        typer.Option(min=1024, max=65_000, help="Where to look for free ports; 8100 otherwise."),
    ] = None,
    foreground: Annotated[
        bool, typer.Option("--foreground", "-f", help="Stay; Ctrl-C stops every node.")
    ] = False,
    wait: Annotated[float, typer.Option(min=1, help="Seconds until all must be ready.")] = 60.0,
    world: WorldOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start a market: one process for every party, ready when this returns."""
    from scenarios.lab.plan import Plan

    folder = Choice.of(world).require_local("up")
    plan = Plan(
        peers=peers,
        settings=read_assignments(settings or []),
        without=tuple(name for part in without or [] for name in part.split(",") if name),
        lab=lab,
        first_port=ports,
    )
    run_until_told_to_end(_up(folder, plan, wait, foreground, as_json))


def read_assignments(given: list[str]) -> dict[str, str]:
    """`name=value` each."""
    pairs = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise InvalidSetting(f"'{text}' is no setting: --set NAME=VALUE")
        pairs[name.strip().lower()] = value.strip()
    return pairs


async def _up(
    folder: "WorldFolder", plan: "Plan", seconds: float, foreground: bool, as_json: bool
) -> None:
    import asyncio

    from scenarios.lab import foreground as staying
    from scenarios.lab.launcher import start_world

    began = time.monotonic()
    ran = Choice(folder).runs()
    waiting = Waiting(announcement(folder, plan), quiet=as_json)
    lifeline = staying.Lifeline() if foreground else None
    try:
        record = await start_world(
            folder,
            plan,
            lifeline=lifeline.far_end if lifeline else -1,
            seconds=seconds,
            progress=waiting,
        )
    except asyncio.CancelledError:
        waiting.end("stopped; nothing that was started still runs")
        raise Interrupted from None
    except BaseException:
        waiting.break_off()
        raise
    took = time.monotonic() - began
    waiting.end(f"ready in {took:.1f} s")
    if as_json:
        emit(_summary(folder, record, took, ran))
    else:
        _show(folder, record)
    if lifeline is not None:
        await staying.stay(folder, lifeline, quiet=as_json)


def announcement(folder: "WorldFolder", plan: "Plan") -> str:
    """`Starting a market of 20: 1 certificate authority, ..., 16 peers`."""
    from scenarios.lab.plan import USUAL_PEERS, parties
    from scenarios.lab.processes import is_running

    if Choice(folder).runs():
        down = sum(not is_running(node.process) for node in folder.read().nodes)
        return f"Starting {in_words(down, 'node')} more" if down else "Every node runs already"
    if folder.exists():
        nodes = [node.role for node in folder.read().nodes]
    else:
        nodes = [role.value for _, role in parties(plan.peers or USUAL_PEERS, plan.protocols)]
    roles = Counter(role.replace("_", " ") for role in nodes)
    listed = ", ".join(in_words(count, role) for role, count in roles.items())
    return f"Starting a market of {sum(roles.values())}: {listed}"


def _summary(folder: "WorldFolder", record: "WorldRecord", took: float, ran: bool) -> object:
    return {
        "world": str(folder.path),
        "ran_before": ran,
        "seconds": round(took, 3),
        "lab": record.lab,
        "guards_off": record.without,
        "settings": record.settings,
        "nodes": [
            {
                "name": node.name,
                "role": node.role,
                "url": node.url,
                "id": node.id,
                "pid": node.process.pid if node.process else None,
            }
            for node in record.nodes
        ],
    }


def _show(folder: "WorldFolder", record: "WorldRecord") -> None:
    servers = [node for node in record.nodes if node.role != "peer"]
    peers = [node for node in record.nodes if node.role == "peer"]
    say()
    rows = [[node.name, node.url] for node in servers]
    rows.append([f"{peers[0].name} to {peers[-1].name}", f"{peers[0].url} to {peers[-1].port}"])
    show_table(["node", "url"], rows)
    say()
    show_guards_off(record.without)
    say(f"world     {folder.path}")
    say("next      jangteo run escrow_purchase · jangteo status · jangteo down")


def show_guards_off(names: list[str]) -> None:
    """Whoever looks at this world is told what does not protect it."""
    for name in names:
        say(f"GUARD OFF {name}")


def down(
    forget: Annotated[
        bool, typer.Option("--forget", help="Delete the world's folder: keys, coins, logs.")
    ] = False,
    world: WorldOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stop every node. The world stays on disk, unless it is to be forgotten."""
    folder = Choice.of(world).require_local("down")
    run_until_told_to_end(_down(folder, forget, as_json))


async def _down(folder: "WorldFolder", forget: bool, as_json: bool) -> None:
    from scenarios.lab.failures import NotAWorldFolder
    from scenarios.lab.launcher import stop_world
    from scenarios.lab.processes import is_running

    if not folder.exists():
        if forget and folder.path.exists():
            raise NotAWorldFolder(f"{folder.path} holds no world; nothing was deleted.")
        _say_down(as_json, folder, 0, 0, False, f"There is no world in {folder.path}.")
        return
    began = time.monotonic()
    async with folder.locked():
        record = folder.read()
        running = sum(is_running(node.process) for node in record.nodes)
        waiting = Waiting(
            f"Stopping {in_words(running, 'node')}",
            quiet=as_json or not running,
        )
        ran, killed = stop_world(folder, lambda count: waiting(count, running))
        left = folder.forget() if forget else []
    extra = f", {killed} by kill -9" if killed else ""
    waiting.end(f"stopped in {time.monotonic() - began:.1f} s{extra}")
    text = "" if ran else "Nothing was running."
    if forget:
        text += f"{' ' if text else ''}{folder.path} is forgotten."
    if left:
        text += f" What does not belong to the world was kept: {', '.join(left)}"
    _say_down(as_json, folder, ran, killed, forget, text)


def _say_down(
    as_json: bool, folder: "WorldFolder", ran: int, killed: int, forgotten: bool, text: str
) -> None:
    if as_json:
        report = {"world": str(folder.path), "stopped": ran, "killed": killed}
        emit({**report, "forgotten": forgotten})
    elif text:
        say(text)
