"""Runs a scenario from its first line to its folder: finds or starts a world, judges, keeps.

Whatever happens meanwhile (Ctrl-C, a step that does not come, a refusal nobody expected) the run
is recorded and kept; then its verdict is `unknown`, unless the auditor found a fault.
"""

import asyncio
import contextlib
import datetime
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from scenarios.lab.auditor import EXIT_CODES, audit_settled, read_books, verdict_of
from scenarios.lab.books import Books, opening_balance
from scenarios.lab.choice import Choice
from scenarios.lab.coin_lives import coin_lives, ring_places
from scenarios.lab.costs import costs_between
from scenarios.lab.evidence_files import keep_evidence
from scenarios.lab.failures import LabFailure
from scenarios.lab.formulas import formulas_of
from scenarios.lab.launcher import Progress, no_progress, start_world
from scenarios.lab.learned import what_each_learned
from scenarios.lab.live import LiveRun
from scenarios.lab.narrator import Narrator
from scenarios.lab.parties import party_views
from scenarios.lab.plan import Plan
from scenarios.lab.recorder import Recorder
from scenarios.lab.run import Check, Event, Run
from scenarios.lab.run_folder import check_writable, keep, versions
from scenarios.lab.sale_checks import steps_in_order
from scenarios.lab.scenario import Scenario
from scenarios.lab.world import World

SEEDS = 10_000
SETTLE_SECONDS = 15.0
"""How long a world may take, after a scenario's last line, until nothing is on its way."""


class NotSuited(LabFailure):
    """The world that runs is not the one this scenario needs."""

    code = "lab/world-not-suited"


@dataclass(frozen=True)
class How:
    """What a person may choose for any scenario."""

    choice: Choice
    seed: int | None = None
    named: bool = False
    """The world was named by its user: then it is this one or none."""
    own_world: bool = False
    """Start one even where another runs."""
    peers: int | None = None
    """Of a world of its own; as the scenario declares it where None."""
    keep_world: bool = False
    """Leave a world of its own running, in the folder the choice names."""
    runs: Path = Path("runs")
    settle_seconds: float = SETTLE_SECONDS


@dataclass(frozen=True)
class Finished:
    run: Run
    folder: Path
    interrupted: bool

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.run.verdict]


Worlds = Callable[[Scenario, How], contextlib.AbstractAsyncContextManager[World]]


async def run_scenario(
    scenario: Scenario,
    options: Mapping[str, Any],
    how: How,
    narrator: Narrator,
    worlds: Worlds,
    *,
    on_interrupt: Callable[[], None] = lambda: None,
) -> Finished:
    """Raises LabFailure where nothing could be run at all. `on_interrupt` hears of Ctrl-C."""
    scenario.check_files(options)
    scenario = scenario.with_options(options)
    check_writable(how.runs)
    seed = secrets.randbelow(SEEDS) if how.seed is None else how.seed
    async with worlds(scenario, how) as world:
        await narrator.begin(scenario.name, scenario.title, seed)
        run, interrupted = await play_in(
            world, scenario, options, narrator, seed, how.settle_seconds, on_interrupt
        )
        folder = keep(how.runs, run, _logs(world))
        await keep_evidence(folder, run, world.nodes.values())
    await narrator.end(run, str(folder))
    return Finished(run, folder, interrupted)


async def play_in(
    world: World,
    scenario: Scenario,
    options: Mapping[str, Any],
    narrator: Narrator,
    seed: int,
    settle_seconds: float = SETTLE_SECONDS,
    on_interrupt: Callable[[], None] = lambda: None,
) -> tuple[Run, bool]:
    """From a scenario's first line to its judgement; whether it was interrupted."""
    played = await _play(scenario, options, world, narrator, seed)
    if played.interrupted:
        on_interrupt()
    return await _judge(scenario, options, settle_seconds, played), played.interrupted


@dataclass
class _Played:
    live: LiveRun
    before: Books
    started: str
    interrupted: bool = False
    failure: str = ""


async def _play(
    scenario: Scenario, options: Mapping[str, Any], world: World, narrator: Narrator, seed: int
) -> _Played:
    recorder = Recorder(world)
    before = await read_books(world.nodes.values())
    await recorder.begin()
    live = LiveRun(world, recorder, narrator, seed, scenario.protocols[0])
    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    played = _Played(live, before, started.replace("+00:00", "Z"))
    try:
        await scenario.play(live, **options)
    except asyncio.CancelledError:
        played.interrupted = True
        played.failure = "It was interrupted."
        task = asyncio.current_task()
        assert task is not None
        task.uncancel()
    except LabFailure as error:
        played.failure = str(error)
    except Exception as error:
        live.check("the scenario ran to its end", None, f"{type(error).__name__}: {error}")
        played.failure = f"It broke off: {type(error).__name__}: {error}"
    await recorder.stop_counting()
    return played


