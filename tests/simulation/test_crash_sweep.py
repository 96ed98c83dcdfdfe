"""The crash sweep in simulation: cases of every protocol, and a planted fault that it finds."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from scenarios.lab.crash_cases import Case
from scenarios.lab.dramas import PROGRAMS
from scenarios.simulation.crash_faults import STREAMS, fault_cases, path_of_case
from scenarios.simulation.crash_sweep import Played, Stage, sweep
from scenarios.simulation.faults import MESSAGE_FAULTS, STREAM_FAULTS

KILLS = [
    Case("escrow_commerce", "purchase", "escrow_server", "7", "saved"),
    Case("dht_micropayment", "payment", "payee", "P3", "sent"),
    Case("electronic_cash", "cash across", "home", "F1", "saved"),
    Case("anonymous_micropayment", "prepaid purchase", "broker", "6", "received"),
    Case("item_trading", "item sale", "market", "1.6", "saved"),
]
"""One of each protocol."""
MISHAPS = [
    Case("escrow_commerce", "purchase", "seller", "6a", "lost answer", "escrow_server"),
    Case("dht_micropayment", "payment", "payer", "P1", "late", "payee"),
    Case("electronic_cash", "cash across", "coin_server", "F1", "doubled", "home"),
    Case("anonymous_micropayment", "prepaid purchase", "vendor", "6", "lost request", "broker"),
    Case("item_trading", "item sale", "buyer", "7", "overtaken", "game_server"),
    Case("escrow_commerce", "purchase", "buyer", "6b", "broken off", "seller"),
]
WITHDRAWAL = Case("dht_micropayment", "withdrawal", "broker", "W1", "sent")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(tmp_path_factory.mktemp("stage"))


@pytest.mark.parametrize("case", [*KILLS, *MISHAPS], ids=lambda case: case.name)
def test_nothing_is_lost(stage: Stage, case: Case) -> None:
    outcome = stage.play(case, seed=11)
    assert outcome.died, "it was struck"
    assert [check for check in outcome.checks if check.holds is not True] == []


@pytest.fixture
def hasty(tmp_path: Path) -> Stage:
    return Stage(tmp_path, PROGRAMS | {"broker": "tests.simulation.hasty_broker"})


def test_a_broker_that_answers_before_it_saves_is_found_out(stage: Stage, hasty: Stage) -> None:
    assert stage.play(WITHDRAWAL, seed=1).holds is True
    found = hasty.play(WITHDRAWAL, seed=1)
    assert found.died
    assert found.holds is False


def test_a_case_played_again_is_the_same_case(stage: Stage) -> None:
    case = KILLS[1]
    played = stage.play(case, seed=4)
    assert played == stage.play(case, seed=4)
    assert played.seconds != stage.play(case, seed=5).seconds


async def all_of(played: AsyncIterator[Played]) -> list[Played]:
    return [one async for one in played]


def test_a_pool_plays_every_case_with_every_seed() -> None:
    cases = [WITHDRAWAL, Case("dht_micropayment", "withdrawal", "owner", "W1", "doubled", "broker")]
    played = asyncio.run(all_of(sweep(cases, seeds=(1, 2), jobs=1)))
    assert {(one.seed, one.outcome.case) for one in played} == {
        (seed, case) for seed in (1, 2) for case in cases
    }
    assert {one.outcome.holds for one in played} == {True}


def test_every_arrow_has_every_fault_and_a_path() -> None:
    cases = fault_cases()
    assert len(cases) == len(set(cases))
    assert {case.point for case in cases} == {*MESSAGE_FAULTS, *STREAM_FAULTS}
    arrows = {(case.drama, case.step, case.party) for case in cases}
    messages, streams = len(arrows) - len(STREAMS), len(STREAMS)
    assert len(cases) == messages * len(MESSAGE_FAULTS) + streams * len(STREAM_FAULTS)
    assert {path_of_case(case)[0] for case in cases} == {"/"}
