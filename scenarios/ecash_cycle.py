"""E-cash (BS): withdrawal, exchange, payment with change, deposit; sections 4.2 to 4.5, BS-01."""

from typing import Annotated

from typer import Option

from scenarios.lab.blindness import pairings, withdrawn
from scenarios.lab.live import LiveRun
from scenarios.lab.node_client import Node
from scenarios.lab.scenario import main, scenario

CHEAT = "peer-05"


@scenario(
    title="The cycle of e-cash",
    protocols=("electronic_cash",),
    peers=5,
    programs={CHEAT: "scenarios.adversaries.cash_double_spender"},
)
async def ecash_cycle(
    run: LiveRun,
    *,
    amount: Annotated[int, Option(min=2, max=500, help="What is withdrawn.")] = 13,
    price: Annotated[int, Option(min=1, max=499, help="What is paid of it.")] = 7,
) -> None:
    """Coins that the bank signs unseen are exchanged, paid with change and deposited.

    The bank learns no serial number and hears of no payment; the coin server learns no user, and
    keeps no spent coins. A coin handed to two merchants at once is taken once.
    """
    price = min(price, amount - 1)
    bank, server, cheat = run.bank, run.coin_servers[0], run.world.node(CHEAT)
    run.name(run.broker, "")  # B is the bank here
    run.name(cheat, "C who cheats")
    c, m, other = run.cast("C", "M", "C'")
    before = {node: await run.cash_account(node) for node in (c, m)}

    withdrawal = (await c.control("cash_withdraw", amount=amount))["transaction"]
    await run.step("W1", c, f"{amount} of its account", of=withdrawal)
    await run.step("W2", server, f"{amount} for somebody, paid")
    await run.step("W3", bank, "serials for the user, blinded values for the bank")
    await run.step("W4", c, "signed unseen, and unblinded", of=withdrawal)
    await c.until(withdrawal, "completed")
    old = await run.cash(c)
    await check_blindness(run, c, withdrawal, other, amount)

    asked = await run.messages_to(bank)
    exchange = (await c.control("cash_exchange"))["transaction"]
    await run.step("X1", c, f"{len(old)} old coins, by nobody in particular", of=exchange)
    await run.step("X2", c, "one new coin; the old serials are gone", of=exchange)
    await c.until(exchange, "settled")

    payment = (await c.control("cash_pay", to=m.name, amount=price))["transaction"]
    await run.step("P1", m, f"{price}, for M to carry and S to read", of=payment)
    await run.step("P2", m, "is it good? then make it mine", of=payment)
    await run.step("P3", m, "a coin of its own", of=payment)
    await run.step("P4", c, f"receipt, and {amount - price} of change", of=payment)
    await c.until(payment, "settled")
    told = await run.messages_to(bank) - asked
    run.check("exchange and payment do without the bank", told == 0, f"{told} messages to it")

    deposit = (await m.control("cash_deposit", amount=price))["transaction"]
    await run.step("D1", m, f"{price} for its account", of=deposit)
    await run.step("D2", server, "are they good? then take them out of circulation")
    await run.step("D3", bank, "gone")
    await run.step("D4", m, "credited", of=deposit)
    await m.until(deposit, "settled")
    for node, change in ((c, -amount), (m, price)):
        now, was = await run.cash_account(node), before[node]
        run.check(f"{node.name}: {change:+d}", now == was + change, f"{was} to {now}")
    left = [coin["amount"] for coin in await run.cash(c)]
    run.check("the rest is C's", left == [amount - price], f"{left}")

    parts = await coin_parts(c)
    seen = await run.could_read(bank, parts)
    run.check("the bank read no serial and no coin", not seen, f"{len(parts)} values, none there")
    seen = await run.could_read(server, [c.id, other.id])
    run.check("the coin server read no user's name", not seen, "of two users")

    taken = (await cheat.control("cash_withdraw", amount=2))["transaction"]
    await cheat.until(taken, "completed")
    spent = await cheat.control("cash_spend_twice", payees=[m.name, other.name], amount=2)
    states = []
    for one in spent["payments"]:
        states.append((await cheat.until(one["transaction"], "settled", "refused"))["state"])
    await run.say(f"one coin to {m.name} and to {other.name}: {' and '.join(states)}")
    once = sorted(states) == ["refused", "settled"]
    run.check("a coin handed to two merchants is taken once", once, " and ".join(states))
    run.conclude(
        f"{c.name} withdrew {amount} unseen and paid {price} to {m.name}, who deposited it; "
        f"the bank heard of no payment, and {CHEAT} could spend its coin once only."
    )


async def check_blindness(run: LiveRun, c: Node, withdrawal: str, other: Node, amount: int) -> None:
    """BS-24: somebody else withdraws as much, and the bank cannot tell whose coin is whose."""
    again = (await other.control("cash_withdraw", amount=amount))["transaction"]
    await other.until(again, "completed")
    both = [
        withdrawn((await node.get("/inspect/view"))["read"], transaction)
        for node, transaction in ((c, withdrawal), (other, again))
    ]
    pairs, fit = pairings(both)
    run.check("any coin may be of any withdrawal", pairs == fit, f"{fit} of {pairs} pairings fit")


async def coin_parts(node: Node) -> list[str]:
    """What makes each coin this party ever had: key and entropy are its serial number."""
    lines = (await node.get("/inspect/view"))["read"]
    coins = [coin for line in lines if line["what"] == "coins" for coin in line["value"]]
    return [coin[part] for coin in coins for part in ("key", "entropy", "signature")]


if __name__ == "__main__":
    main(ecash_cycle)
