"""The crash sweep in simulation: the lab's cases, dramas and auditor, each case a world of its own.

    Stage(folder).play(case, seed=7)                    # one case, in this process
    async for played in sweep(cases, seeds=range(3), jobs=2): ...

A drama is prepared once; every case begins with a copy of that world, its nodes just killed. So a
case depends on nothing but itself and its seed, and can be played again alone.
"""

import asyncio
import gc
import os
import shutil
import signal
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context, parent_process
from pathlib import Path

from scenarios.lab.auditor import audit_settled, verdict_of
from scenarios.lab.crash import (
    HONEST,
    PEERS,
    SETTINGS,
    SETTLE_SECONDS,
    Kill,
    Outcome,
    Trouble,
    run_case,
)
from scenarios.lab.crash_cases import ALONE, ARROWS, CASH, COINS, ITEMS, PREPAID, SALES, Case
from scenarios.lab.dramas import PROGRAMS, dramas
from scenarios.lab.failures import LabFailure
from scenarios.lab.owners import Owners
from scenarios.lab.run import Check
from scenarios.simulation.crash_faults import Mishap, fault_of
from scenarios.simulation.simulation import Simulation, simulate
from scenarios.simulation.world import SimulatedWorld, Snapshot, temporary_folder

PREPARING_SEED = 1
VIRTUAL_SECONDS = 3600.0
"""More than any case takes; a case that takes it has lost its way."""
CASES_AT_ONCE = 4
"""Whoever breaks a sweep off waits for so many."""
QUIET_GENERATIONS = (50_000, 20, 100)
"""Nearly everything a case leaves behind is gone without the collector."""

SERVERS: Mapping[str, tuple[str, ...]] = {
    SALES: (SALES,),
    COINS: (COINS,),
    CASH: (CASH,),
    PREPAID: (PREPAID, CASH),
    ITEMS: (ITEMS, CASH),
}
"""By protocol: whose servers its dramas need."""


class CannotPrepare(LabFailure):
    """A transaction does not even come to its beginning."""

    code = "simulation/cannot-prepare"


@dataclass(frozen=True)
class Played:
    seed: int
    outcome: Outcome


class Stage:
    """Where cases are played. Prepared worlds are kept in `folder`, one a drama."""

    def __init__(
        self,
        folder: Path,
        programs: Mapping[str, str] = PROGRAMS,
        *,
        down_seconds: float = 0.0,
    ) -> None:
        """`down_seconds`: how long whoever was killed stays down."""
        self._folder, self._programs = folder, programs
        self._down_seconds = down_seconds
        self._prepared: dict[str, Snapshot] = {}

    def play(self, case: Case, seed: int) -> Outcome:
        """Raises CannotPrepare; whatever else goes wrong is in the outcome."""
        prepared = self._prepared_for(case.drama)
        try:
            return simulate(
                partial(_play, case, prepared, self._down_seconds),
                seed=seed,
                name=case.name,
                seconds=VIRTUAL_SECONDS,
                begun=prepared.passed,
            )
        except Exception as error:
            check = Check(HONEST, None, f"{type(error).__name__}: {error}")
            return Outcome(case, False, "broken off", (check,), 0.0)

    def _prepared_for(self, drama: str) -> Snapshot:
        if drama not in self._prepared:
            work = partial(self._prepare, drama)
            self._prepared[drama] = simulate(work, seed=PREPARING_SEED, name=drama)
        return self._prepared[drama]

    async def _prepare(self, drama: str, simulation: Simulation) -> Snapshot:
        async with SimulatedWorld.start(
            simulation,
            peers=PEERS,
            settings=SETTINGS,
            programs=self._programs,
            protocols=SERVERS[protocol_of_drama(drama)],
        ) as world:
            await dramas(world, Owners(world))[drama].prepare()
            _, checks = await audit_settled(world.nodes.values(), seconds=SETTLE_SECONDS)
            if verdict_of(checks) != "ok":
                raise CannotPrepare(f"{drama}: {[check for check in checks if not check.holds]}")
            return world.fall_asleep(self._folder / drama.replace(" ", "-"))


async def _play(
    case: Case, prepared: Snapshot, down_seconds: float, simulation: Simulation
) -> Outcome:
    async with SimulatedWorld.wake(simulation, prepared) as world:
        drama = dramas(world, Owners(world))[case.drama]
        kind = fault_of(case)
        trouble: Trouble = (
            Kill(drama.parties[case.party], case, down_seconds)
            if kind is None
            else Mishap(world, drama, case, kind)
        )
        return await run_case(world, drama, case, trouble)


def protocol_of_drama(drama: str) -> str:
    """The one whose drama it is; others may have steps in it."""
    return next(protocol for protocol, name in [*ARROWS, *ALONE] if name == drama)


# many


async def sweep(
    cases: Sequence[Case], seeds: Sequence[int], jobs: int, *, down_seconds: float = 0.0
) -> AsyncIterator[Played]:
    """Every case with every seed, as they are done, by `jobs` processes of their own.

    Strings hash alike in all of them, so that a case played again is the same case.
    """
    folder = temporary_folder()
    try:
        with _same_hashes(), _pool(jobs, folder, down_seconds) as pool:
            doing = [
                asyncio.wrap_future(pool.submit(_play_all, seed, batch))
                for seed in seeds
                for batch in _batches(cases)
            ]
            for batch in asyncio.as_completed(doing):
                for played in await batch:
                    yield played
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _batches(cases: Sequence[Case]) -> Iterator[list[Case]]:
    """Of one drama each."""
    by_drama: dict[str, list[Case]] = {}
    for case in cases:
        by_drama.setdefault(case.drama, []).append(case)
    for same in by_drama.values():
        for first in range(0, len(same), CASES_AT_ONCE):
            yield same[first : first + CASES_AT_ONCE]


@contextmanager
def _pool(jobs: int, folder: Path, down_seconds: float) -> Iterator[ProcessPoolExecutor]:
    pool = ProcessPoolExecutor(
        jobs,
        mp_context=get_context("spawn"),
        initializer=_begin,
        initargs=(folder, down_seconds),
    )
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _same_hashes() -> Iterator[None]:
    """For the processes started meanwhile."""
    before = os.environ.get("PYTHONHASHSEED")
    os.environ["PYTHONHASHSEED"] = "0"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONHASHSEED"]
        else:
            os.environ["PYTHONHASHSEED"] = before


_stage: Stage
"""Of this process, if it is one of a pool."""


def _begin(folder: Path, down_seconds: float) -> None:
    """In a new process of the pool, which ends with the one that started it."""
    global _stage
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    own = folder / str(os.getpid())
    own.mkdir()
    _stage = Stage(own, down_seconds=down_seconds)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*QUIET_GENERATIONS)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _play_all(seed: int, cases: Sequence[Case]) -> list[Played]:
    return [Played(seed, _stage.play(case, seed)) for case in cases]
