"""BS-A15: a coin server keeps no spent coins, so its word that a coin is spent shows nothing."""

from nodes.protocols.electronic_cash.refusals import RetirementNotShown
from scenarios.attacks.electronic_cash.coins import ended, server_of, start, withdraw
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.worth import CASH

AMOUNT = 4


@attack(
    "BS-A15",
    title="A good coin is denied",
    protocols=("electronic_cash",),
    guards=("retirement-is-shown",),
    word="WRITTEN OFF",
    programs={"coin-server-1": "scenarios.adversaries.cash_denier"},
)
async def coin_denied(act: Act) -> None:
    """The coin server says of a good coin that it is spent, and keeps what the bank owes for it.

    No rule makes it give the coin back. But whoever believes it writes the coin off; whoever asks
    for the order by which the coin was spent, signed with the coin's own key, keeps its claim.
    """
    customer, merchant = act.cast("C", "M")
    await withdraw(customer, AMOUNT)
    await server_of(act).control("cash_deny")
    await act.begin()

    payment = await start(customer, "cash_pay", to=merchant.name, amount=AMOUNT)
    state = await ended(customer, payment)
    if state == "refused":
        act.harm(customer, AMOUNT, CASH, says="its wallet says that it spent the coin")
    elif state == "disputed":
        act.refused(RetirementNotShown.code, customer)
