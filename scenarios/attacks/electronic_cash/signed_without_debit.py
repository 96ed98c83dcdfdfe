"""BS-A11: the bank signs what it cannot read, for whom it likes."""

from scenarios.attacks.electronic_cash.coins import server_of, withdraw
from scenarios.lab.account_checks import bank_accounts_are_what_was_moved
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.cash_checks import cash_is_conserved, outstanding_is_what_circulates

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
    books = await act.live.books()
    with_server = outstanding_is_what_circulates(books)
    act.live.check("bank and coin server together see nothing", with_server.holds is True)
    accounts = bank_accounts_are_what_was_moved(books)
    if accounts.holds is False:
        act.detected(accounts.detail, "whoever audits the bank's accounts")

    await bank.control("cash_print_for", name=mallory.name, booked=False)
    await withdraw(act.node(mallory), UNBOOKED)
    books = await act.live.books()
    with_server = outstanding_is_what_circulates(books)
    if with_server.holds is False:
        act.detected(with_server.detail, "whoever lays the books side by side")
    whole = cash_is_conserved(books)
    act.live.check("all books together show it", whole.holds is False, whole.detail)
    told = f"{BOOKED} of them called outstanding; {server.name} cannot tell either from paid ones"
    act.harm("who holds the bank's promises", BOOKED + UNBOOKED, "cover", to=mallory, says=told)
    seen = [one.by for one in act.came.detections]
    act.live.check("each of the two shows somewhere", len(seen) == 2, "; ".join(seen))
