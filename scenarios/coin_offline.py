"""DHT micropayment (DC): who may be away while a coin is paid; section 3 (DC-03, DC-04)."""

from scenarios.lab.live import LiveRun
from scenarios.lab.scenario import main, scenario
from scenarios.lab.witnesses import Witnesses


@scenario(
    title="Paying while others are away",
    protocols=("dht_micropayment",),
    fewest=16,
    settings={"quorum_write_seconds": "2"},
)
async def coin_offline(run: LiveRun) -> None:
    """A coin is paid while its owner, the broker and as many witnesses as may be away are down.

    With one witness more away a payer signs nothing, for its next register might not answer. Where
    that witness goes after the payer has signed, the payment is pending: the payee hands over
    nothing, and has the coin as soon as the witness is back.
    """
    witnesses = await Witnesses.of(run)
    spare = witnesses.k - witnesses.q
    u, v, w, x, y, z = run.cast("U", "V", "W", "X", "Y", "Z", among=await run.without_coins())

    withdrawal = (await u.control("withdraw", count=1))["transaction"]
    await run.step("W1", u, "one coin", of=withdrawal)
    await u.until(withdrawal, "held")
    chain = (await run.coins(u))[0]["chain"]
    payment = (await u.control("transfer", to=v.name, count=1))["transaction"]
    await run.step("P1", u, "U pays V, everybody is there", of=payment)
    await u.until(payment, "paid")

    await run.kill(u, run.broker)
    payment = (await v.control("transfer", to=w.name, count=1))["transaction"]
    await run.step("P1", v, "V pays W: no owner, no broker", of=payment)
    await run.step("P3", w, "a quorum voted for it", of=payment)
    await v.until(payment, "paid")
    run.check("V pays W while U and B are down", len(await run.coins(w)) == 1)
    asked = await run.messages_to(u)
    await run.restart(u, run.broker)
    told = await run.messages_to(u) - asked
    run.check("U missed nothing it must be told of", told == 0, f"{told} messages to U")

    away = witnesses.some_of(chain, 3, spare, but=(w, x))
    await run.kill(*away)
    payment = (await w.control("transfer", to=x.name, count=1))["transaction"]
    await run.step("P3", x, f"W pays X: {spare} of {witnesses.k} witnesses away", of=payment)
    await w.until(payment, "paid")
    run.check(f"with {spare} witnesses away it is paid", len(await run.coins(x)) == 1)
    await run.restart(*away)

    away = witnesses.some_of(chain, 4, spare + 1, but=(x, y))
    await run.kill(*away)
    payment = (await x.control("transfer", to=y.name, count=1))["transaction"]
    why = (await x.until(payment, "refused"))["reason"]
    await run.say(f"X does not sign: {why}")
    kept, got = await run.coins(x), await run.coins(y)
    run.check(f"with {spare + 1} away X keeps its coin", len(kept) == 1 and not got)
    await run.restart(*away)
    payment = (await x.control("transfer", to=y.name, count=1))["transaction"]
    await run.step("P3", y, "X pays Y: all are back", of=payment)
    await x.until(payment, "paid")
    run.check("with all back it is paid", len(await run.coins(y)) == 1)

    # Z dies with the payment on its disk; while it is gone, one witness too many goes too.
    await z.control("kill_at", protocol="dht_micropayment", step="P1", point="saved")
    payment = (await y.control("transfer", to=z.name, count=1))["transaction"]
    await y.until(payment, "paying")
    away = witnesses.some_of(chain, 5, spare + 1, but=(y, z))
    await run.kill(z, *away)
    await run.restart(z)
    await run.reached("P3", z, of=payment, outcome="pending")
    state = (await z.until(payment, "pending"))["state"]
    await run.say(f"Y has signed, {spare + 1} of {witnesses.k} witnesses are away: {state}")
    run.check("too few votes deliver nothing", not await run.coins(z))
    await run.restart(away[0])
    await run.step("P3", z, "one is back: a quorum voted for it", of=payment)
    await z.until(payment, "delivered")
    run.check("with one back it is paid", len(await run.coins(z)) == 1)
    await run.restart(*away[1:])

    redemption = (await z.control("redeem", count=1))["transaction"]
    await run.step("D1", z, "Z gives it back to the broker", of=redemption)
    await z.until(redemption, "credited")
    run.conclude(f"A coin of {u.name}'s went on to {z.name} while others were away.")


if __name__ == "__main__":
    main(coin_offline)
