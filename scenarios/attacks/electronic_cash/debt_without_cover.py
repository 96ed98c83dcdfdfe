"""BS-A9: what one coin server owes another is paid by the bank as far as there is cover."""

from nodes.protocols.electronic_cash.messages import Paid
from nodes.protocols.electronic_cash.spending import Wanted
from scenarios.attacks.electronic_cash.coins import (
    carried,
    ended,
    id_of,
    made,
    server_of,
    start,
    until,
    withdraw,
)
from scenarios.attacks.electronic_cash.issuing import bank_books, circulating, unissued
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack

HONEST, TOO_MANY = 3, 20


@attack(
    "BS-A9",
    title="An honest coin server is left with a debt",
    protocols=("electronic_cash",),
    kind="open",
    word="UNCOVERED",
    programs={"coin-server-1": "scenarios.adversaries.cash_over_issuer"},
)
async def debt_without_cover(act: Act) -> None:
    """A coin server's friend pays with coins that nobody withdrew, at another coin server.

    That one cannot know the coins and takes the first one's word that it owes for them. The bank
    does not clear this debt, and clears what is covered beside it. The merchant's coin is good at a
    coin server that has 20 more in circulation than the bank stands for.
    """
    mallory = await act.mallory(symbol="C")
    customer, merchant = act.cast("C'", "M")
    first, second = act.live.coin_servers
    await withdraw(customer, HONEST)
    await merchant.control("cash_use", coin_server=second.name)
    await act.begin()

    coin = await unissued(mallory, act.voice(server_of(act)), TOO_MANY)
    reference, to = mallory.party.fresh(32), id_of(merchant)
    order = await made(mallory, Wanted("pay", TOO_MANY, to, reference, until(mallory)), [coin])
    message, key = carried(order)
    await mallory.party.send(to, message, order.transaction, Paid, opens_with=key)
    payment = await start(customer, "cash_pay", to=merchant.name, amount=HONEST)
    await ended(customer, payment, "settled")
    owed = await _what_stays_owed(act)
    there, covered = await circulating(second), await bank_books(act.live.bank, second)
    moved = covered.outstanding == HONEST
    short = there - covered.outstanding
    told = f"{there} circulate and {covered.outstanding} are outstanding"
    act.detected(told, second.name)
    if moved and owed == [TOO_MANY] == [short]:
        act.harm(second, short, "cover", to=merchant, says=f"{told}; {first.name} owes the rest")


async def _what_stays_owed(act: Act) -> list[int]:
    """At the second coin server, after it has been to the bank."""
    _, second = act.live.coin_servers
    await act.live.reached("F4", act.live.bank)
    while True:
        debts = (await second.get("/inspect/ledger"))["cash_debts"]
        if len(debts) < 2:
            return [debt["amount"] for debt in debts]
        await act.live.recorder.follow(second, wait=0.1)
