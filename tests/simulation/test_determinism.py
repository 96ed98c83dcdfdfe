"""One seed, one run: the same messages at the same moments, whatever else differs."""

import asyncio
from functools import cache
from typing import Any

from scenarios.lab.dramas import Purchase
from scenarios.lab.owners import Owners
from scenarios.simulation.faults import Weather
from scenarios.simulation.simulation import Simulation, simulate
from scenarios.simulation.world import SimulatedWorld

DRAWN_BY_OPENSSL = {"bytes", "envelope", "note"}
"""A certificate's signature has 70 to 72 bytes, and encrypted content has another digest."""
ROUGH = Weather(lost_requests=0.02, lost_answers=0.02, doubled=0.02, overtaken=0.02,
                lost_datagrams=0.05, doubled_datagrams=0.05)  # fmt: skip


async def purchase(simulation: Simulation) -> tuple[list[dict[str, Any]], dict[str, str], int]:
    """The trace of a sale in rough weather, one peer killed meanwhile; ids; callbacks run."""
    async with SimulatedWorld.start(simulation, protocols=("escrow_commerce",)) as world:
        buyer, seller, bystander = world.peers[:3]
        drama = Purchase(world, Owners(world), buyer, seller)
        await drama.prepare()
        simulation.network.faults.weather = ROUGH
        playing = asyncio.create_task(drama.play())
        await asyncio.sleep(0.05)
        await bystander.kill()
        await bystander.restart(ready=False)
        ended = await playing
        assert ended.faults == ()
        rows = [
            {name: value for name, value in row.items() if name not in DRAWN_BY_OPENSSL}
            for row in await world.whole_trace()
        ]
        return rows, {name: node.id for name, node in world.nodes.items()}, simulation.loop.steps


@cache
def played_once() -> Any:
    return simulate(purchase, seed=3)


def test_the_same_seed_is_the_same_run() -> None:
    once, again = played_once(), simulate(purchase, seed=3)
    for row, same in zip(once[0], again[0], strict=True):
        assert row == same
    assert once[1:] == again[1:]


def test_another_seed_is_another_run() -> None:
    one, other = played_once(), simulate(purchase, seed=4)
    assert one[0] != other[0]
    assert not set(one[1].values()) & set(other[1].values())
