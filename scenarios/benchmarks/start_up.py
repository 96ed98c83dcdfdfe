"""Starting a market: how long until every process is ready, and what one holds in memory."""

import time
from typing import Annotated

from typer import Option

from scenarios.lab.benchmark import Bench, benchmark
from scenarios.lab.market_costs import Market
from scenarios.lab.world import World

MIB = 2**20


@benchmark(question="How long does a whole market take to start, and what does a peer hold?")
async def start_up(
    bench: Bench,
    *,
    repeats: Annotated[int, Option(min=1, help="Markets started, one after the other.")] = 5,
    peers: Annotated[int, Option(min=5, help="In each.")] = 16,
    large: Annotated[int, Option(min=0, help="Peers of one larger market; 0 for none.")] = 64,
) -> None:
    """Starts new markets: folders, keys, enrolment, roster, routing tables, all ready.

    What `jangteo up` does, without the command's own start. Memory is the proportional set size of
    each process once all are at rest.
    """
    await _start(bench, repeats, peers)
    if large:
        await _start(bench, 1, large)


async def _start(bench: Bench, repeats: int, peers: int) -> None:
    seconds: list[float] = []
    cpu: list[float] = []
    memory: list[float] = []
    for _ in range(repeats):
        began = time.monotonic()
        async with World.start_temporary(peers=peers, lab=False) as world:
            seconds.append(time.monotonic() - began)
            cpu.append(sum(used.cpu_seconds for used in world.usage().values()))
            await Market(world).rest()
            used = world.usage()
            memory = [used[node.name].memory_bytes / MIB for node in world.peers]
            total = sum(each.memory_bytes for each in used.values()) / MIB
            nodes = len(world.nodes)
    what = f"{nodes} processes ({peers} peers)"
    bench.note(f"{repeats} new markets of {what}; together the last holds {total:.0f} MiB.")
    bench.figure(f"until {what} are ready", seconds, "s", headline=True)
    bench.figure(f"CPU of {what} until then", cpu, "s", headline=True)
    bench.figure(f"memory of an idle peer of {peers} (PSS)", memory, "MiB", headline=True)
    bench.check(
        f"every one of {peers} peers was measured", len(memory) == peers and min(memory) > 1
    )
