"""Every row has its attack, every guard is needed by one, and each comes out as it is declared.

Here all of them are played on the simulator, with the same nodes and cheats; `jangteo attack --all`
plays them between processes, and a few of them are here, too.
"""

import asyncio
import importlib
import pkgutil
from functools import partial

import pytest

import nodes.protocols
from nodes.protocols.guard import declared_guards
from scenarios.lab.attack import Attack, attacks
from scenarios.lab.attacking import run_attack
from scenarios.simulation.simulation import Simulation, simulate
from scenarios.simulation.world import SimulatedWorld

for module in pkgutil.walk_packages(nodes.protocols.__path__, "nodes.protocols."):
    importlib.import_module(module.name)
GUARDS = {
    name: rule
    for name, rule in declared_guards().items()
    if rule.holds.__module__.startswith("nodes.")
}
ROWS = {"PC": 15, "DC": 20, "PID": 14, "BS": 19, "IT": 21}
"""How many rows each table of attacks has."""
OF_A_SYSTEM_THAT_IS_NOT_HERE = {"IT-A19"}
"""Attacks on trading without certificates."""
STOPS_PROCESSES = {"payee_cut_off"}
"""They hold processes still, which the simulator has none of."""
BETWEEN_PROCESSES = (
    "payee_cut_off",
    "two_double_voters",
    "wrong_key",
    "vouchers_read_on_the_way",
    "hundred_at_once",
    "money_diverted",
)
BY_NAME = {one.name: one for one in attacks()}


def test_every_row_has_an_attack() -> None:
    rows = {f"{system}-A{n}" for system, last in ROWS.items() for n in range(1, last + 1)}
    assert {one.row for one in attacks()} == rows - OF_A_SYSTEM_THAT_IS_NOT_HERE


@pytest.mark.parametrize("name", sorted(GUARDS))
def test_every_guard_is_switched_off_by_an_attack(name: str) -> None:
    assert [one.row for one in attacks() if name in one.guards] != []


@pytest.mark.parametrize("name", sorted(GUARDS))
def test_every_row_that_a_guard_mends_has_an_attack(name: str) -> None:
    assert set(GUARDS[name].mends) <= {one.row for one in attacks()}


@pytest.mark.parametrize("one", attacks(), ids=lambda one: one.name)
def test_an_attack_names_guards_that_there_are(one: Attack) -> None:
    assert set(one.guards) <= GUARDS.keys()
    assert one.codes or one.kind == "open"


@pytest.mark.parametrize("name", sorted(BY_NAME.keys() - STOPS_PROCESSES))
def test_it_comes_out_as_declared(name: str) -> None:
    async def play(simulation: Simulation) -> tuple[bool, str]:
        start = partial(SimulatedWorld.start, simulation)
        judged = await run_attack(BY_NAME[name], 1, start=start)
        return judged.grid.as_expected, judged.grid.trouble

    assert simulate(play, seed=1) == (True, "")


@pytest.mark.parametrize("name", BETWEEN_PROCESSES)
def test_it_does_so_between_processes(name: str) -> None:
    judged = asyncio.run(run_attack(BY_NAME[name], 1))
    assert (judged.grid.as_expected, judged.grid.trouble) == (True, "")
