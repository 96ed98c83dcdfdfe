"""BS-A9: what a coin server issues within its limit is paid with other people's cover."""

from nodes.protocols.electronic_cash.messages import Deposited
from nodes.protocols.electronic_cash.refusals import BeyondOutstanding
from scenarios.attacks.electronic_cash.coins import (
    ended,
    hear_instead,
    id_of,
    server_of,
    start,
    withdraw,
)
from scenarios.attacks.electronic_cash.issuing import bank_books, circulating, deposit_unissued
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack

HOLDINGS, STOLEN = (5, 3, 8), 6


@attack(
    "BS-A9",
    title="The last honest holders pay for it",
    protocols=("electronic_cash",),
    kind="open",
    word="SHORT",
    programs={"coin-server-1": "scenarios.adversaries.cash_over_issuer"},
)
async def shortfall(act: Act) -> None:
    """A coin server's friend deposits 6 that nobody withdrew; the last honest holder gets 6 less.

    Holders of 5, 3 and 8 deposit after it, in this order. The bank pays until as much has come
    back as it paid out: the loss is what was issued too much, no more, and the last ones bear it.
    Whoever lays the bank's books beside the coin server's sees it before.
    """
    mallory = await act.mallory()
    holders = act.cast("C1", "C2", "C3")
    server, bank = server_of(act), act.live.bank
    for holder, amount in zip(holders, HOLDINGS, strict=True):
        await withdraw(holder, amount)
    hear_instead(mallory, Deposited)
    await act.begin()

    assert await deposit_unissued(mallory, act.voice(server), id_of(bank), STOLEN)
    there, covered = await circulating(server), (await bank_books(bank, server)).outstanding
    if there - covered == STOLEN:
        act.detected(f"{there} circulate, {covered} are outstanding", "whoever compares the books")
    *earlier, last = holders
    for holder, amount in zip(earlier, HOLDINGS[:-1], strict=True):
        await ended(holder, await start(holder, "cash_deposit", amount=amount), "settled")
    deposit = await start(last, "cash_deposit", amount=HOLDINGS[-1])
    row = await last.until(deposit, "cancelled", "disputed", "refused")
    is_short = row["refusal"] == BeyondOutstanding.code
    left = (await bank_books(bank, server)).outstanding
    await ended(last, await start(last, "cash_deposit", amount=left), "settled")
    lost = HOLDINGS[-1] - left
    told = f"of its {HOLDINGS[-1]} the bank credits {left}; the rest is owed by nobody"
    if is_short and lost == STOLEN:
        act.harm(last, lost, "cover", to=mallory, says=told)
