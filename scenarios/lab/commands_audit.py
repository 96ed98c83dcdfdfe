"""`jangteo audit` and `jangteo trace`: what a world says of itself, without any scenario."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scenarios.lab.choice import Choice, ComposeOption, JsonOption, WorldOption
from scenarios.lab.console import emit, run_until_told_to_end, say, show_table
from scenarios.lab.failures import LabFailure, did_you_mean

if TYPE_CHECKING:
    from scenarios.lab.books import Books
    from scenarios.lab.run import Check, Event

NEWEST = 20
"""Transactions that are listed when none is named."""
SHORTEST = 6
"""Digits of an id that are shown where fewer would do."""

MARKS = {True: "holds", False: "fails", None: "cannot tell"}


class NoSuchTransaction(LabFailure):
    code = "lab/no-such-transaction"


def add_to(app: typer.Typer) -> None:
    app.command()(audit)
    app.command()(trace)


def audit(
    offline: Annotated[
        bool, typer.Option("--offline", help="Read the stores on disk, whether nodes run or not.")
    ] = False,
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds in which what is on its way may arrive.")
    ] = 5.0,
    world: WorldOption = None,
    compose: ComposeOption = False,
    as_json: JsonOption = False,
) -> int:
    """Check every ledger of a world against the others: value, coins, registers, sales.

    Exit code 0: everything holds. 1: something is violated. 2: something cannot be told.
    """
    from scenarios.lab.auditor import EXIT_CODES, verdict_of

    choice = Choice.of(world, compose)
    if offline:
        choice.require_local("audit --offline")
    books, checks = run_until_told_to_end(_audit(choice, offline, wait))
    verdict = verdict_of(checks)
    if as_json:
        emit({"verdict": verdict, "silent": dict(books.silent), "checks": _plain(checks)})
    else:
        show_table(["", "what", "found"], [[MARKS[c.holds], c.name, c.detail] for c in checks])
        say(f"\nverdict   {verdict}      {_asked(books)}")
    return EXIT_CODES[verdict]


async def _audit(choice: Choice, offline: bool, wait: float) -> "tuple[Books, list[Check]]":
    from scenarios.lab import auditor
    from scenarios.lab.books import opening_balance

    if offline:
        from scenarios.lab.offline import read_offline

        books = await read_offline(choice.folder)
        return books, auditor.audit(books)
    async with choice.open() as world:
        return await auditor.audit_settled(
            world.nodes.values(), seconds=wait, opening_balance=opening_balance(world.settings)
        )


def _asked(books: "Books") -> str:
    text = f"{len(books.ledgers)} parties asked"
    return text + (f", {', '.join(books.silent)} silent" if books.silent else "")


def _plain(checks: "Sequence[Check]") -> list[dict[str, Any]]:
    return [{"name": c.name, "holds": c.holds, "detail": c.detail} for c in checks]


def trace(
    transaction: Annotated[
        str,
        typer.Argument(
            metavar="[TRANSACTION]",
            help="Its id, or the start of it, in hex; without one the newest are listed.",
        ),
    ] = "",
    world: WorldOption = None,
    compose: ComposeOption = False,
    as_json: JsonOption = False,
) -> None:
    """One transaction as all its parties saw it: every message in order, and how each stands."""
    choice = Choice.of(world, compose)
    if not transaction:
        _list_newest(choice, as_json)
        return
    id_, events, states = run_until_told_to_end(_trace(choice, transaction.lower()))
    if as_json:
        import msgspec

        emit({"transaction": id_, "states": states, "events": msgspec.to_builtins(events)})
        return
    say(f"transaction {id_}\n")
    show_table(["step", "from", "to", "message", ">bytes", ">at", ""], [_row(e) for e in events])
    if states:
        say()
        show_table(["party", "side", "protocol", "state"], [list(row) for row in states])


def _list_newest(choice: Choice, as_json: bool) -> None:
    from scenarios.lab.wording import count

    known = run_until_told_to_end(_known(choice))
    shown = known[-NEWEST:]
    if as_json:
        emit({"transactions": shown})
    elif not shown:
        say("There is no transaction yet. Make one: jangteo run escrow_purchase")
    else:
        columns = {"transaction": "transaction", "protocol": "protocol", "states": "how it stands"}
        show_table(list(columns.values()), [[row[name] for name in columns] for row in shown])
        older = f"; the newest {len(shown)} are shown" if len(known) > len(shown) else ""
        ids = {row["transaction"] for row in known}
        example = f"One of them: jangteo trace {shortest(shown[-1]['transaction'], ids)}"
        say(f"\n{count(len(known), 'transaction')}{older}. {example}")


async def _known(choice: Choice) -> list[dict[str, str]]:
    """Every transaction that a party keeps a record of, in the order they began."""
    from scenarios.lab.auditor import read_books
    from scenarios.lab.recorder import Recorder

    async with choice.open() as world:
        recorder = Recorder(world)
        await recorder.finish()
        books = await read_books(world.nodes.values())
    began: dict[str, int] = {}
    for row in (row for rows in recorder.rows.values() for row in rows):
        began[row.transaction] = min(row.time, began.get(row.transaction, row.time))
    stands: dict[tuple[str, str], dict[str, None]] = {}
    for name, entries in books.entries.items():
        for entry in entries:
            stands.setdefault((entry.id, entry.protocol), {})[f"{name} {entry.state}"] = None
    return [
        {"transaction": id_, "protocol": protocol, "states": ", ".join(states)}
        for (id_, protocol), states in sorted(
            stands.items(), key=lambda kept: began.get(kept[0][0], 0)
        )
    ]


def _row(event: "Event") -> list[str]:
    from scenarios.lab.wording import moment, size

    how = event.outcome if event.refused else "sealed" if event.sealed else ""
    to = event.receiver or ("the ring" if event.kind == "register" else "")
    length = size(event.bytes) if event.bytes else ""
    return [event.step, event.sender, to, event.message, length, moment(event.time_ms), how]


async def _trace(
    choice: Choice, wanted: str
) -> "tuple[str, list[Event], list[tuple[str, str, str, str]]]":
    from scenarios.lab.auditor import read_books
    from scenarios.lab.recorder import Recorder

    async with choice.open() as world:
        recorder = Recorder(world)
        await recorder.finish()
        rows = [row for own in recorder.rows.values() for row in own]
        books = await read_books(world.nodes.values())
        known = {row.transaction for row in rows if row.transaction}
        known |= {entry.id for entries in books.entries.values() for entry in entries}
        id_ = chosen(wanted, known)
        recorder.keep_only(id_)
        states = [
            (name, entry.side, entry.protocol, entry.state)
            for name, entries in books.entries.items()
            for entry in entries
            if entry.id == id_
        ]
        return id_, recorder.events(), states


def chosen(wanted: str, known: set[str]) -> str:
    found = sorted(id_ for id_ in known if id_.startswith(wanted))
    if len(found) == 1 or wanted in found:
        return wanted if wanted in found else found[0]
    if not found:
        raise NoSuchTransaction(
            f"No node of this world knows a transaction {wanted}.{did_you_mean(wanted, known)}"
        )
    raise NoSuchTransaction(
        f"{len(found)} transactions start with {wanted}; give more of it: "
        + ", ".join(shortest(id_, known) for id_ in found[-5:])
    )


def shortest(id_: str, known: set[str]) -> str:
    """As many digits as tell it from the others; the sales of one buyer share their first 16."""
    for digits in range(SHORTEST, len(id_)):
        if not any(other.startswith(id_[:digits]) for other in known - {id_}):
            return id_[:digits]
    return id_
