"""DC-A7: a coin is renewed under one key and spent under another."""

from nodes.protocols.dht_micropayment.reissue import renewed
from scenarios.attacks.dht_micropayment.coins import (
    SALES,
    buy,
    can_redeem,
    committed,
    held_by,
    id_of,
    remember,
    signed,
    withdraw,
)
from scenarios.attacks.dht_micropayment.renewals import (
    LIFE,
    may_renew,
    payment_with,
    reissue_beside,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.worth import COINS


@attack(
    "DC-A7",
    title="Renewed and spent",
    protocols=("dht_micropayment",),
    guards=("reissue-takes-the-next-register",),
    word="DOUBLED",
    settings=LIFE,
)
async def reissue_and_spend(act: Act) -> None:
    """A holder renews its coin and pays the old one too: two registers that never meet.

    The old coin is as good as before to whoever looks at its chain, and the new one is certified.
    The broker credits the two of them once.
    """
    mallory = await act.mallory(symbol="W")
    first, second = act.cast("X", "Y")
    await withdraw(act.node(mallory))
    [coin] = held_by(mallory)
    await may_renew(act, mallory, coin)
    await act.begin()

    new = await reissue_beside(act, mallory, coin, renewed(coin.coin, mallory.id))
    old = committed(mallory, coin, id_of(first))
    if await buy(act, mallory, first, signed(mallory, old)) == "delivered":
        await remember(mallory, old)
        act.fair(mallory, COINS, -1)
        act.fair(first, COINS, 1)
    again = new and await payment_with(act, mallory, new, id_of(second))
    if again is None or await buy(act, mallory, second, again) != "delivered":
        return
    for payee in (first, second):
        if not await can_redeem(act, payee):
            act.harm(payee, 1, SALES, to=mallory, says="the coin was credited to another")
