"""What a crash sweep has shown, step by step and party by party."""

import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING

from scenarios.lab.console import show_table

if TYPE_CHECKING:
    from scenarios.lab.crash import Outcome
    from scenarios.lab.crash_cases import Case


def show_result(outcomes: "Iterable[Outcome]") -> None:
    """A row for each step of each transaction and party: safe, or what was lost."""
    found: dict[tuple[str, str, str], list[Outcome]] = {}
    for outcome in outcomes:
        case = outcome.case
        found.setdefault((case.drama, case.step, case.party), []).append(outcome)
    rows = [[*key, str(len(tried)), _points(tried), verdict(tried)] for key, tried in found.items()]
    show_table(["transaction", "step", "party", ">cases", "struck", "result"], sorted(rows))


def _points(tried: "list[Outcome]") -> str:
    return ", ".join(dict.fromkeys(outcome.case.point for outcome in tried))


def verdict(tried: "list[Outcome]") -> str:
    """`safe`, or the worst that came of any of them."""
    broken = [outcome for outcome in tried if outcome.holds is False]
    if broken:
        return f"LOST at {broken[0].case.point}: {broken[0].trouble}"
    untold = [outcome for outcome in tried if outcome.holds is None]
    return f"unknown at {untold[0].case.point}: {untold[0].trouble}" if untold else "safe"


def play_again(case: "Case", seed: int, down: float = 0.0) -> str:
    """The command that plays one case again."""
    words = ["jangteo", "crash", case.protocol, "--transaction", case.drama, "--party", case.party]
    words += ["--step", case.step, "--point", case.point]
    words += ["--seed", str(seed)] if seed else ["--real"]
    return shlex.join([*words, *(["--down", f"{down:g}"] if down else [])])
