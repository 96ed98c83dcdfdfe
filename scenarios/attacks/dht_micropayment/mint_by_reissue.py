"""DC-A9: a coin that was never issued, as the next generation of one that never was."""

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
from scenarios.attacks.dht_micropayment.renewals import payment_with, unproven
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack

MADE_UP = 10**6
"""A serial far beyond what the broker issued."""


@attack(
    "DC-A9",
    title="Minting by reissue",
    protocols=("dht_micropayment",),
    guards=("reissue-is-certified",),
    word="MINTED",
)
async def mint_by_reissue(act: Act) -> None:
    """A peer signs the renewal of a coin that never existed, and pays with it.

    A payee of C' sees (8) and that its next place is free, and nothing else; that no such coin
    was issued it hears from the broker.
    """
    mallory = await act.mallory(symbol="W")
    (payee,) = act.cast("X")
    await withdraw(act.node(mallory))
    [coin] = held_by(mallory)
    await act.begin()

    made = msgspec.structs.replace(renewed(coin.coin, mallory.id), serial=MADE_UP)
    transfer = await payment_with(act, mallory, unproven(mallory, made), id_of(payee))
    if transfer is None or await buy(act, mallory, payee, transfer) != "delivered":
        return
    if not await can_redeem(act, payee):
        act.harm(payee, 1, SALES, to=mallory, says="paid with a coin that was never issued")
