"""Judges a world by its books alone. It knows nothing of what a scenario did or meant to do.

    books = await read_books(nodes)
    checks = audit(books)
    verdict_of(checks)          ok, violated or unknown

A fault found is a fault, whatever else could not be seen; what is still on its way, or lies with
a party that is silent, makes a check unknown and never ok.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from scenarios.lab.account_checks import (
    ACCOUNT_RULES,
    BANK_RULES,
    PSEUDONYM_RULES,
    has_pseudonyms,
)
from scenarios.lab.books import (
    USUAL_OPENING_BALANCE,
    Books,
    UnreadableLedger,
    read_entries,
    read_ledger,
)
from scenarios.lab.cash_checks import CASH_RULES, has_cash
from scenarios.lab.checks import COIN_RULES
from scenarios.lab.item_checks import ITEM_RULES, has_items
from scenarios.lab.run import Check, Event, Verdict
from scenarios.lab.sale_checks import SALE_RULES, steps_in_order

EXIT_CODES: Mapping[Verdict, int] = {"ok": 0, "violated": 1, "unknown": 2}

FIRST_LOOK_SECONDS = 0.1
LONGEST_LOOK_SECONDS = 1.0
FURTHER_LOOKS = 2


class Readable(Protocol):
    """A node as far as the auditor needs it."""

    @property
    def name(self) -> str: ...

    def alive(self) -> bool: ...

    async def get(self, path: str, /, **query: Any) -> dict[str, Any]:
        """Raises when it cannot be asked."""


def audit(books: Books, events: Iterable[Event] = ()) -> list[Check]:
    """Every rule, applied to the books, and the order of steps to the messages if there are any.

    The rules of pseudonyms, of e-cash and of items where there are any.
    """
    prepaid = PSEUDONYM_RULES if has_pseudonyms(books) else ()
    cash = (*CASH_RULES, *BANK_RULES) if has_cash(books) else ()
    items = ITEM_RULES if has_items(books) else ()
    rules = (*COIN_RULES, *ACCOUNT_RULES, *prepaid, *cash, *items, *SALE_RULES)
    checks = [rule(books) for rule in rules]
    said = list(events)
    return [*checks, steps_in_order(said)] if said else checks


def verdict_of(checks: Sequence[Check]) -> Verdict:
    if any(check.holds is False for check in checks):
        return "violated"
    if not checks or any(check.holds is None for check in checks):
        return "unknown"
    return "ok"


async def read_books(
    nodes: Iterable[Readable], opening_balance: int = USUAL_OPENING_BALANCE
) -> Books:
    """Every ledger and every transaction, asked for at once; a node that is down is named."""
    nodes = list(nodes)
    answers = await asyncio.gather(*map(_read, nodes), return_exceptions=True)
    ledgers, entries, silent = {}, {}, {}
    for node, answer in zip(nodes, answers, strict=True):
        if isinstance(answer, UnreadableLedger):
            raise answer
        if isinstance(answer, BaseException):
            silent[node.name] = str(answer) or type(answer).__name__
        else:
            ledgers[node.name], entries[node.name] = answer
    return Books(ledgers, silent, entries, opening_balance)


async def _read(node: Readable) -> Any:
    if not node.alive():
        raise ConnectionError("it is down")
    ledger = read_ledger(await node.get("/inspect/ledger"))
    shown = await node.get("/inspect/transactions")
    return ledger, read_entries(shown["transactions"])


async def audit_settled(
    nodes: Iterable[Readable], *, seconds: float, opening_balance: int = USUAL_OPENING_BALANCE
) -> tuple[Books, list[Check]]:
    """Audit until nothing is on its way any more, at most `seconds` long.

    Parties are asked one after the other, so between two answers something may have moved. What
    is broken stays broken; a fault that one look shows and the next does not is no fault.
    """
    nodes = list(nodes)
    loop = asyncio.get_running_loop()
    deadline, pause = loop.time() + seconds, FIRST_LOOK_SECONDS
    while True:
        books = await read_books(nodes, opening_balance)
        checks = audit(books)
        if verdict_of(checks) == "ok":
            return books, checks
        if loop.time() + pause > deadline:
            return books, await _confirmed(nodes, opening_balance, checks)
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_LOOK_SECONDS)


async def _confirmed(
    nodes: Sequence[Readable], opening_balance: int, checks: Sequence[Check]
) -> list[Check]:
    """A fault of `checks` that is there at every further look too; else it could not be told."""
    suspects = {check.name for check in checks if check.holds is False}
    for _ in range(FURTHER_LOOKS if suspects else 0):
        await asyncio.sleep(FIRST_LOOK_SECONDS)
        again = audit(await read_books(nodes, opening_balance))
        suspects &= {check.name for check in again if check.holds is False}
    return [
        Check(check.name, None, f"seen once and not again: {check.detail}")
        if check.holds is False and check.name not in suspects
        else check
        for check in checks
    ]
