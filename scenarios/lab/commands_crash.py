"""`jangteo crash`: kill each party at each step of a protocol, and see that nothing is lost."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scenarios.lab.choice import JsonOption
from scenarios.lab.console import Waiting, emit, in_words, run_until_told_to_end, say, show_table
from scenarios.lab.failures import LabFailure, did_you_mean

if TYPE_CHECKING:
    from scenarios.lab.crash import Outcome
    from scenarios.lab.crash_cases import Case

WORDS = {True: "ok", False: "VIOLATED", None: "unknown"}


class NoSuchCase(LabFailure):
    code = "lab/no-such-crash"


def add_to(app: typer.Typer) -> None:
    app.command()(crash)


def crash(
    protocol: Annotated[
        str, typer.Argument(help="escrow_commerce, electronic_cash ...; all where none is named.")
    ] = "",
    party: Annotated[str, typer.Option(help="Only this one: buyer, escrow_server, payee ...")] = "",
    step: Annotated[str, typer.Option(help="Only this step: 7, 8a, P3 ...")] = "",
    short: Annotated[
        bool, typer.Option("--short", help="Each party once before and once after the commit.")
    ] = False,
    list_: Annotated[bool, typer.Option("--list", help="The cases; nothing is started.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Kill -9 each party at each step, start it again, and see that everything comes to its end.

    Exit code 0: value was conserved, nobody lost anything, every transaction ended, in every case.
    1: in some case not. 2: in some case it could not be told.
    """
    cases = chosen_cases(protocol.replace("-", "_"), party.replace("-", "_"), step, short)
    if list_:
        _list(cases, as_json)
        return 0
    outcomes = run_until_told_to_end(_sweep(cases, as_json))
    if as_json:
        emit([_plain(outcome) for outcome in outcomes])
    else:
        _tell(outcomes, len(cases))
    return exit_code_of(outcomes)


def chosen_cases(protocol: str, party: str, step: str, short: bool) -> "list[Case]":
    """Raises NoSuchCase, with the nearest name."""
    from scenarios.lab.crash_cases import all_cases, before_and_after_the_commit

    known = before_and_after_the_commit() if short else all_cases()
    for what, wanted, names in (
        ("protocol", protocol, {case.protocol for case in known}),
        ("party", party, {case.party for case in known}),
        ("step", step, {case.step for case in known}),
    ):
        if wanted and wanted not in names:
            raise NoSuchCase(
                f"There is no {what} '{wanted}' to kill at.{did_you_mean(wanted, names)} "
                f"There are: {', '.join(sorted(names))}"
            )
    return [
        case
        for case in known
        if protocol in ("", case.protocol) and party in ("", case.party) and step in ("", case.step)
    ]


async def _sweep(cases: "Sequence[Case]", quiet: bool) -> "list[Outcome]":
    from scenarios.lab.crash import PEERS, crash_world, sweep

    waiting = Waiting(f"Starting a market of {PEERS} peers", quiet=quiet)

    def hear(outcome: "Outcome") -> None:
        if not quiet:
            say(_line(outcome))

    async with crash_world(waiting) as world:
        waiting.end(f"ready; {in_words(len(cases), 'case')}")
        return await sweep(world, cases, hear)


def _line(outcome: "Outcome") -> str:
    case = outcome.case
    told = f"  {outcome.trouble}" if outcome.trouble else ""
    return (
        f"{WORDS[outcome.holds]:<9} {case.drama:<16} {case.party:<15} {case.step:>4} "
        f"{case.point:<9} {outcome.seconds:5.1f} s  {outcome.ended}{told}"
    )


def _tell(outcomes: "Sequence[Outcome]", wanted: int) -> None:
    counted = dict.fromkeys(WORDS.values(), 0)
    for outcome in outcomes:
        counted[WORDS[outcome.holds]] += 1
    parts = [f"{number} {word}" for word, number in counted.items() if number]
    left = wanted - len(outcomes)
    say(f"\n{len(outcomes)} killed: {', '.join(parts)}" + (f", {left} not tried" if left else ""))


def exit_code_of(outcomes: "Sequence[Outcome]") -> int:
    holds = [outcome.holds for outcome in outcomes]
    if False in holds:
        return 1
    return 2 if not holds or None in holds else 0


def _list(cases: "Sequence[Case]", as_json: bool) -> None:
    if as_json:
        emit([{"protocol": c.protocol, "transaction": c.drama, "party": c.party,
               "step": c.step, "point": c.point} for c in cases])  # fmt: skip
        return
    rows = [[c.protocol, c.drama, c.party, c.step, c.point] for c in cases]
    show_table(["protocol", "transaction", "party", "step", "point"], rows)


def _plain(outcome: "Outcome") -> dict[str, Any]:
    case = outcome.case
    return {
        "protocol": case.protocol,
        "transaction": case.drama,
        "party": case.party,
        "step": case.step,
        "point": case.point,
        "verdict": {True: "ok", False: "violated", None: "unknown"}[outcome.holds],
        "ended": outcome.ended,
        "trouble": outcome.trouble,
        "seconds": round(outcome.seconds, 3),
    }
