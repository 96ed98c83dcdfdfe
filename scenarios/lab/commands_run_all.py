"""`jangteo run --all`: every scenario, one after the other, against one world."""

import contextlib
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.lab.console import Waiting, emit, run_until_told_to_end, say, show_table

if TYPE_CHECKING:
    from scenarios.lab.choice import Choice
    from scenarios.lab.running import Finished, How
    from scenarios.lab.scenario import Scenario
    from scenarios.lab.world import World

VIOLATED, UNKNOWN = 1, 2
SEEDS = 10_000


def run_all(choice: "Choice", seed: int | None, runs: Path, as_json: bool) -> int:
    """Exit code 0: each ended as it should. 1: some did not; 2: of some it could not be told."""
    from scenarios.lab.run_folder import check_writable

    check_writable(runs)
    seed = secrets.randbelow(SEEDS) if seed is None else seed
    played = run_until_told_to_end(_play_all(choice, seed, runs, as_json))
    if as_json:
        emit({"seed": seed, "scenarios": [_plain(*each) for each in played]})
    else:
        _tell(played)
    return _exit_code(played)


async def _play_all(
    choice: "Choice", seed: int, runs: Path, quiet: bool
) -> "list[tuple[Scenario, Finished]]":
    from scenarios.lab import scenario
    from scenarios.lab.narrator import Silent
    from scenarios.lab.running import How, run_scenario

    found = [scenario.find(name) for name in scenario.names()]
    how = How(choice=choice, seed=seed, runs=runs)
    played = []
    async with _one_world(choice, found, quiet) as world:
        for number, one in enumerate(found, 1):
            waiting = Waiting(f"{number:>2}/{len(found)} {one.name}", quiet=quiet)
            finished = await run_scenario(one, {}, how, Silent(), _worlds(world))
            ended = finished.run.verdict
            note = "" if ended == one.expects else f", not {one.expects}"
            waiting.end(f"{ended}{note}, {finished.run.seconds:.1f} s")
            played.append((one, finished))
            if finished.interrupted:
                break
    return played


@contextlib.asynccontextmanager
async def _one_world(
    choice: "Choice", found: "list[Scenario]", quiet: bool
) -> "AsyncIterator[World]":
    """The one that runs; else one with every party, gone afterwards."""
    from scenarios.lab.world import World

    if choice.runs():
        async with choice.open() as world:
            yield world
        return
    waiting = Waiting("Starting a market with every party", quiet=quiet)
    async with World.start_temporary(
        peers=max(one.peers for one in found if not one.needs_own_world), progress=waiting
    ) as world:
        waiting.end(f"{len(world.nodes)} are ready")
        yield world


def _worlds(shared: "World") -> Callable[..., Any]:
    """The shared one, for whoever leaves it as it was."""
    from scenarios.lab.running import usual_world

    @contextlib.asynccontextmanager
    async def get(scenario: "Scenario", how: "How") -> "AsyncIterator[World]":
        if not scenario.needs_own_world:
            yield shared
            return
        async with usual_world(scenario, how) as own:
            yield own

    return get


def _tell(played: "list[tuple[Scenario, Finished]]") -> None:
    wrong = [each for each in played if not _is_as_expected(*each)]
    rows = [
        [one.name, done.run.verdict, "own" if one.needs_own_world else "shared", str(done.folder)]
        for one, done in played
    ]
    say()
    show_table(["scenario", "verdict", "world", "report in"], rows)
    for one, done in wrong:
        say(f"NOT AS EXPECTED  {one.name}: {done.run.verdict}, not {one.expects}")
        for check in done.run.checks:
            if check.holds is not True:
                say(f"                 {check.name}: {check.detail}")
    say(f"\n{len(played)} scenarios, {len(played) - len(wrong)} as expected")


def _is_as_expected(one: "Scenario", done: "Finished") -> bool:
    return done.run.verdict == one.expects


def _plain(one: "Scenario", done: "Finished") -> dict[str, Any]:
    run = done.run
    return {
        "scenario": one.name,
        "verdict": run.verdict,
        "expected": one.expects,
        "seconds": run.seconds,
        "folder": str(done.folder),
    }


def _exit_code(played: "list[tuple[Scenario, Finished]]") -> int:
    wrong = [done.run.verdict for one, done in played if not _is_as_expected(one, done)]
    if any(done.interrupted for _, done in played) or not wrong:
        return UNKNOWN if any(done.interrupted for _, done in played) else 0
    return UNKNOWN if set(wrong) == {"unknown"} else VIOLATED
