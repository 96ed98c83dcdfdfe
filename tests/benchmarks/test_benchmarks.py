"""Every benchmark, once and small: it runs, its numbers fit together, nothing was lost."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from scenarios.lab import benchmark
from scenarios.lab.benchmark import Figure, Measured

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(180)]

SMALL: Mapping[str, Mapping[str, Any]] = {
    "anonymous_micropayment": {"count": 2, "customers": 2, "repeats": 1},
    "blind_signature": {"repeats": 1},
    "cash_growth": {"wallet": 20, "payments": 10, "count": 2, "repeats": 1},
    "churn": {"nodes": 16, "k": 4, "count": 2, "rounds": 2},
    "coin_growth": {"steps": 10, "wallet": 10, "payments": 10, "count": 2, "repeats": 1},
    "coin_payment": {"count": 2, "repeats": 1, "coins": 2, "peers": 5},
    "content": {"size": 2},
    "dht": {"nodes": 6, "count": 2, "rounds": 1},
    "electronic_cash": {"clients": 2, "peers": 5, "rounds": 1},
    "exchanges": {"clients": 2, "orders": 8, "rounds": 1, "peers": 5},
    "idle_connections": {"count": 50},
    "load": {"count": 2, "peers": 5},
    "lookup": {"most": 16, "count": 5, "rounds": 1},
    "lookup_in_memory": {"most": 64, "count": 5, "rounds": 1},
    "lying_replicas": {"races": 4, "large": 0, "processes": 2},
    "overload": {"orders": 60, "hands": 4, "peers": 5},
    "peers_growth": {"most": 16, "count": 2, "repeats": 1},
    "purchase": {"count": 2, "buyers": 2, "repeats": 1, "price": 1, "peers": 5},
    "register_growth": {"most": 1000, "count": 10, "repeats": 1},
    "start_up": {"repeats": 1, "peers": 5, "large": 0},
}


class Once:
    """Measures each benchmark when it is first asked for."""

    def __init__(self, runs: Path) -> None:
        self.runs = runs
        self._done: dict[str, tuple[Measured, Path]] = {}

    async def measure(self, name: str) -> tuple[Measured, Path]:
        if name not in self._done:
            found = benchmark.find(name)
            defaults = {parameter.name: parameter.default for parameter in found.options()}
            self._done[name] = await found.run({**defaults, **SMALL[name]}, self.runs)
        return self._done[name]


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    return Once(tmp_path_factory.mktemp("runs"))


def figure(measured: Measured, start: str) -> Figure:
    found = [one for one in measured.figures if one.what.startswith(start)]
    assert len(found) == 1, [one.what for one in measured.figures]
    return found[0]


async def test_every_benchmark_is_tried_here() -> None:
    assert set(SMALL) == set(benchmark.names())


@pytest.mark.parametrize("name", benchmark.names())
async def test_it_runs_and_leaves_what_it_measured(name: str, once: Once) -> None:
    measured, path = await once.measure(name)

    assert [check for check in measured.checks if check.holds is not True] == []
    assert measured.checks, "what is quick and wrong has failed"
    for one in measured.figures:
        assert one.values, one.what
        assert all(math.isfinite(value) and value >= 0 for value in one.values), one.what
        assert one.beside is None or one.beside >= 0, one.what
    told = [one for one in measured.figures if one.headline]
    assert told, "something of it stands in the README"
    assert all(one.median > 0 for one in told)
    kept = json.loads(path.read_text())
    assert path.parent == once.runs / "bench" / name
    assert [one["median"] for one in kept["figures"]] == [one.median for one in measured.figures]
    assert (kept["cores"], kept["command"]) == (measured.cores, measured.command)


async def test_a_curve_is_drawn_beside_what_was_measured(once: Once) -> None:
    measured, path = await once.measure("lookup_in_memory")

    drawn = [ElementTree.parse(file) for file in path.parent.glob(f"{path.stem}-plot-*.svg")]
    assert len(drawn) == len(measured.plots) == 1
    texts = [text.text for text in drawn[0].iter("{http://www.w3.org/2000/svg}text")]
    assert {measured.plots[0].x, measured.plots[0].curves[0].name} <= set(texts)


async def test_the_roles_shares_of_a_purchase_are_all_of_it(once: Once) -> None:
    measured, _ = await once.measure("purchase")

    roles = sum(one.median for one in measured.figures if one.what.startswith("  of which"))
    whole = figure(measured, "a purchase, one at a time: CPU").median
    assert roles == pytest.approx(whole)
    assert figure(measured, "messages of a purchase").median == 9


async def test_the_floor_of_a_payment_grows_with_its_coins(once: Once) -> None:
    measured, _ = await once.measure("coin_payment")

    one = figure(measured, "a payment of 1 coin: CPU").beside
    two = figure(measured, "a payment of 2 coins: CPU").beside
    assert one is not None
    assert two is not None
    assert one < two < 2 * one
    assert figure(measured, "a payment of 1 coin: messages").median == 2
    # P0, P2, P3 and handing the certificate on: four questions to four others or five.
    assert 2 * 4 * 4 <= figure(measured, "a payment of 1 coin: datagrams").median <= 2 * 4 * 5 + 8
