"""A history played in a world: everything at its moment, and at each quiet point the auditor.

At a quiet point nobody is down, nothing is cut, the weather is good, and every deed is brought to
its end. A deed that has none, a transaction that its own party no longer knows, and whatever the
auditor finds wrong or cannot tell, fails the soak.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from scenarios.lab.auditor import audit_settled, verdict_of
from scenarios.lab.failures import LabFailure, Unanswered
from scenarios.lab.world import World
from scenarios.soak.cash_deeds import CASH_DEEDS
from scenarios.soak.deeds import DEEDS, Hands, do
from scenarios.soak.history import Happening, History

END_SECONDS = 900.0
"""By which a deed has ended after the last trouble; on the simulator they cost nothing."""
SETTLE_SECONDS = 60.0
ALL_DEEDS = {**DEEDS, **CASH_DEEDS}
Hear = Callable[[str], None]


class Trouble(Protocol):
    """What can be done to a world, and undone."""

    async def make(self, happening: Happening) -> None:
        """Returns when it is over."""

    async def over(self) -> None:
        """Everybody is back, nothing is cut, the weather is good."""


@dataclass
class Lived:
    history: History
    ended: dict[int, str] = field(default_factory=dict)
    """How each deed ended, by the happening's number."""
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0
    """On the world's own clock."""

    @property
    def ok(self) -> bool:
        return not self.faults

    def counted(self) -> Counter[str]:
        """How often each deed ended in which way."""
        by_number = {one.number: one.what for one in self.history.happenings}
        return Counter(f"{by_number[n]}: {how}" for n, how in self.ended.items())


async def live(
    world: World, trouble: Trouble, history: History, hear: Hear = lambda line: None
) -> Lived:
    """Stops at the first quiet point where something is wrong: what follows would be, too."""
    loop, hands = asyncio.get_running_loop(), Hands(world)
    lived, begun = Lived(history), asyncio.get_running_loop().time()
    for stretch in range(history.stretches):
        await _play(hands, trouble, history.in_stretch(stretch), lived, hear)
        if not lived.faults:
            _, checks = await audit_settled(world.nodes.values(), seconds=SETTLE_SECONDS)
            wrong = [check for check in checks if check.holds is not True]
            lived.faults += [f"{check.name}: {check.detail}" for check in wrong]
            hear(f"quiet point {stretch + 1}: {verdict_of(checks)}")
        if lived.faults:
            break
    lived.seconds = loop.time() - begun
    return lived


async def _play(
    hands: Hands, trouble: Trouble, happenings: list[Happening], lived: Lived, hear: Hear
) -> None:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    deeds = {
        one: loop.create_task(_deed(hands, one, lived, hear))
        for one in happenings
        if one.kind == "deed"
    }
    troubles = [
        loop.create_task(_trouble(trouble, one, hear)) for one in happenings if one.kind != "deed"
    ]
    last = max((one.at_seconds + one.for_seconds for one in happenings), default=0.0)
    try:
        await asyncio.gather(*troubles)
        await asyncio.sleep(max(0.0, begun + last - loop.time()))
        await trouble.over()
    except LabFailure as error:
        lived.faults.append(f"somebody does not come back: {error}")
    if deeds:
        _, late = await asyncio.wait(deeds.values(), timeout=END_SECONDS)
        for one, task in deeds.items():
            if task in late:
                task.cancel()
                lived.faults.append(f"{_told(one)} has no end")
        await asyncio.gather(*late, return_exceptions=True)


async def _deed(hands: Hands, happening: Happening, lived: Lived, hear: Hear) -> None:
    await asyncio.sleep(happening.at_seconds)
    try:
        ended = await do(ALL_DEEDS, hands, happening)
    except Unanswered as error:
        ended = f"no answer: {error}"
    except LabFailure as error:
        ended = str(error)
        lived.faults.append(f"{_told(happening)}: {error}")
    lived.ended[happening.number] = ended
    hear(f"{_told(happening)}: {ended}")


async def _trouble(trouble: Trouble, happening: Happening, hear: Hear) -> None:
    await asyncio.sleep(happening.at_seconds)
    hear(_told(happening))
    await trouble.make(happening)


def _told(one: Happening) -> str:
    who = " ".join(one.who)
    lasts = f" for {one.for_seconds:g} s" if one.for_seconds else ""
    what = one.what or one.kind
    return f"{one.number:>3} {one.at_seconds:6.2f} s  {what} {who}{lasts}".rstrip()