async def _judge(
    scenario: Scenario, options: Mapping[str, Any], settle_seconds: float, played: _Played
) -> Run:
    live = played.live
    seconds = 0.0 if played.interrupted else settle_seconds
    books, checks = await audit_settled(
        live.world.nodes.values(),
        seconds=seconds,
        opening_balance=opening_balance(live.world.settings),
    )
    await live.recorder.finish()
    traced = live.recorder.events()
    events = told(traced, scenario.protocols)
    checks = [*live.checks, *checks, steps_in_order(events)]
    if played.failure:
        checks.insert(0, Check("the scenario ran to its end", None, played.failure))
    views = await live.recorder.views()
    return Run(
        scenario=scenario.info,
        verdict=verdict_of(checks),
        summary=played.failure or live.summary or scenario.sentence,
        seed=live.seed,
        command=scenario.command(options, live.seed),
        started=played.started,
        seconds=round(live.recorder.after.seconds - live.recorder.before.seconds, 3),
        guards_off=sorted(live.world.guards_off),
        versions=versions(),
        settings=_settings(scenario, options, live.world),
        parties=party_views(
            live.world.nodes.values(),
            live.recorder.symbols,
            played.before,
            books,
            what_each_learned(events, views),
        ),
        events=events,
        coins=coin_lives(books, live.recorder),
        ring=ring_places(books),
        checks=checks,
        costs=costs_between(live.recorder.before, live.recorder.after, traced),
        formulas=formulas_of(scenario.protocols),
    )


def told(events: list[Event], protocols: Iterable[str]) -> list[Event]:
    """The steps of the scenario's papers, numbered anew.

    Looking up addresses and acknowledging what came belong to no paper; they count in the costs.
    """
    kept = [event for event in events if event.protocol in protocols]
    return [msgspec.structs.replace(event, n=n) for n, event in enumerate(kept, 1)]


def _settings(
    scenario: Scenario, options: Mapping[str, Any], world: World
) -> dict[str, str | int | float | bool | None]:
    found: dict[str, str | int | float | bool | None] = {"peers": len(world.peers)}
    found |= {f"option {name}": str(value) for name, value in options.items()}
    found |= world.settings
    found |= {f"program of {node}": module for node, module in scenario.programs.items()}
    return found


def _logs(world: World) -> list[Path]:
    if world.folder is None:
        return []
    return [world.folder.log(name) for name in world.nodes]


# which world


@asynccontextmanager
async def usual_world(
    scenario: Scenario,
    how: How,
    *,
    progress: Progress = no_progress,
    on_ready: Callable[[int, float], None] = lambda nodes, seconds: None,
) -> AsyncIterator[World]:
    """The one that runs, if it suits; else a world of this run's own, gone afterwards."""
    own = how.own_world or how.peers is not None
    own = own or (scenario.needs_own_world and not how.named)
    if not own and how.choice.runs():
        async with how.choice.open() as world:
            _check_suits(scenario, world)
            yield world
        return
    begun = time.monotonic()
    start = _lasting if how.keep_world else _passing
    async with start(scenario, how, progress) as world:
        on_ready(len(world.nodes), time.monotonic() - begun)
        yield world


@asynccontextmanager
async def _passing(scenario: Scenario, how: How, progress: Progress) -> AsyncIterator[World]:
    async with World.start_temporary(
        peers=_peers(scenario, how),
        settings=scenario.settings,
        without=scenario.without,
        programs=scenario.programs,
        protocols=scenario.protocols,
        progress=progress,
    ) as world:
        yield world


@asynccontextmanager
async def _lasting(scenario: Scenario, how: How, progress: Progress) -> AsyncIterator[World]:
    """`--keep`: in the folder where `jangteo up` would start it, and left running."""
    folder = how.choice.require_local("run --keep")
    plan = Plan(
        peers=None if folder.exists() else _peers(scenario, how),
        settings=scenario.settings,
        without=scenario.without,
        programs=scenario.programs,
    )
    await start_world(folder, plan, progress=progress)
    async with World.open(folder) as world:
        _check_peers(scenario, world)
        yield world


def _peers(scenario: Scenario, how: How) -> int:
    if how.peers is not None and how.peers < scenario.fewest:
        raise NotSuited(f"{scenario.name} needs {scenario.fewest} peers or more, not {how.peers}.")
    return how.peers or scenario.peers


def _check_suits(scenario: Scenario, world: World) -> None:
    if scenario.needs_own_world:
        raise NotSuited(
            f"{scenario.name} needs other settings or parties than the world that runs. "
            f"Give it one of its own: jangteo run {scenario.name} --own"
        )
    _check_peers(scenario, world)


def _check_peers(scenario: Scenario, world: World) -> None:
    there = len(world.peers)
    if there < scenario.fewest:
        raise NotSuited(
            f"{scenario.name} needs {scenario.fewest} peers; this world has {there}. "
            f"Give it one of its own: jangteo run {scenario.name} --own"
        )
