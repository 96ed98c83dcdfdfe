"""DC-A13: a payer says that it never paid, and spends the coin elsewhere."""

from scenarios.attacks.dht_micropayment.coins import (
    SALES,
    buy,
    can_prove,
    held_by,
    id_of,
    pay,
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

    What it signed stands in the coin's register, certified; a stranger who has the signed roster
    and no word from anybody can check both.
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
    proven = await can_prove(act, first, payer=mallory.id.hex(), payee=first.id)
    act.live.check("what was denied can be proven to a stranger", proven)
    if proven:
        act.detected("its signature under the payment", first)
    if sold == "delivered" or not proven:
        act.harm(first, 1, SALES, to=mallory, says="nobody can tell that it was paid")
