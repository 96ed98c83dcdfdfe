"""Killing a party on either side of a commit point loses nothing (PC-18, DC-23, IT-29)."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from nodes.protocols.anonymous_micropayment import messages as prepaid
from nodes.protocols.dht_micropayment import messages as coins
from nodes.protocols.electronic_cash import messages as cash
from nodes.protocols.escrow_commerce import messages as sales
from nodes.protocols.item_trading import messages as items
from nodes.protocols.message import declarations
from scenarios.lab.commands_crash import NoSuchCase, chosen_cases, exit_code_of
from scenarios.lab.crash import Outcome, crash_world, run_case
from scenarios.lab.crash_cases import Case, all_cases, before_and_after_the_commit
from scenarios.lab.dramas import dramas
from scenarios.lab.owners import Owners
from scenarios.lab.run import Check
from scenarios.lab.world import World

NOT_PLAYED = {
    ("escrow_commerce", "Q1"): "asked by whoever was killed, in many of the cases",
    ("dht_micropayment", "B1"): "a cancelled payment; tests of the roles have it",
    ("dht_micropayment", "F1"): "a report of fraud, which needs a cheat",
    ("electronic_cash", "K1"): "when a bank starts for the first time",
    ("electronic_cash", "K3"): "a look at the published keys",
    ("electronic_cash", "A1"): "a look at an account",
    ("electronic_cash", "W5"): "asked by whoever was killed, in many of the cases",
    ("electronic_cash", "P5"): "the same",
    ("electronic_cash", "Q1"): "asked by a wallet that was lost; tests of the roles have it",
    ("electronic_cash", "F6"): "a coin server that is lost for good; tests of the roles have it",
    ("anonymous_micropayment", "K1"): "when a broker starts for the first time",
    ("anonymous_micropayment", "1"): "naming, which moves no money",
    ("anonymous_micropayment", "V1"): "a look at the vouchers' keys",
    ("anonymous_micropayment", "V5"): "vouchers back into the account; tests of the roles have it",
    ("anonymous_micropayment", "S1"): "a vendor's name",
    ("anonymous_micropayment", "G1"): "a look at a catalogue",
    ("anonymous_micropayment", "Q1"): "asked by whoever is owed goods, in some of the cases",
    ("anonymous_micropayment", "Q2"): "asked by whoever doubts; tests of the roles have it",
    ("anonymous_micropayment", "R1"): "money back; tests of the roles have it",
    ("anonymous_micropayment", "E1"): "money given back; tests of the roles have it",
    ("anonymous_micropayment", "T0"): "a complaint, which moves no money",
    ("anonymous_micropayment", "T1"): "a trace, which moves no money",
    ("item_trading", "G1"): "a look at the game's key",
    ("item_trading", "L1"): "a look at the market's list",
    ("item_trading", "U1"): "an item off the list again; tests of the roles have it",
    ("item_trading", "C1"): "a complaint of a buyer whose seller cheats",
    ("item_trading", "C2"): "the same",
    ("item_trading", "C3"): "the same",
    ("item_trading", "V1"): "asked when a trade's time is over; tests of the roles have it",
    ("item_trading", "V2"): "the same",
    ("item_trading", "R1"): "a game that lost its world; tests of the roles have it",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world() -> AsyncIterator[World]:
    async with crash_world() as world:
        yield world


@pytest.mark.timeout(180)
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", before_and_after_the_commit(), ids=lambda case: case.name)
async def test_a_party_killed_beside_its_commit_point_loses_nothing(
    world: World, case: Case
) -> None:
    outcome = await run_case(world, dramas(world, Owners(world))[case.drama], case)
    assert outcome.died
    assert [check for check in outcome.checks if check.holds is not True] == []


def test_every_message_of_these_papers_is_killed_at_or_named() -> None:
    protocols = [module.__name__.split(".")[-2] for module in (sales, coins, cash, prepaid, items)]
    played = {(case.protocol, case.step) for case in all_cases()}
    declared = {
        (declared.protocol, declared.step)
        for protocol in protocols
        for declared in declarations(protocol)
        if declared.answers is None
    }
    assert declared - played == set(NOT_PLAYED)


def test_no_case_is_there_twice() -> None:
    assert len(all_cases()) == len(set(all_cases()))


def test_each_party_is_killed_before_and_after_the_commit() -> None:
    chosen: dict[tuple[str, str], list[Case]] = {}
    for case in before_and_after_the_commit():
        chosen.setdefault((case.drama, case.party), []).append(case)
    assert {len(cases) for cases in chosen.values()} == {2}
    assert len(chosen) == 6 + 8 + 6 + 9


def outcome(*holds: bool | None, died: bool = True) -> Outcome:
    case = all_cases()[0]
    checks = tuple(Check(f"check {n}", held) for n, held in enumerate(holds))
    return Outcome(case, died, "paid", checks, 1.0)


def test_a_fault_in_one_case_makes_the_sweep_violated() -> None:
    assert outcome(True, False).holds is False
    assert exit_code_of([outcome(True), outcome(True, False)]) == 1


def test_a_point_that_was_never_reached_leaves_the_case_unknown() -> None:
    assert outcome(True, died=False).holds is None
    assert exit_code_of([outcome(True), outcome(True, died=False)]) == 2


def test_nothing_swept_is_not_ok() -> None:
    assert exit_code_of([]) == 2
    assert exit_code_of([outcome(True)]) == 0


def test_a_misspelt_party_is_told_its_right_name() -> None:
    with pytest.raises(NoSuchCase, match="Did you mean buyer"):
        chosen_cases("", "bujer", "", False)
