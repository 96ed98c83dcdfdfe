"""Replicas that lie: by which rule a payee may accept, and how many liars each rule bears."""

import logging
import random
import tempfile
from collections import Counter
from pathlib import Path
from typing import Annotated

from typer import Option

from dht.records import quorum, tolerated
from scenarios.lab.benchmark import Bench, benchmark
from scenarios.lab.double_spends import RULES, Arena, in_memory, in_processes
from scenarios.lab.lying import Lie

LIES: frozenset[Lie] = frozenset({"votes"})
BY_Q, BY_ALL = "q votes", "q votes and no conflict shown"


@benchmark(question="How many double spends are accepted, by rule and by number of lying replicas?")
async def lying_replicas(
    bench: Bench,
    *,
    races: Annotated[int, Option(min=1, help="For each number of liars, in memory, k = 8.")] = 40,
    large: Annotated[int, Option(min=0, help="The same for k = 20; 0 for none.")] = 8,
    processes: Annotated[int, Option(min=0, help="The same for k = 8, each a process.")] = 10,
    seed: Annotated[int, Option(help="Of the delays and of who lies.")] = 1,
) -> None:
    """One coin is paid to two payees at once, again and again, with f of its k replicas lying.

    A liar votes for every record, shows no conflict and keeps nothing. Each payee sees what its
    own put brought; the same races are judged by four rules. In theory q votes bear 2q - k - 1
    liars; with the shown conflicts a single honest replica is enough, as long as it answers.
    """
    logging.getLogger("dht.member").setLevel(logging.CRITICAL)  # liars beyond measure are meant
    with tempfile.TemporaryDirectory(prefix="jangteo-liars-") as folder:
        for k, count in ((8, races), (20, large)):
            if count:
                async with in_memory(k, _q(k), Path(folder), seed) as arena:
                    await _table(bench, arena, count, random.Random(seed), "in memory")
        if processes:
            async with in_processes(8, _q(8), Path(folder)) as arena:
                await _table(bench, arena, processes, random.Random(seed), "between processes")


def _q(k: int) -> int:
    """6 of 8, 15 of 20: as many liars as may be, so that a quarter may be silent."""
    return quorum(k, liars=(k - 1) // 2, drift=0)


async def _table(bench: Bench, arena: Arena, races: int, drawn: random.Random, where: str) -> None:
    k, q = arena.k, arena.q
    twice: list[Counter[str]] = [
        await arena.accepted_twice(liars, races, drawn, LIES) for liars in range(k + 1)
    ]
    what = f"k = {k}, q = {q}, {where}"
    for rule in RULES:
        row = [count[rule] for count in twice]
        bench.note(f"{what}, {rule}: " + ", ".join(f"{f}: {n}" for f, n in enumerate(row)))
        bench.figure(
            f"{what}: both payees accept by {rule}",
            [100 * count / races for count in row],
            "%",
        )
    bench.note(f"{what}: {races} races for each number of liars, from 0 to {k}.")
    bears = tolerated(k, q)
    bench.figure(
        f"{what}: so many may lie and no coin is accepted twice, by {BY_ALL}",
        [_borne(twice, BY_ALL)],
        "",
        beside=_borne(twice, "a majority"),
        beside_what="a majority",
        headline=True,
    )
    bench.check(
        f"{what}: q votes bear {bears} liars",
        not any(count[BY_Q] for count in twice[: bears + 1]),
    )
    bench.check(
        f"{what}: with no conflict shown all but one may lie",
        not any(count[BY_ALL] for count in twice[:k]),
    )
    bench.check(f"{what}: any one vote bears none", twice[1]["any one vote"] == races)
    bench.check(f"{what}: where all lie no rule helps", twice[k][BY_ALL] > 0)


def _borne(twice: list[Counter[str]], rule: str) -> int:
    """Up to how many liars no race was lost."""
    lost = [liars for liars, count in enumerate(twice) if count[rule]]
    return min(lost, default=len(twice)) - 1
