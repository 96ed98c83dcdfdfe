"""`jangteo privacy`: who learns what in a protocol, alone and together."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scenarios.lab.choice import JsonOption
from scenarios.lab.commands_run import USUAL_RUNS, RunsOption
from scenarios.lab.console import (
    Waiting,
    emit,
    in_words,
    run_until_told_to_end,
    say,
    show_table,
)

if TYPE_CHECKING:
    from scenarios.lab.facts import Measurement
    from scenarios.lab.privacy import Measured

NOT_AS_EXPECTED = 1


def add_to(app: typer.Typer) -> None:
    app.command()(privacy)


def privacy(
    protocol: Annotated[
        str, typer.Argument(metavar="[PROTOCOL]", help="Without it: which there are.")
    ] = "",
    all_: Annotated[
        bool, typer.Option("--all", help="Every protocol, one after the other.")
    ] = False,
    html: Annotated[
        bool, typer.Option("--html", help="Keep a page of it, too: runs/privacy/PROTOCOL.html.")
    ] = False,
    runs: RunsOption = Path(USUAL_RUNS),
    as_json: JsonOption = False,
) -> int:
    """Who learns what: each party of a protocol alone, and all pairs and triples together.

    It is played in a world of its own. Exit code 0: as expected. 1: somebody learns more, or less.
    """
    from scenarios.lab import facts
    from scenarios.lab.privacy_words import as_plain

    if not protocol and not all_:
        _list(as_json)
        return 0
    told, as_expected = [], True
    for name in facts.protocols() if all_ else (protocol,):
        found = facts.find(name)
        measured = [_measured(one, quiet=as_json) for one in found]
        kept = _keep(runs, found[0].protocol, measured) if html else None
        page = {"page": str(kept)} if kept else {}
        plain = [as_plain(one) for one in measured]
        told.append({"protocol": found[0].protocol, "measurements": plain, **page})
        if not as_json:
            _tell(measured, kept)
        as_expected = as_expected and all(one.as_expected for one in measured)
    if as_json:
        emit({"protocols": told} if all_ else told[0])
    elif all_:
        say("verdict   ok: every protocol as expected" if as_expected else "verdict   violated")
    return 0 if as_expected else NOT_AS_EXPECTED


def _tell(measured: "list[Measured]", page: Path | None) -> None:
    for one in measured:
        _show(one)
    if page:
        say(f"page      {page}")


def _list(as_json: bool) -> None:
    from scenarios.lab import facts

    found = [one for name in facts.protocols() for one in facts.find(name)]
    if as_json:
        emit([{"protocol": one.protocol, "name": one.name, "title": one.title} for one in found])
        return
    show_table(
        ["protocol", "what is played", ">parties", ">facts"],
        [[one.protocol, one.title, str(len(one.roles)), str(len(one.facts))] for one in found],
    )
    say("\nMeasure one: jangteo privacy PROTOCOL")


def _measured(measurement: "Measurement", *, quiet: bool) -> "Measured":
    from scenarios.lab.privacy import measure

    waiting = Waiting(f"Starting a world for: {measurement.title}", quiet=quiet)
    try:
        measured = run_until_told_to_end(measure(measurement, progress=waiting))
    except BaseException:
        waiting.break_off()
        raise
    waiting.end(f"played; {in_words(measured.records, 'record')} compared")
    return measured


def _keep(runs: Path, protocol: str, measured: list["Measured"]) -> Path:
    from scenarios.lab.privacy_page import render_privacy
    from scenarios.lab.run import replace_file

    path = runs / "privacy" / f"{protocol}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, render_privacy(protocol, measured).encode())
    return path


def _show(measured: "Measured") -> None:
    from scenarios.lab import privacy_words as words

    of = measured.of
    say(f"\n{of.title}\n")
    width = max(len(name) for name in [*(f.name for f in of.facts), *(r.symbol for r in of.roles)])
    for role in of.roles:
        say(f"  {role.symbol:<{width}}  {role.who}")
    say()
    for fact in of.facts:
        say(f"  {fact.name:<{width}}  {fact.sentence}")
    say()
    show_table(["who", *(fact.name for fact in of.facts)], list(words.rows(measured)))
    say()
    for fact, claim, holds in words.claims(measured):
        mark = "holds     " if holds else "otherwise "
        say(f"{mark}{words.claim_in_words(fact, claim)}")
    wrong = list(words.wrong(measured))
    say("verdict   as expected" if not wrong else "verdict   not as expected")
    for line in wrong:
        say(f"          {line}")
    say()
