"""DC-A8: one coin is renewed twice, and each of the new ones is paid."""

import msgspec

from nodes.protocols.dht_micropayment.reissue import renewed
from scenarios.attacks.dht_micropayment.coins import (
    SALES,
    buy,
    can_redeem,
    held_by,
    id_of,
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


@attack(
    "DC-A8",
    title="Renewed twice",
    protocols=("dht_micropayment",),
    guards=("reissue-takes-the-next-register",),
    word="DOUBLED",
    settings=LIFE,
)
async def double_reissue(act: Act) -> None:
    """A holder makes two new coins of one old coin, and pays two payees.

    The new coins differ in their generation, since their expiry is fixed; as printed they would
    differ in that.
    """
    mallory = await act.mallory(symbol="W")
    payees = act.cast("X", "Y")
    await withdraw(act.node(mallory))
    [coin] = held_by(mallory)
    await may_renew(act, mallory, coin)
    await act.begin()

    made = renewed(coin.coin, mallory.id)
    delivered = []
    for generation, payee in zip((1, 2), payees, strict=True):
        one = msgspec.structs.replace(made, generation=generation)
        new = await reissue_beside(act, mallory, coin, one)
        transfer = new and await payment_with(act, mallory, new, id_of(payee))
        if transfer and await buy(act, mallory, payee, transfer) == "delivered":
            delivered.append(payee)
    for payee in delivered:
        if not await can_redeem(act, payee):
            act.harm(payee, 1, SALES, to=mallory, says="the coin was credited to another")
