"""BS-A10: what the bank makes of a deposit is its own affair, as printed."""

from scenarios.attacks.electronic_cash.coins import ended, refusals_of, start, withdraw
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.worth import BANK, CASH

AMOUNT = 4


@attack(
    "BS-A10",
    title="A deposit is credited short",
    protocols=("electronic_cash",),
    guards=("deposit-is-receipted",),
    word="SHORTENED",
    programs={"bank-account-server": "scenarios.adversaries.cash_short_bank"},
)
async def deposit_shortened(act: Act) -> None:
    """The bank takes coins of 4, credits 3 and says so; it gives the rest to who protests.

    The coin server's word names the deposit and 4, the bank's receipt 3: a merchant that compares
    them holds what convicts the bank, and does not call the deposit settled.
    """
    (merchant,) = act.cast("M")
    await withdraw(merchant, AMOUNT)
    await act.begin()

    before = await act.live.cash_account(merchant)
    await ended(merchant, await start(merchant, "cash_deposit", amount=AMOUNT), "settled")
    act.fair(merchant, CASH, -AMOUNT)
    act.fair(merchant, BANK, AMOUNT)
    for code in await refusals_of(act, act.live.bank, "D4"):
        act.refused(code, merchant)
    missing = before + AMOUNT - await act.live.cash_account(merchant)
    if missing:
        act.harm(merchant, missing, BANK, says="its wallet calls it settled")
