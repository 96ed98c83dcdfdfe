"""DC-A10: whoever renews a coin gives it as long a life as it likes."""

from nodes.protocols.dht_micropayment.coin import closes_at
from nodes.protocols.dht_micropayment.reissue import renewed
from nodes.protocols.dht_micropayment.step import next_register
from scenarios.attacks.dht_micropayment.coins import (
    buy,
    can_redeem,
    held_by,
    id_of,
    until_moment,
    withdraw,
)
from scenarios.attacks.dht_micropayment.renewals import LIFE, may_renew, payment_with, reissue
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack

YEAR_9999 = 253_402_300_799_000


@attack(
    "DC-A10",
    title="A coin for ever",
    protocols=("dht_micropayment",),
    guards=("expiry-is-fixed",),
    word="ETERNAL",
    settings=LIFE,
)
async def eternal_coin(act: Act) -> None:
    """A holder renews its coin until the year 9999, and pays with it when it should long be dead.

    Nobody may ever forget its registers, and the broker owes for it for ever.
    """
    mallory = await act.mallory(symbol="W")
    (payee,) = act.cast("X")
    await withdraw(act.node(mallory))
    [coin] = held_by(mallory)
    await may_renew(act, mallory, coin)
    await act.begin()

    lasting = renewed(coin.coin, mallory.id, expires=YEAR_9999)
    place = next_register(coin.coin, coin.step)
    new = await reissue(act, mallory, coin, lasting, place)
    if new is None:
        return
    await until_moment(act, mallory, closes_at(renewed(coin.coin, mallory.id)))
    transfer = await payment_with(act, mallory, new, id_of(payee))
    if transfer is None or await buy(act, mallory, payee, transfer) != "delivered":
        return
    if await can_redeem(act, payee):
        act.harm(act.live.broker, 1, "dead coin", to=mallory, says="paid out after its last moment")
