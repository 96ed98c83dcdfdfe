"""DC-A13: a payer says that it never paid, and spends the coin elsewhere."""

from nodes.protocols.dht_micropayment.judge import PAID
from scenarios.attacks.dht_micropayment.coins import (
    SALES,
    buy,
    held_by,
    id_of,
    pay,
    ruled,
    signed_away,
    withdraw,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.worth import COINS


@attack(
    "DC-A13",
    title="The payer denies",
    protocols=("dht_micropayment",),
    kind="inherent",
    word="DENIED",
    refused_with=("dht_micropayment/register-is-written",),
)
async def payer_denies(act: Act) -> None:
    """A payer that has paid says it has not, and pays somebody else with the same coin.

    What it signed stands in the coin's register, certified; a judge who has the signed roster and
    no word from anybody can check both.
    """
    mallory = await act.mallory(symbol="U")
    first, second = act.cast("V", "W")
    await withdraw(act.node(mallory))
    [coin] = held_by(mallory)
    await act.begin()

    await pay(act.node(mallory), first)
    act.fair(mallory, COINS, -1)
    act.fair(first, COINS, 1)
    again = signed_away(mallory, coin, id_of(second))
    sold = await buy(act, mallory, second, again)
    proven = mallory.id.hex() in await ruled(act, [first], PAID)
    act.live.check("a judge sees that it paid", proven)
    if proven:
        act.detected("its signature under the payment", first)
    if sold == "delivered" or not proven:
        act.harm(first, 1, SALES, to=mallory, says="nobody can tell that it was paid")
