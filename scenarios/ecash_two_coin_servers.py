"""E-cash (BS) at two coin servers: section 4.7, which only says that they call each other."""

import asyncio
from typing import Annotated

from typer import Option

from scenarios.lab.live import LiveRun
from scenarios.lab.scenario import main, scenario

CLEARING_SECONDS = 4


@scenario(
    title="E-cash across two coin servers",
    protocols=("electronic_cash",),
    peers=5,
    settings={"clearing_seconds": str(CLEARING_SECONDS)},
    alone=True,
)
async def ecash_two_coin_servers(
    run: LiveRun,
    *,
    payments: Annotated[int, Option(min=2, max=7, help="Cleared with one message.")] = 6,
) -> None:
    """A merchant's coin server takes coins of another's; many payments are cleared at once.

    The coins' home retires them and signs what it owes; the merchant's coin server issues as much,
    and brings all that it is owed to the bank together, which may be away until then. The home is
    killed where it has retired a coin and has not said so: no value is lost.
    """
    s1, s2 = run.coin_servers
    bank = run.bank
    for node, symbol in ((run.broker, ""), (s1, "S_1"), (s2, "S_2")):
        run.name(node, symbol)
    c, m = run.cast("C", "M")
    await m.control("cash_use", coin_server=s2.name)
    before = {node: await run.cash_account(node) for node in (c, m)}

    withdrawal = (await c.control("cash_withdraw", amount=payments + 1, coin_server=s1.name))[
        "transaction"
    ]
    await run.step("W1", c, f"{payments + 1} at S_1", of=withdrawal)
    await c.until(withdrawal, "completed")
    exchange = (await c.control("cash_exchange", amounts=[1] * payments))["transaction"]
    await run.step("X1", c, f"for {payments} coins of 1", of=exchange)
    await c.until(exchange, "settled")

    await run.kill(bank)
    paid = await asyncio.gather(
        *(c.control("cash_pay", to=m.name, amount=1) for _ in range(payments))
    )
    for one in paid:
        await run.step("P1", m, "1, a coin of S_1", of=one["transaction"])
    await run.step("P2", s2, "M presents it at S_2")
    await run.step("F1", s1, "S_2 sends it home")
    await run.step("F2", s2, "retired; S_1 owes S_2 as much")
    await run.step("P3", m, "a coin of S_2")
    await asyncio.gather(*(c.until(one["transaction"], "settled") for one in paid))
    took = len(await run.cash(m))
    run.check("without the bank payments go on", took == payments, f"{took} coins of S_2")
    await run.restart(bank)
    await run.step("F4", bank, f"what S_1 owes S_2 of {payments} payments")
    await run.step("F5", s2, "moved between their books")
    told = await run.times(bank, "F4")
    run.check("the bank hears of all at once", told == 1, f"{told} for {payments} payments")

    # S_1 dies where it has retired the coin, and nobody has heard of it.
    await s1.control("kill_at", protocol="electronic_cash", step="F1", point="saved")
    payment = (await c.control("cash_pay", to=m.name, amount=1))["transaction"]
    await run.step("P1", m, "the last coin of S_1", of=payment)
    await run.ends(s1)
    stands = await c.get(f"/inspect/transactions/{payment}")
    run.check("meanwhile it waits", stands["found"][0]["state"] == "signed")
    await run.restart(s1)
    await run.step("F2", s2, "the same answer, from its journal")
    await run.step("P4", c, "receipt", of=payment)
    await c.until(payment, "settled")
    await run.step("F4", bank, "what S_1 owes S_2 of this one")

    total = payments + 1
    got = sorted({coin["coin_server"] for coin in await run.cash(m)})
    run.check("all of M's coins are of S_2", got == [s2.id])
    deposit = (await m.control("cash_deposit", amount=total))["transaction"]
    await run.step("D1", m, f"{total} coins of S_2", of=deposit)
    await run.step("D4", m, "credited", of=deposit)
    await m.until(deposit, "settled")
    for node, change in ((c, -total), (m, total)):
        now, was = await run.cash_account(node), before[node]
        run.check(f"{node.name}: {change:+d}", now == was + change, f"{was} to {now}")
    run.conclude(
        f"{c.name} paid {total} coins of {s1.name} to {m.name}, who took them at {s2.name}; "
        f"{payments} payments were cleared with one message, and the one at which {s1.name} "
        "was killed is paid once."
    )


if __name__ == "__main__":
    main(ecash_two_coin_servers)
