"""Finding who is nearest to a place on the ring: cost, exactness, and how far one has to ask on."""

import statistics
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from typer import Option

from crypto import codec
from dht.records import node_id
from scenarios.lab.benchmark import Bench, benchmark
from scenarios.lab.crowds import INTRODUCED_TO, Looked
from scenarios.lab.two_rings import Membership, Process

STOCK = "stock find, same nodes"
LONGEST_SECONDS = 170.0
SIZES = ((16, 8), (64, 8), (64, 20), (256, 8), (256, 20))
"""Nodes, k."""


@benchmark(question="What does a lookup cost, is it exact, and how deep does it go?")
async def lookup(
    bench: Bench,
    *,
    most: Annotated[int, Option(min=16, help="Nodes on UDP, at most.")] = 256,
    count: Annotated[int, Option(min=1, help="Lookups of each round.")] = 60,
    rounds: Annotated[int, Option(min=1, help="Of ours and theirs, in turn.")] = 3,
) -> None:
    """Looks up places that are drawn, from nodes that are drawn, one lookup at a time.

    Each ring is one process with a UDP socket for every node, so CPU is that of all nodes, and none
    of it is changing processes. Both rings have the same identifiers, the same k, alpha = 3, and
    buckets that split by 5 bits; who joins is told of 8 that were there before.
    """
    with tempfile.TemporaryDirectory(prefix="jangteo-lookup-") as folder:
        for size, k in SIZES:
            if size <= most:
                await _side_by_side(bench, Path(folder), (size, k), count, rounds)
    bench.note(f"Who joined was told of {INTRODUCED_TO}.")


async def _side_by_side(
    bench: Bench, folder: Path, ring: tuple[int, int], count: int, rounds: int
) -> None:
    size, k = ring
    place = folder / f"{size}-{k}"
    place.mkdir()
    members = Membership.of(size, k, k // 2 + 2)
    seeds, signed = [key.seed for key in members.keys], codec.encode(members.signed)
    ids = [node_id(key.public_key) for key in members.keys]
    async with (
        started("our crowd", (seeds, k, signed, place)) as (ours, _),
        started("stock crowd", (ids, k)) as (stock, _),
    ):
        mine, theirs = [], []
        for number in range(rounds + 1):  # the first warms both up
            mine.append(await look(ours, count, number))
            theirs.append(await look(stock, count, number))
        known = [await crowd.ask("known") for crowd in (ours, stock)]
    _tell(bench, f"{size} nodes, k = {k}", mine[1:], theirs[1:])
    bench.note(
        f"{size} nodes, k = {k}: a node knows {known[0]:.0f} others, stock {known[1]:.0f}; "
        f"{_mean(mine, 'asked'):.1f} requests a lookup, {_mean(mine, 'datagrams'):.0f} datagrams "
        f"with the proofs of who is new, depth at most {_deepest(mine)}."
    )


@asynccontextmanager
async def started(kind: str, arguments: tuple[Any, ...]) -> AsyncIterator[tuple[Process, Any]]:
    """The process, and what it said when it had started."""
    process = Process(kind, arguments)
    try:
        yield process, await process.ask("start", seconds=LONGEST_SECONDS)
    finally:
        process.end()


async def look(crowd: Process, count: int, seed: int, at_once: int = 1) -> tuple[float, Looked]:
    """Milliseconds of processor time of a lookup, and what came of them."""
    before = crowd.cpu
    found = codec.decode(
        await crowd.ask("look", count, seed, at_once, seconds=LONGEST_SECONDS), Looked
    )
    return 1000 * (crowd.cpu - before) / count, found


def _tell(
    bench: Bench,
    what: str,
    mine: Sequence[tuple[float, Looked]],
    theirs: Sequence[tuple[float, Looked]],
) -> None:
    bench.figure(
        f"{what}: CPU of a lookup",
        [cpu for cpu, _ in mine],
        "ms",
        beside=statistics.median(cpu for cpu, _ in theirs),
        beside_what=STOCK,
        headline=True,
    )
    bench.figure(
        f"{what}: lookups that find exactly the k nearest",
        [exact_share(found) for _, found in mine],
        "%",
        beside=statistics.median(exact_share(found) for _, found in theirs),
        beside_what=STOCK,
        headline=True,
    )
    bench.figure(f"{what}: depth", [found.depth for _, found in mine], "referrals")
    bench.check(
        f"{what}: every lookup of ours is exact", all(exact_share(f) == 100 for _, f in mine)
    )


def exact_share(found: Looked) -> float:
    return 100 * found.exact / found.times


def _mean(looked: Sequence[tuple[float, Looked]], name: str) -> float:
    return statistics.mean(float(getattr(found, name)) for _, found in looked)


def _deepest(looked: Sequence[tuple[float, Looked]]) -> int:
    return max(found.deepest for _, found in looked)
