"""Finding who is nearest after nodes have gone without a word, ever more of them."""

import statistics
import tempfile
from pathlib import Path
from typing import Annotated

from typer import Option

from crypto import codec
from dht.records import node_id
from scenarios.benchmarks.lookup import LONGEST_SECONDS, STOCK, exact_share, look, started
from scenarios.lab.benchmark import Bench, benchmark
from scenarios.lab.two_rings import Membership

SHARES = (0, 25, 50)
"""Percent of the nodes that are gone."""
AT_ONCE = 10
"""Lookups: most of one is waiting for who is silent."""


@benchmark(question="Is a lookup still exact, and what does it cost, when nodes go without a word?")
async def churn(
    bench: Bench,
    *,
    nodes: Annotated[int, Option(min=16, help="Nodes on UDP.")] = 64,
    k: Annotated[int, Option(min=4, max=20)] = 8,
    count: Annotated[int, Option(min=1, help="Lookups of each round.")] = 20,
    rounds: Annotated[int, Option(min=2, help="After each loss, one after the other.")] = 3,
) -> None:
    """Nodes that are drawn stop, and nobody is told; the same in the stock library's ring.

    Exact means: the k nearest of those who are still there, and nobody else. Others refer to whom
    they know, k each, and each has to find out for itself who is gone: the first round does that,
    the last has less to find out. Whose votes count is the roster's matter, not a lookup's.
    """
    members = Membership.of(nodes, k, k // 2 + 2)
    seeds, signed = [key.seed for key in members.keys], codec.encode(members.signed)
    ids = [node_id(key.public_key) for key in members.keys]
    exact: dict[str, list[tuple[float, float]]] = {"ours": [], "stock": []}
    with tempfile.TemporaryDirectory(prefix="jangteo-churn-") as folder:
        async with (
            started("our crowd", (seeds, k, signed, Path(folder))) as (ours, _),
            started("stock crowd", (ids, k)) as (stock, _),
        ):
            gone = 0
            for number, share in enumerate(SHARES):
                going = nodes * share // 100 - gone
                gone += going
                for crowd in (ours, stock):
                    await crowd.ask("lose", going, number, seconds=LONGEST_SECONDS)
                mine, theirs = [], []
                for turn in range(rounds):
                    seed = number * rounds + turn
                    mine.append(await look(ours, count, seed, AT_ONCE))
                    theirs.append(await look(stock, count, seed, AT_ONCE))
                what = f"{share} % of {nodes} nodes gone, k = {k}"
                for when, turn in (("first", 0), ("last", -1)):
                    bench.figure(
                        f"{what}: exact lookups, {when} round",
                        [exact_share(mine[turn][1])],
                        "%",
                        beside=exact_share(theirs[turn][1]),
                        beside_what=STOCK,
                    )
                    bench.figure(
                        f"{what}: CPU of a lookup, {when} round",
                        [mine[turn][0]],
                        "ms",
                        beside=theirs[turn][0],
                        beside_what=STOCK,
                        headline=when == "last",
                    )
                bench.figure(
                    f"{what}: named by a lookup though gone",
                    [found.gone / count for _, found in mine],
                    "nodes",
                    beside=statistics.mean(found.gone / count for _, found in theirs),
                    beside_what=STOCK,
                )
                named = sum(found.gone for _, found in mine)
                bench.check(f"{what}: nobody who is gone is named", named == 0, f"{named}")
                for name, looked in (("ours", mine), ("stock", theirs)):
                    mean = statistics.mean(exact_share(found) for _, found in looked)
                    exact[name].append((float(share), mean))
    bench.plot(
        "Exact lookups after nodes have gone without a word",
        "percent of the nodes that are gone",
        f"percent of {count * rounds} lookups",
        exact,
    )
