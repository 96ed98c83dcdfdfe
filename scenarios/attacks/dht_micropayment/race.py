"""DC-A1: one coin is given to two payees at once; both look it up, and neither finds it taken."""

from collections import Counter

from scenarios.attacks.dht_micropayment.coins import ENDED, SALES, withdraw
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.node_client import Node
from scenarios.lab.worth import COINS

CHEAT = "peer-05"
DELAYS_MILLISECONDS = (0, 2, 5, 20, 80)
"""From one payment to the other."""
RACES = 6
"""With each of these delays."""


@attack(
    "DC-A1",
    title="A race",
    protocols=("dht_micropayment",),
    guards=("payment-is-certified",),
    word="DOUBLED",
    refused_with=("dht_micropayment/register-is-written",),
    programs={CHEAT: "scenarios.adversaries.double_spender"},
)
async def race(act: Act) -> None:
    """A cheat pays one coin to two payees at the same time; each finds it unspent, and delivers.

    Found absent is no lock. A replica votes for one of the two records and no other, so where a
    payee waits for a quorum of votes at most one of them is paid; often neither is.
    """
    cheat = act.world.node(CHEAT)
    payees = act.cast("V", "W")
    await withdraw(cheat, len(DELAYS_MILLISECONDS) * RACES)
    await act.begin()

    both: Counter[int] = Counter()
    for delay in DELAYS_MILLISECONDS:
        for number in range(RACES):
            late = [0.0, delay] if number % 2 else [delay, 0.0]
            delivered = await one_race(act, cheat, payees, late)
            both[delay] += len(delivered) == 2
            if len(delivered) == 1:
                act.fair(cheat, COINS, -1)
                act.fair(delivered[0], COINS, 1)
    races, twice = len(DELAYS_MILLISECONDS) * RACES, sum(both.values())
    rates = ", ".join(f"{both[delay]} of {RACES} at {delay} ms" for delay in DELAYS_MILLISECONDS)
    await act.say(f"both payees delivered in {twice} of {races} races: {rates}")
    act.live.check("never both payees of a race deliver", not twice, f"{twice} of {races}")
    if twice:
        act.harm("payees", twice, SALES, to=cheat, says=f"both accept: {rates}")


async def one_race(
    act: Act, cheat: Node, payees: tuple[Node, ...], late: list[float]
) -> list[Node]:
    """Who delivered."""
    names = [payee.name for payee in payees]
    spent = await cheat.control("spend_twice", payees=names, delays_milliseconds=late)
    delivered = []
    for payee, payment in zip(payees, spent["payments"], strict=True):
        known = await payee.until(payment["transaction"], *ENDED)
        if known["state"] == "delivered":
            delivered.append(payee)
        elif known["reason"] == "conflict":
            await act.live.recorder.follow(cheat, wait=0)
            act.refused("dht_micropayment/register-is-written", payee)
    return delivered
