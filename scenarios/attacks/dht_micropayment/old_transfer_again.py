"""DC-A19: a payment of long ago is shown once more, to the same payee."""

from nodes.protocols.dht_micropayment.holding import Holding
from scenarios.attacks.dht_micropayment.coins import (
    SALES,
    buy,
    committed,
    held_by,
    id_of,
    pay,
    remember,
    signed,
    withdraw,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.worth import COINS


@attack(
    "DC-A19",
    title="An old transfer again",
    protocols=("dht_micropayment",),
    kind="inherent",
    word="DOUBLED",
    refused_with=("dht_micropayment/register-is-written",),
)
async def old_transfer_again(act: Act) -> None:
    """A payer pays twice with the same bytes, after its payee has spent the coin.

    A payee knows every step by which it ever held a coin.
    """
    mallory = await act.mallory(symbol="U")
    payee, third = act.cast("V", "W")
    await withdraw(act.node(mallory))
    [coin] = held_by(mallory)
    paid: Holding = committed(mallory, coin, id_of(payee))
    transfer = signed(mallory, paid)
    await act.begin()

    first = await buy(act, mallory, payee, transfer)
    await remember(mallory, paid)
    assert first == "delivered", "that was honest"
    await pay(payee, third)
    act.fair(mallory, COINS, -1)
    act.fair(third, COINS, 1)
    if await buy(act, mallory, payee, transfer) == "delivered":
        act.harm(payee, 1, SALES, to=mallory, says="for a coin it had spent long ago")
