"""DHT micropayment (DC): a holder pays one coin to two payees at once; DC-A1, DC-05, DC-24.

As printed, both payees look up the coin's next key, both find it absent, and both deliver. Here a
register is written once: each replica votes for one of the two records, for ever, and a payee
delivers only with a quorum of votes and no rival shown. So at most one of them is paid; often,
when the votes split, neither is, and the cheat has burnt its coin.
"""

from collections import Counter
from typing import Annotated

from typer import Option

from scenarios.lab.live import LiveRun
from scenarios.lab.sales import withdraw
from scenarios.lab.scenario import main, scenario

CHEAT = "peer-16"
TOLD = 3
"""Races that are told step by step; the others are counted."""


@scenario(
    title="One coin, two payees",
    protocols=("dht_micropayment",),
    fewest=16,
    programs={CHEAT: "scenarios.adversaries.double_spender"},
)
async def coin_double_spend(
    run: LiveRun,
    *,
    times: Annotated[int, Option(min=1, max=900, help="Races.")] = 200,
    delay: Annotated[
        int, Option(min=0, max=1000, help="Milliseconds, at most, from one payment to the other.")
    ] = 20,
) -> None:
    """A cheat pays the same coin to two payees at once; never are both of them paid.

    Whoever sees both records holds a proof of fraud that anybody can check. The broker gets it and
    freezes the cheat's account.
    """
    cheat = run.world.node(CHEAT)
    run.name(cheat, "U who cheats")
    v, w = run.cast("V", "W")
    await withdraw(run, cheat, times)

    delivered: Counter[int] = Counter()
    for race in range(times):
        late = run.random.uniform(0, delay)
        delays = run.random.choice(([0.0, late], [late, 0.0]))
        spent = await cheat.control(
            "spend_twice", payees=[v.name, w.name], delays_milliseconds=delays
        )
        states = []
        for payee, payment in zip((v, w), spent["payments"], strict=True):
            if race < TOLD:
                await run.step("P1", payee, f"coin {spent['serial']}", of=payment["transaction"])
            known = await payee.until(payment["transaction"], "delivered", "cancelled")
            states.append(known["state"])
        delivered[states.count("delivered")] += 1
        if race < TOLD:
            await run.say(f"{v.name}: {states[0]}, {w.name}: {states[1]}")

    rates = ", ".join(f"{n} delivered {many} times" for n, many in sorted(delivered.items()))
    run.check("never both are paid", max(delivered) <= 1, f"in {times} races: {rates}")
    await run.step("F1", run.broker, "both records, signed by the same holder")
    frozen = [row for row in await run.frozen() if row["culprit"] == cheat.id]
    run.check("the proof freezes the cheat", bool(frozen), f"{len(frozen)} coins proven")
    run.conclude(
        f"{CHEAT} paid {times} coins twice: {delivered[1]} times one payee was paid, "
        f"{delivered[0]} times neither, {delivered[2]} times both."
    )


if __name__ == "__main__":
    main(coin_double_spend)
