"""Lookups on rings of up to ten thousand nodes, beside the stock library on the same transport."""

import math
import statistics
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from typer import Option

from crypto import codec
from nodes.protocols.membership.roster import replicas_and_quorum
from scenarios.benchmarks.lookup import LONGEST_SECONDS, exact_share, started
from scenarios.lab.benchmark import Bench, benchmark
from scenarios.lab.crowds import INTRODUCED_TO, Looked
from scenarios.lab.crowds_in_memory import AGAIN, MEMBER, NEWCOMER, STRANGER
from scenarios.lab.two_rings import Membership, Process

STOCK = "stock find, same nodes"
LARGE_FROM = 64
"""Members, from which on a register has all the replicas it may have."""
TOLD_FROM = 1000
SIZES = (64, 256, 1000, 4000, 10_000)
MOST_BYTES = 2 << 30
HOW = (MEMBER, STRANGER, NEWCOMER, AGAIN)
Rounds = dict[str, list[Looked]]
"""By who asks."""


@benchmark(question="How many lookups does a second of CPU make, with up to 10,000 nodes?")
async def lookup_in_memory(
    bench: Bench,
    *,
    most: Annotated[int, Option(min=64, help="Nodes, at most.")] = 10_000,
    count: Annotated[int, Option(min=1, help="Lookups of each kind and round.")] = 60,
    rounds: Annotated[int, Option(min=1, help="Of ours and theirs, in turn.")] = 3,
) -> None:
    """Looks up places that are drawn, one at a time, in a process of ours and one of the library.

    In each process all nodes, on a transport in memory. Same places, same k, alpha = 3, the same
    contacts in the buckets (of each subtree k, drawn), same askers, same targets. The processor
    time of a lookup ends when all it led to has been answered.
    """
    curve: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory(prefix="jangteo-lookup-") as folder:
        for size in [size for size in SIZES if size <= most]:
            ours, stock = await _side_by_side(Path(folder), size, count, rounds)
            _tell(bench, size, ours, stock, is_told=size >= TOLD_FROM or size == most)
            curve.append((size, statistics.mean(found.depth for found in ours.rounds[MEMBER])))
    first, last = curve[0], curve[-1]
    if last[0] > first[0]:
        bench.figure(
            f"{first[0]:,.0f} to {last[0]:,.0f} nodes in memory: depth added by each doubling",
            [(last[1] - first[1]) / math.log2(last[0] / first[0])],
            "referrals",
            beside=1.0,
            beside_what="one bit a referral",
            headline=True,
        )
    bench.plot(
        "Depth of a lookup by the number of nodes, in memory",
        "nodes",
        "referrals from the asker to the nearest",
        {f"mean of {count * rounds} lookups by members, b = 1": curve},
        log_x=True,
    )
    bench.note(
        "Who is met and finds room in a bucket shows its key to ours, by a signature, and the "
        "library believes: a member and a stranger have full buckets, a newcomer was told of "
        f"{INTRODUCED_TO}. Nobody asks the oldest of a full bucket whether it is still there "
        "(in the library each would ask the next, without end), but after a silence, in ours."
    )


@dataclass
class _Crowd:
    """What was measured of one."""

    bytes_each: float
    bytes_all: float = 0.0
    known: float = 0.0
    rounds: Rounds = field(default_factory=lambda: defaultdict(list))
    silence: list[Looked] = field(default_factory=list)
    """Of one lookup in each, after nobody has heard of anybody for long."""

    def each(self, how: str, name: str) -> float:
        return statistics.mean(float(getattr(found, name)) for found in self.rounds[how])


async def _side_by_side(folder: Path, size: int, count: int, rounds: int) -> tuple[_Crowd, _Crowd]:
    k, q = replicas_and_quorum(LARGE_FROM)
    members = Membership.of(size, k, q)
    seeds, signed = [key.seed for key in members.keys], codec.encode(members.signed)
    async with (
        started("our memory crowd", (seeds, k, signed, folder)) as (ours, our_bytes),
        started("stock memory crowd", (seeds, k)) as (stock, stock_bytes),
    ):
        crowds = [(ours, _Crowd(our_bytes)), (stock, _Crowd(stock_bytes))]
        for number in range(rounds + 1):  # the first warms both up
            for process, told in crowds:
                found = await _look(process, count, number)
                for how in HOW if number else ():
                    told.rounds[how].append(found[how])
        for process, told in crowds:
            told.bytes_all = await process.ask("memory")
            told.known = await process.ask("known")
        for number in range(rounds):
            answer = await ours.ask("look_after_silence", number, seconds=LONGEST_SECONDS)
            crowds[0][1].silence.append(codec.decode(answer, Looked))
    return crowds[0][1], crowds[1][1]


