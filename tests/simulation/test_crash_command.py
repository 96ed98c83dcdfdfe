"""`jangteo crash`: which cases are chosen, what is shown, how one is played again."""

import json
import shlex

import pytest

from scenarios.lab.cli import app
from scenarios.lab.commands_crash import chosen_cases
from scenarios.lab.crash import Outcome
from scenarios.lab.crash_cases import Case, all_cases
from scenarios.lab.crash_table import play_again, verdict
from scenarios.lab.run import Check
from scenarios.simulation.crash_faults import fault_cases

EVERY = [*all_cases(), *fault_cases()]


def outcome(point: str, *holds: bool | None) -> Outcome:
    case = Case("electronic_cash", "cash payment", "user", "P1", point)
    checks = tuple(Check("value is conserved", held, "5 are missing") for held in holds)
    return Outcome(case, True, "settled", checks, 1.0)


def test_in_simulation_the_network_strikes_too() -> None:
    assert chosen_cases("", "", "", False, simulated=True) == EVERY
    assert chosen_cases("", "", "", False) == all_cases()


@pytest.mark.parametrize("case", EVERY[::41], ids=lambda case: case.name)
def test_the_command_that_plays_a_case_again_chooses_that_one(
    case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    words = shlex.split(play_again(case, 7))
    assert words[:2] == ["jangteo", "crash"]
    assert words[-2:] == ["--seed", "7"]
    assert app([*words[1:], "--list", "--json"], standalone_mode=False) == 0
    (listed,) = json.loads(capsys.readouterr().out)
    wanted = [case.protocol, case.drama, case.party, case.step, case.point]
    assert list(listed.values()) == wanted


def test_a_row_says_safe_or_what_was_lost() -> None:
    assert verdict([outcome("saved", True), outcome("sent", True)]) == "safe"
    lost = verdict([outcome("saved", True), outcome("sent", False)])
    assert lost == "LOST at sent: value is conserved: 5 are missing"
    assert verdict([outcome("saved", None)]).startswith("unknown at saved")
