"""BS-A11: the bank signs what it cannot read, for whom it likes."""

import asyncio
from collections.abc import Callable

from scenarios.attacks.electronic_cash.coins import server_of, withdraw
from scenarios.lab.account_checks import bank_accounts_are_what_was_moved
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.books import Books
from scenarios.lab.cash_checks import cash_is_conserved, outstanding_is_what_circulates
from scenarios.lab.run import Check

SETTLED_SECONDS = 10.0
HONEST, BOOKED, UNBOOKED = 8, 40, 24


@attack(
    "BS-A11",
    title="The bank signs without debit",
    protocols=("electronic_cash",),
    kind="open",
    word="MONEY FROM NOTHING",
    programs={"bank-account-server": "scenarios.adversaries.cash_printing_bank"},
)
async def signed_without_debit(act: Act) -> None:
    """The bank gives a friend coins and takes nothing from its account.

    First of 40, which its books call outstanding as if they were paid for; then of 24, which they
    do not name. The coins are as good as any. Who can see it is measured.
    """
    mallory = await act.mallory()
    (customer,) = act.cast("C")
    bank, server = act.live.bank, server_of(act)
    await withdraw(customer, HONEST)
    await act.live.cash_account(act.node(mallory))
    await act.begin()

    await bank.control("cash_print_for", name=mallory.name)
    await withdraw(act.node(mallory), BOOKED)
    beside = await _told(act, outstanding_is_what_circulates)
    accounts = await _told(act, bank_accounts_are_what_was_moved)
    if beside.holds and not accounts.holds:
        act.detected(accounts.detail, "whoever audits the bank's accounts")

    await bank.control("cash_print_for", name=mallory.name, booked=False)
    await withdraw(act.node(mallory), UNBOOKED)
    beside = await _told(act, outstanding_is_what_circulates)
    if not beside.holds:
        act.detected(beside.detail, "whoever lays the books side by side")
    whole = await _told(act, cash_is_conserved)
    told = f"{BOOKED} of it called outstanding; {server.name} cannot tell either from paid coins"
    if not whole.holds and len(act.came.detections) == 2:
        everybody = "who holds the bank's promises"
        act.harm(everybody, BOOKED + UNBOOKED, "cover", to=mallory, says=told)


async def _told(act: Act, rule: Callable[[Books], Check]) -> Check:
    """What the auditor says of it, once nothing is under way that may explain a difference."""
    async with asyncio.timeout(SETTLED_SECONDS):
        while True:
            found = rule(await act.live.books())
            if found.holds is not None:
                return found
            await act.live.recorder.follow(act.live.bank, wait=0.1)
