"""DHT micropayment (DC): one coin from the broker through four hands and back; section 3."""

from typing import Annotated

from typer import Option

from scenarios.lab.live import LiveRun
from scenarios.lab.scenario import main, scenario
from scenarios.lab.witnesses import written_steps


@scenario(title="The journey of a coin", protocols=("dht_micropayment",))
async def coin_journey(
    run: LiveRun,
    *,
    count: Annotated[int, Option(min=1, max=64, help="Coins that travel together.")] = 1,
) -> None:
    """A coin goes from U to V to W to X and back to the broker, who hears of none of it between.

    Each payment is certified by a quorum of the coin's next register's replicas. The broker sees
    the withdrawal and the redemption and nothing else.
    """
    u, v, w, x = run.cast("U", "V", "W", "X", among=await run.without_coins())
    before = {node: await run.balance(node) for node in (u, v, w, x)}

    withdrawal = (await u.control("withdraw", count=count))["transaction"]
    await run.step("W1", u, f"{count} of its account", of=withdrawal)
    await run.step("W2", u, "C = {U, sn, E}, signed by B", of=withdrawal)
    await run.step("W3", u, "register (C, 0)", of=withdrawal)
    await u.until(withdrawal, "held")
    asked = await run.messages_to(run.broker)

    for payer, payee in ((u, v), (v, w), (w, x)):
        payment = (await payer.control("transfer", to=payee.name, count=count))["transaction"]
        await run.step("Q1", payer, of=payment)
        await run.step("P1", payer, f"{count} signed over", of=payment)
        await run.step("P2", payee, "the place is free", of=payment)
        await run.step("P3", payee, "a quorum voted for it", of=payment)
        await run.step("P1r", payer, "receipt", of=payment)
        await payer.until(payment, "paid")
        await payee.until(payment, "delivered")

    between = await run.messages_to(run.broker) - asked
    run.check("no payment reached the broker", between == 0, f"{between} messages in 3 payments")
    for coin in await run.coins(x):
        steps = await written_steps(run, coin["chain"])
        written = steps == ["open", "pay", "pay", "pay"]
        run.check(f"coin {coin['serial']} has registers 0 to 3", written, ", ".join(steps))

    redemption = (await x.control("redeem", count=count))["transaction"]
    await run.step("D1", x, "signed over to B", of=redemption)
    await run.step("D3", run.broker, "the coin's last register", of=redemption)
    await run.step("D2", x, "credited", of=redemption)
    await x.until(redemption, "credited")

    for node, change in ((u, -count), (v, 0), (w, 0), (x, count)):
        balance, was = await run.balance(node), before[node]
        run.check(f"{node.name}: {change:+d}", balance == was + change, f"{was} to {balance}")
    run.conclude(
        f"{count} went from {u.name} over {v.name} and {w.name} to {x.name} and back to B."
    )


if __name__ == "__main__":
    main(coin_journey)
