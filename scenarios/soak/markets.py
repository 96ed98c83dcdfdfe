"""Where a soak is played: on the simulator, from its seed; or between processes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from scenarios.lab.failures import ControlRefused, NodeEnded, Unanswered
from scenarios.lab.world import World
from scenarios.simulation.faults import Weather
from scenarios.simulation.simulation import Simulation, simulate
from scenarios.simulation.world import SimulatedWorld
from scenarios.soak.history import LATE_PEERS, PEERS, PROGRAMS, Happening, History
from scenarios.soak.living import Hear, Lived, live

SETTINGS = {
    "call_seconds": "2",
    "offer_seconds": "20",
    "dispute_seconds": "10",
    "coin_seconds": "86400",
    "reissue_window_seconds": "86400",
    "clearing_seconds": "0.5",
    "repair_seconds": "5",
    "late_peers": str(LATE_PEERS),
}
"""Short enough that what is given up ends soon; coins may be renewed at any time."""
WORST_SHARE = 0.02
"""Of messages, for each thing that may happen to them, in weather of strength 10."""


class Kills:
    """kill -9, and a new start some time later."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._down: set[str] = set()

    async def make(self, happening: Happening) -> None:
        """Who is down already stays down as long as was said first."""
        name = happening.who[0]
        node = self.world.node(name)
        if name in self._down or not node.alive():
            return
        self._down.add(name)
        await node.kill()
        await asyncio.sleep(happening.for_seconds)
        await node.restart(ready=False)
        self._down.discard(name)

    async def over(self) -> None:
        """Raises NodeEnded for one that does not come back."""
        for node in self.world.nodes.values():
            if not node.alive():
                raise NodeEnded(await node.host.how_it_ended(node.name))
        await asyncio.gather(*(node.until_ready() for node in self.world.nodes.values()))


class Simulated(Kills):
    """And cuts, and bad weather."""

    world: SimulatedWorld

    def __init__(self, world: SimulatedWorld) -> None:
        super().__init__(world)
        self._network = world.simulation.network
        self._cut: list[tuple[str, ...]] = []
        self._bad = 0

    async def make(self, happening: Happening) -> None:
        match happening.kind:
            case "kill":
                await super().make(happening)
            case "cut":
                await self._cut_off(happening)
            case "weather":
                await self._blow(happening)
            case "epoch":
                await self._turn(happening.who[0])

    async def _cut_off(self, happening: Happening) -> None:
        """These on one side, all others on the other."""
        self._cut.append(happening.who)
        self._make_cuts()
        await asyncio.sleep(happening.for_seconds)
        self._cut.remove(happening.who)
        self._make_cuts()

    async def _turn(self, leaver: str) -> None:
        """Whoever waits joins; where nobody does, one leaves, to wait from then on.

        A turn that is refused, for it would change too much, is none.
        """
        authority = self.world.certificate_authority
        with contextlib.suppress(ControlRefused, Unanswered):
            if not (await authority.control("turn_epoch"))["joined"]:
                await authority.control("turn_epoch", leaving=[leaver], joining=[])

    def _make_cuts(self) -> None:
        self._network.heal()
        for away in self._cut:
            self._network.cut(away, set(self.world.nodes) - set(away))

    async def _blow(self, happening: Happening) -> None:
        share = WORST_SHARE * happening.amount / 10
        self._bad += 1
        self._network.faults.weather = Weather(
            lost_requests=share,
            lost_answers=share,
            doubled=share,
            late=share,
            overtaken=share,
            lost_datagrams=share,
            doubled_datagrams=share,
        )
        await asyncio.sleep(happening.for_seconds)
        self._bad -= 1
        if not self._bad:
            self._network.faults.weather = Weather()

    async def over(self) -> None:
        self._cut.clear()
        self._network.heal()
        self._network.faults.weather = Weather()
        await super().over()


def on_simulator(
    history: History,
    hear: Hear = lambda line: None,
    programs: Mapping[str, str] | None = None,
) -> Lived:
    """The same history ends the same way, as often as it is played.

    `programs`: modules that stand in for honest nodes, beside the cheats that are always there.
    """

    async def work(simulation: Simulation) -> Lived:
        async with SimulatedWorld.start(
            simulation, peers=PEERS, settings=SETTINGS, programs={**PROGRAMS, **(programs or {})}
        ) as world:
            return await live(world, Simulated(world), history, hear)

    return simulate(work, seed=history.seed)


async def between_processes(world: World, history: History, hear: Hear) -> Lived:
    return await live(world, Kills(world), history, hear)


@asynccontextmanager
async def market_of_processes() -> AsyncIterator[World]:
    async with World.start_temporary(peers=PEERS, settings=SETTINGS, programs=PROGRAMS) as world:
        yield world
