"""BS-A10: as printed the account a deposit goes to stands beside the coins, not on them."""

from nodes.protocols.electronic_cash.deposit import request_deposit
from nodes.protocols.electronic_cash.holding import Spending
from nodes.protocols.electronic_cash.messages import Deposited
from nodes.protocols.message import Received
from scenarios.attacks.electronic_cash.coins import (
    ended,
    hear_instead,
    id_of,
    start,
    withdraw,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.worth import BANK, CASH

AMOUNT = 4


@attack(
    "BS-A10",
    title="A deposit into another account",
    protocols=("electronic_cash",),
    guards=("deposit-names-its-account",),
    word="MISDIRECTED",
)
async def deposit_of_another(act: Act) -> None:
    """Somebody sees a deposit before the bank does, and brings the same coins for its own account.

    The bank is away when the coins are signed over to it, and their holder when it is back. The
    coins name the bank and the deposit, so nobody but the bank has them; the question is for whom.
    """
    mallory = await act.mallory()
    (merchant,) = act.cast("M")
    await withdraw(merchant, AMOUNT)
    bank, hers = act.live.bank, mallory.party
    await hers.directory.card(id_of(bank))
    hear_instead(mallory, Deposited)
    await act.live.cash_account(act.node(mallory))  # opened
    await act.begin()

    await act.live.kill(bank)
    deposit = await start(merchant, "cash_deposit", amount=AMOUNT)
    (order,) = act.voice(merchant).kept("cash_orders", Spending)
    await act.live.kill(merchant)
    await act.live.restart(bank)
    sent = hers.send(id_of(bank), request_deposit(order), order.transaction, Received)
    if await act.attempt(bank, sent):
        await mallory.has_heard(Deposited, order.transaction)
    await act.live.restart(merchant)
    await ended(merchant, deposit)
    act.fair(merchant, CASH, -AMOUNT)
    act.fair(merchant, BANK, AMOUNT)
    if mallory.heard:
        act.harm(merchant, AMOUNT, BANK, to=mallory)
