"""The crash sweep: kill -9 of each party at each step, and everything must come to its end.

For each case a transaction is played while one party is armed to die at one point of one step; it
is started again on its data, and its owner goes on. Then the auditor looks: value is conserved
(G1), no honest party lost anything (G2), every transaction ended (G3), nothing happened twice (G4),
nobody has both a secret and its refund (G5).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from scenarios.lab.auditor import audit_settled, verdict_of
from scenarios.lab.crash_cases import Case, protocol_of
from scenarios.lab.drama import Drama
from scenarios.lab.dramas import PROGRAMS, dramas
from scenarios.lab.failures import LabFailure
from scenarios.lab.launcher import Progress, no_progress
from scenarios.lab.owners import Owners
from scenarios.lab.run import Check
from scenarios.lab.world import Node, World

PEERS = 8
SETTINGS = {
    "call_seconds": "2",
    "offer_seconds": "20",
    "dispute_seconds": "10",
    "coin_seconds": "3600",
    "reissue_window_seconds": "3600",
    "clearing_seconds": "0.3",
}
"""Short enough that a transaction given up ends soon; coins may be renewed at any time."""
CASE_SECONDS = 90.0
SETTLE_SECONDS = 30.0
LATE_SECONDS = 3.0
HONEST = "no honest party lost anything"


@dataclass(frozen=True)
class Outcome:
    case: Case
    died: bool
    """The step was reached, and the process ended there."""
    ended: str
    checks: tuple[Check, ...]
    seconds: float

    @property
    def holds(self) -> bool | None:
        """None: the point was never reached, or something could not be told."""
        verdict = verdict_of(self.checks)
        if verdict == "violated":
            return False
        return True if verdict == "ok" and self.died else None

    @property
    def trouble(self) -> str:
        wrong = [check for check in self.checks if check.holds is not True]
        told = "; ".join(f"{check.name}: {check.detail}" for check in wrong[:2])
        return told or ("" if self.died else "the step was never reached")


@contextlib.asynccontextmanager
async def crash_world(progress: Progress = no_progress) -> AsyncIterator[World]:
    async with World.start_temporary(
        peers=PEERS, settings=SETTINGS, programs=PROGRAMS, progress=progress
    ) as world:
        yield world


async def sweep(
    world: World, cases: Sequence[Case], hear: Callable[[Outcome], None] = lambda outcome: None
) -> list[Outcome]:
    """Every case in one world, up to the first that is violated: what follows would be too."""
    owners = Owners(world)
    played = dramas(world, owners)
    outcomes = []
    for case in cases:
        outcome = await run_case(world, played[case.drama], case)
        outcomes.append(outcome)
        hear(outcome)
        if outcome.holds is False:
            break
    return outcomes


class Trouble(Protocol):
    """What is to happen in a case."""

    async def await_it(self) -> None:
        """From now on it may happen."""

    async def get_over_it(self) -> bool:
        """Whether it happened. If it did, everything is as well again as it can be; if not, it
        will not any more."""


async def run_case(
    world: World, drama: Drama, case: Case, trouble: Trouble | None = None
) -> Outcome:
    """`trouble`: what else happens than that the party of the case is killed."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await drama.prepare()
    trouble = trouble or Kill(drama.parties[case.party], case)
    await trouble.await_it()
    try:
        async with asyncio.timeout(CASE_SECONDS):
            ended = await drama.play()
        how = ended.how
        honest = Check(HONEST, not ended.faults, "; ".join(ended.faults))
    except TimeoutError:
        how, honest = "no end", Check(HONEST, False, f"no end in {CASE_SECONDS:g} s")
    except LabFailure as error:
        how, honest = "broken off", Check(HONEST, None, str(error))
    died = await trouble.get_over_it()
    _, checks = await audit_settled(world.nodes.values(), seconds=SETTLE_SECONDS)
    return Outcome(case, died, how, (honest, *checks), loop.time() - begun)


class Kill:
    """Kill -9 of one party at one point; it is started again `down_seconds` later."""

    def __init__(self, victim: Node, case: Case, down_seconds: float = 0.0) -> None:
        self._victim, self._case = victim, case
        self._down_seconds = down_seconds
        self._dead = asyncio.Event()
        self._nurse: asyncio.Task[None] | None = None

    async def await_it(self) -> None:
        case = self._case
        at = {"protocol": protocol_of(case), "step": case.step, "point": case.point}
        await self._victim.control("kill_at", **at)
        self._nurse = asyncio.create_task(self._bring_back())

    async def _bring_back(self) -> None:
        """Wait until its process has ended, then start it again; ready when this returns."""
        await self._victim.ended()
        self._dead.set()
        await asyncio.sleep(self._down_seconds)
        await self._victim.restart()

    async def get_over_it(self) -> bool:
        """One that still waits for its point is told to forget it.

        A transaction may be over when its last message is answered: the point may still come.
        """
        assert self._nurse is not None, "it was awaited"
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LATE_SECONDS):
                await self._dead.wait()
        if not self._dead.is_set() and self._victim.alive():
            self._nurse.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._nurse
            await self._victim.control("kill_at", protocol="none", step="none", point="received")
            return False
        await self._nurse
        return True
