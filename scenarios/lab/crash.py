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


async def run_case(world: World, drama: Drama, case: Case) -> Outcome:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await drama.prepare()
    victim = drama.parties[case.party]
    await victim.control("kill_at", protocol=protocol_of(case), step=case.step, point=case.point)
    dead = asyncio.Event()
    nurse = asyncio.create_task(_bring_back(victim, dead))
    try:
        async with asyncio.timeout(CASE_SECONDS):
            ended = await drama.play()
        how = ended.how
        honest = Check(HONEST, not ended.faults, "; ".join(ended.faults))
    except TimeoutError:
        how, honest = "no end", Check(HONEST, False, f"no end in {CASE_SECONDS:g} s")
    except LabFailure as error:
        how, honest = "broken off", Check(HONEST, None, str(error))
    died = await _dismiss(nurse, victim, dead)
    _, checks = await audit_settled(world.nodes.values(), seconds=SETTLE_SECONDS)
    return Outcome(case, died, how, (honest, *checks), loop.time() - begun)


async def _bring_back(victim: Node, dead: asyncio.Event) -> None:
    """Wait until its process has ended, then start it again; ready when this returns."""
    await victim.ended()
    dead.set()
    await victim.restart()


async def _dismiss(nurse: "asyncio.Task[None]", victim: Node, dead: asyncio.Event) -> bool:
    """Whether the victim died. One that still waits for its point is told to forget it.

    A transaction may be over when its last message is answered, so the point may still come.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LATE_SECONDS):
            await dead.wait()
    if not dead.is_set() and victim.alive():
        nurse.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await nurse
        await victim.control("kill_at", protocol="none", step="none", point="received")
        return False
    await nurse
    return True
