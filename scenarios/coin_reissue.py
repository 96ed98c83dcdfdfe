"""DHT micropayment (DC): a coin that expired becomes a new one; section 3, (6) to (9), DC-20."""

from typing import Annotated

from typer import Option

from scenarios.lab.live import LiveRun
from scenarios.lab.scenario import main, scenario
from scenarios.lab.witnesses import written_steps

COIN_SECONDS, WINDOW_SECONDS = 600, 240


@scenario(
    title="A coin is issued again by its holder",
    protocols=("dht_micropayment",),
    settings={"coin_seconds": str(COIN_SECONDS), "reissue_window_seconds": str(WINDOW_SECONDS)},
)
async def coin_reissue(
    run: LiveRun,
    *,
    payments: Annotated[int, Option(min=1, max=12, help="Before the coin expires.")] = 3,
) -> None:
    """An expired coin cannot be paid; its holder makes a new one of it, as good as the broker's.

    The reissue takes the register that a payment would have taken, so the coin cannot live on
    twice. A payee of the new coin, who never saw the old one, needs one look-up however long the
    old coin's history is.
    """
    holder, w, x = run.cast("U", "W", "X", among=await run.without_coins())
    withdrawal = (await holder.control("withdraw", count=1))["transaction"]
    await run.step("W1", holder, "one coin", of=withdrawal)
    await holder.until(withdrawal, "held")
    chain = (await run.coins(holder))[0]["chain"]

    others = [node for node in run.world.peers if node not in (w, x, holder)]
    for payee in [*run.random.sample(others, payments - 1), w]:
        payment = (await holder.control("transfer", to=payee.name, count=1))["transaction"]
        await run.step("P3", payee, f"{holder.name} paid {payee.name}", of=payment)
        await holder.until(payment, "paid")
        holder = payee

    await run.advance(COIN_SECONDS)
    await run.say(f"{COIN_SECONDS} s later: the coin has expired")
    payment = (await w.control("transfer", to=x.name, count=1))["transaction"]
    why = (await w.until(payment, "refused"))["reason"]
    await run.say(f"it cannot be paid: {why}")

    reissue = (await w.control("reissue", chain=chain))["transaction"]
    await run.step("R3", w, "register (C, n+1): reissue", of=reissue)
    await run.step("R5", w, "register (C', 0): W holds it", of=reissue)
    await w.until(reissue, "renewed")

    payment = (await w.control("transfer", to=x.name, count=1))["transaction"]
    await run.step("P2", x, "one look-up", of=payment)
    await run.step("P3", x, "a quorum voted for it", of=payment)
    await w.until(payment, "paid")

    (coin,) = await run.coins(x)
    old, new = await written_steps(run, chain), await written_steps(run, coin["chain"])
    run.check("the old coin ends in the reissue", old[-1] == "reissue", ", ".join(old))
    run.check("the new one starts anew", new == ["open", "pay"], ", ".join(new))
    looked = await run.register_rows(x, "P2", payment)
    run.check("its payee looks up one register", looked == 1, f"{looked} after {len(old)} steps")

    redemption = (await x.control("redeem", count=1))["transaction"]
    await run.step("D1", x, "the new coin, at the broker", of=redemption)
    await x.until(redemption, "credited")
    run.conclude(f"A coin expired after {payments} payments, was issued again and redeemed.")


if __name__ == "__main__":
    main(coin_reissue)
