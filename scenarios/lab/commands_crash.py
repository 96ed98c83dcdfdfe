"""`jangteo crash`: kill each party at each step of a protocol, and see that nothing is lost."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scenarios.lab.choice import JsonOption
from scenarios.lab.console import Waiting, emit, in_words, run_until_told_to_end, say, show_table
from scenarios.lab.crash_table import play_again, show_result
from scenarios.lab.failures import LabFailure, did_you_mean

if TYPE_CHECKING:
    from scenarios.lab.crash import Outcome
    from scenarios.lab.crash_cases import Case

WORDS = {True: "ok", False: "VIOLATED", None: "unknown"}
Seeded = tuple[int, "Outcome"]
"""The seed, and what came of the case with it; no seed (0) for real processes."""


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
    point: Annotated[
        str, typer.Option(help="Only this: received, saved, sent, lost answer, doubled, late ...")
    ] = "",
    transaction: Annotated[
        str, typer.Option(help="Only this: purchase, cash payment, item sale ...")
    ] = "",
    short: Annotated[
        bool, typer.Option("--short", help="Each party once before and once after the commit.")
    ] = False,
    every: Annotated[
        bool, typer.Option("--all", help="Every case of every protocol, as where nothing is named.")
    ] = False,
    real: Annotated[
        bool, typer.Option("--real", help="Kill -9 of real processes, and nothing of the network.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the simulation.", min=1)] = 1,
    seeds: Annotated[
        int, typer.Option(help="Each case with so many seeds, from --seed on.", min=1)
    ] = 1,
    down: Annotated[
        float, typer.Option(help="Virtual seconds that whoever was killed stays down.", min=0)
    ] = 0.0,
    jobs: Annotated[
        int, typer.Option(help="Processes to simulate in; 0: as many as processors.", min=0)
    ] = 0,
    list_: Annotated[bool, typer.Option("--list", help="The cases; nothing is started.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Kill each party at each step, and lose, double and delay each message, in simulation.

    Then everything must come to its end. The nodes are the real ones, on a virtual clock; with
    --real they are processes, and killed by kill -9.

    Exit code 0: value was conserved, nobody lost anything, every transaction ended, in every case.
    1: in some case not. 2: in some case it could not be told.
    """
    cases = chosen_cases(
        protocol.replace("-", "_"),
        party.replace("-", "_"),
        step,
        short,
        point=point,
        transaction=transaction,
        simulated=not real,
    )
    if list_:
        _list(cases, as_json)
        return 0
    if real:
        done = [(0, outcome) for outcome in run_until_told_to_end(_sweep(cases, as_json))]
    else:
        chosen = range(seed, seed + seeds)
        processes = jobs or os.cpu_count() or 1
        done = run_until_told_to_end(_simulate(cases, chosen, processes, down, as_json))
    if as_json:
        emit([_plain(*one) for one in done])
    else:
        _tell(done, len(cases) * (1 if real else seeds), down)
    return exit_code_of([outcome for _, outcome in done])


def chosen_cases(
    protocol: str,
    party: str,
    step: str,
    short: bool,
    *,
    point: str = "",
    transaction: str = "",
    simulated: bool = False,
) -> "list[Case]":
    """`simulated`: also what the network does. Raises NoSuchCase, with the nearest name."""
    from scenarios.lab.crash_cases import all_cases, before_and_after_the_commit
    from scenarios.simulation.crash_faults import fault_cases

    known = before_and_after_the_commit() if short else all_cases()
    if simulated and not short:
        known += fault_cases()
    for what, wanted, names in (
        ("protocol", protocol, {case.protocol for case in known}),
        ("party", party, {case.party for case in known}),
        ("step", step, {case.step for case in known}),
        ("point", point, {case.point for case in known}),
        ("transaction", transaction, {case.drama for case in known}),
    ):
        if wanted and wanted not in names:
            raise NoSuchCase(
                f"There is no {what} '{wanted}' to kill at.{did_you_mean(wanted, names)} "
                f"There are: {', '.join(sorted(names))}"
            )
    return [
        case
        for case in known
        if protocol in ("", case.protocol)
        and party in ("", case.party)
        and step in ("", case.step)
        and point in ("", case.point)
        and transaction in ("", case.drama)
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


async def _simulate(
    cases: "Sequence[Case]", seeds: Sequence[int], jobs: int, down: float, quiet: bool
) -> "list[Seeded]":
    from scenarios.simulation.crash_sweep import sweep

    total = len(cases) * len(seeds)
    waiting = Waiting(f"Simulating {in_words(total, 'case')}", quiet=quiet)
    done: list[Seeded] = []
    async for played in sweep(cases, seeds, jobs, down_seconds=down):
        done.append((played.seed, played.outcome))
        waiting(len(done), total)
    waiting.end("done")
    return done


def _line(outcome: "Outcome") -> str:
    case = outcome.case
    told = f"  {outcome.trouble}" if outcome.trouble else ""
    return (
        f"{WORDS[outcome.holds]:<9} {case.drama:<16} {case.party:<15} {case.step:>4} "
        f"{case.point:<9} {outcome.seconds:5.1f} s  {outcome.ended}{told}"
    )


def _tell(done: "Sequence[Seeded]", wanted: int, down: float) -> None:
    outcomes = [outcome for _, outcome in done]
    show_result(outcomes)
    for seed, outcome in done:
        if outcome.holds is not True:
            say(f"\n{WORDS[outcome.holds]} {outcome.case.name}: {outcome.ended}; {outcome.trouble}")
            say(f"  {play_again(outcome.case, seed, down)}")
    counted = dict.fromkeys(WORDS.values(), 0)
    for outcome in outcomes:
        counted[WORDS[outcome.holds]] += 1
    parts = [f"{number} {word}" for word, number in counted.items() if number]
    left = wanted - len(outcomes)
    say(
        f"\n{in_words(len(outcomes), 'case')}: {', '.join(parts)}"
        + (f", {left} not tried" if left else "")
    )


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


def _plain(seed: int, outcome: "Outcome") -> dict[str, Any]:
    case = outcome.case
    return {
        "protocol": case.protocol,
        "transaction": case.drama,
        "party": case.party,
        "step": case.step,
        "point": case.point,
        "seed": seed or None,
        "verdict": {True: "ok", False: "violated", None: "unknown"}[outcome.holds],
        "ended": outcome.ended,
        "trouble": outcome.trouble,
        "seconds": round(outcome.seconds, 3),
    }
