"""`jangteo attack`: each attack of the papers, without its guard and with it."""

import asyncio
import datetime
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scenarios.lab.choice import JsonOption
from scenarios.lab.commands_run import USUAL_RUNS, RunsOption, SeedOption
from scenarios.lab.console import Waiting, emit, run_until_told_to_end, say, show_table
from scenarios.lab.failures import LabFailure, did_you_mean

if TYPE_CHECKING:
    from scenarios.lab.attack import Attack
    from scenarios.lab.attacking import GridRow, Judged

NOT_AS_EXPECTED = 1
AT_ONCE = 2
"""Worlds at a time, of `--all`."""


class NoSuchProtocol(LabFailure):
    code = "lab/no-such-protocol"


def add_to(app: typer.Typer) -> None:
    app.command()(attack)


def attack(
    name: Annotated[
        str,
        typer.Argument(
            metavar="[NAME]", help="An attack, its row (DC-A4) or a guard. Without it: a list."
        ),
    ] = "",
    all_: Annotated[bool, typer.Option("--all", help="Every one; prints the grid.")] = False,
    protocol: Annotated[
        str, typer.Option(metavar="PROTOCOL", help="With --all: only this one's.")
    ] = "",
    at_once: Annotated[
        int, typer.Option("--at-once", min=1, max=8, help="With --all: worlds at a time.")
    ] = AT_ONCE,
    seed: SeedOption = None,
    runs: RunsOption = Path(USUAL_RUNS),
    as_json: JsonOption = False,
) -> int:
    """Run an attack twice: with its guard off it must succeed, with all on it must be refused.

    Exit code 0: every cell is as expected. 1: some cell is not.
    """
    if not name and not all_ and not protocol:
        _list(as_json)
        return 0
    from nodes.runtime.log import configure_log
    from scenarios.lab.run_folder import check_writable

    configure_log("critical")  # the cheats run in this process
    chosen = _chosen(name, protocol.replace("-", "_"))
    check_writable(runs)
    seed = secrets.randbelow(10_000) if seed is None else seed
    if name:
        judged = run_until_told_to_end(_one_by_one(chosen, seed, as_json))
    else:
        judged = run_until_told_to_end(_side_by_side(chosen, seed, at_once, as_json))
    folder = _keep(runs, judged, None if name else seed)
    if as_json:
        emit(_plain(judged, folder))
    elif name:
        say(f"report    {folder}/report.html      (jangteo report --open)")
    else:
        _show_grid([one.grid for one in judged], folder)
    return 0 if all(one.grid.as_expected for one in judged) else NOT_AS_EXPECTED


def _chosen(name: str, protocol: str) -> "list[Attack]":
    """Raises NoSuchAttack or NoSuchProtocol."""
    from scenarios.lab.attack import attacks, find

    found = find(name) if name else list(attacks())
    known = {one.protocols[0] for one in attacks()}
    if protocol and protocol not in known:
        raise NoSuchProtocol(
            f"No attack is on '{protocol}'.{did_you_mean(protocol, known)} "
            f"There are: {', '.join(sorted(known))}"
        )
    return [one for one in found if protocol in ("", one.protocols[0])]


def _list(as_json: bool) -> None:
    from scenarios.lab.attack import attacks

    if as_json:
        emit([{"row": a.row, "name": a.name, "kind": a.kind, "guards": list(a.guards),
               "sentence": a.sentence} for a in attacks()])  # fmt: skip
        return
    rows = [[a.row, a.name, ", ".join(a.guards) or a.kind, a.sentence] for a in attacks()]
    show_table(["row", "attack", "guard", "what happens"], rows)
    say("\nRun one: jangteo attack NAME      All of them: jangteo attack --all")


async def _one_by_one(chosen: "Sequence[Attack]", seed: int, quiet: bool) -> "list[Judged]":
    from scenarios.lab.attacking import run_attack

    found = []
    for one in chosen:
        if not quiet:
            say(f"{one.row}  {one.title}: {one.sentence}\n")
        waiting = Waiting("Playing", quiet=quiet)
        judged = await run_attack(one, seed)
        waiting.end("played twice" if judged.run.attack and judged.run.attack.without else "played")
        found.append(judged)
        if not quiet:
            _tell(judged)
    return found


async def _side_by_side(
    chosen: "Sequence[Attack]", seed: int, at_once: int, quiet: bool
) -> "list[Judged]":
    from scenarios.lab.attacking import run_attack

    room, done = asyncio.Semaphore(at_once), 0
    waiting = Waiting(f"Playing {len(chosen)} attacks", quiet=quiet)

    async def play(one: "Attack") -> "Judged":
        nonlocal done
        async with room:
            judged = await run_attack(one, seed)
        done += 1
        waiting(done, len(chosen))
        return judged

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(play(one)) for one in chosen]
    waiting.end("played")
    return [task.result() for task in tasks]


def _tell(judged: "Judged") -> None:
    view = judged.run.attack
    assert view is not None
    sides = [("with every guard", view.guarded)]
    if view.without is not None:
        sides.insert(0, (f"without {', '.join(view.without.guards_off)}", view.without))
    width = max(len(label) for label, _ in sides)
    for label, side in sides:
        told = side.summary or side.refusal or "nothing moved"
        say(f"    {label:<{width}}   {side.word:<10} {told}")
    say()
    grid = judged.grid
    if grid.messages is not None:
        how = f"{grid.detected_by} ({grid.detected_how})"
        say(f"found out   by {how}, after {grid.messages} of the cheat's messages")
    say(f"expected    {view.expected}: {'as expected' if grid.as_expected else 'NOT AS EXPECTED'}")
    for check in judged.run.checks:
        if check.holds is not True:
            say(f"            {check.name}: {check.detail}")
    say()


def _show_grid(rows: "Sequence[GridRow]", folder: Path) -> None:
    from scenarios.lab.attack_grid import found_out_by, with_every_guard

    heads = ["row", "attack", "guard", "without", "with", "found out by", ">messages", "loss"]
    table = [
        [
            one.row,
            one.name,
            ", ".join(one.guards) or one.kind,
            one.without,
            with_every_guard(one),
            found_out_by(one),
            "" if one.messages is None else str(one.messages),
            one.loss,
        ]
        for one in rows
    ]
    show_table(heads, table)
    wrong = [one for one in rows if not one.as_expected]
    for one in wrong:
        say(f"NOT AS EXPECTED  {one.row} {one.name}: {one.trouble}")
    say(f"\n{len(rows)} attacks, {len(rows) - len(wrong)} as expected")
    say(f"grid      {folder}/grid.html")


def _keep(runs: Path, judged: "Sequence[Judged]", seed: int | None) -> Path:
    """A report for each; a grid too, where there is a seed for all of them."""
    from scenarios.lab.attack_grid import keep_grid
    from scenarios.lab.run_folder import keep

    folders = [keep(runs, one.run) for one in judged]
    if seed is None:
        return folders[-1]
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H.%M.%S")
    folder = runs / "attacks" / f"{stamp}-{seed}"
    pages = [page.relative_to(runs) / "report.html" for page in folders]
    keep_grid(folder, [one.grid for one in judged], [Path("../..") / page for page in pages])
    return folder


def _plain(judged: "Sequence[Judged]", folder: Path) -> dict[str, object]:
    import msgspec

    rows = [msgspec.to_builtins(one.grid) for one in judged]
    return {
        "attacks": rows,
        "as_expected": all(one.grid.as_expected for one in judged),
        "folder": str(folder),
    }