async def _look(crowd: Process, count: int, seed: int) -> dict[str, Looked]:
    found = await crowd.ask("look", count, seed, seconds=LONGEST_SECONDS)
    return {how: codec.decode(found[how], Looked) for how in HOW}


def _tell(bench: Bench, size: int, ours: _Crowd, stock: _Crowd, *, is_told: bool) -> None:
    what = f"{size:,} nodes in memory"
    for how in HOW:
        mine, theirs = ours.rounds[how], stock.rounds[how]
        bench.figure(
            f"{what}, {how}: lookups a second of CPU",
            [1000 / found.cpu for found in mine],
            "",
            beside=statistics.median(1000 / found.cpu for found in theirs),
            beside_what=STOCK,
            headline=is_told,
        )
        bench.figure(
            f"{what}, {how}: lookups that find exactly the k nearest",
            [exact_share(found) for found in mine],
            "%",
            beside=statistics.median(exact_share(found) for found in theirs),
            beside_what=STOCK,
            headline=is_told and how == MEMBER,
        )
        bench.figure(
            f"{what}, {how}: datagrams of a lookup",
            [found.datagrams for found in mine],
            "",
            beside=statistics.median(found.datagrams for found in theirs),
            beside_what=STOCK,
        )
        wrong = [found for found in mine if found.exact != found.times]
        bench.check(f"{what}, {how}: every lookup of ours is exact", not wrong)
    _tell_depth(bench, what, size, ours)
    _tell_memory(bench, what, ours, stock, is_told)
    bench.note(
        f"{what}: a node knows {ours.known:.0f} others, stock {stock.known:.0f}; a member's lookup "
        f"makes {ours.each(MEMBER, 'asked'):.1f} requests, stock {stock.each(MEMBER, 'asked'):.1f}."
        f" {_proofs(ours)}"
    )


def _proofs(ours: _Crowd) -> str:
    """What of a newcomer's lookup is more than its requests, as they cost who knows everybody."""
    asked = ours.each(NEWCOMER, "asked")
    bare = asked * ours.each(AGAIN, "cpu") / ours.each(AGAIN, "asked")
    count = ours.each(NEWCOMER, "datagrams") / 2 - asked
    share = 1 - bare / ours.each(NEWCOMER, "cpu")
    return f"{count:.1f} members show a newcomer of ours their key: {100 * share:.0f} % of its CPU."


def _tell_depth(bench: Bench, what: str, size: int, ours: _Crowd) -> None:
    bench.figure(
        f"{what}: depth",
        [found.depth for found in ours.rounds[MEMBER]],
        "referrals",
        beside=math.log2(size / replicas_and_quorum(LARGE_FROM)[0]),
        beside_what="log2(N / k)",
        headline=size >= TOLD_FROM,
    )
    bench.figure(
        f"{what}, after a silence: datagrams of a lookup",
        [found.datagrams for found in ours.silence],
        "",
        beside=ours.each(MEMBER, "datagrams"),
        beside_what="when all have been heard of late",
    )
    deepest = max(found.deepest for how in HOW for found in ours.rounds[how])
    bench.check(f"{what}: none is deeper than log2 N", deepest <= math.log2(size), f"{deepest}")


def _tell_memory(bench: Bench, what: str, ours: _Crowd, stock: _Crowd, is_told: bool) -> None:
    bench.figure(
        f"{what}: memory of a node",
        [ours.bytes_each / 1024],
        "KiB",
        beside=stock.bytes_each / 1024,
        beside_what="stock",
    )
    bench.figure(
        f"{what}: memory of the whole process",
        [ours.bytes_all / 2**20],
        "MiB",
        beside=stock.bytes_all / 2**20,
        beside_what="stock",
        headline=is_told,
    )
    bench.check(f"{what}: they fit into 2 GiB", ours.bytes_all <= MOST_BYTES)
