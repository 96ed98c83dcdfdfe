"""DC-A11: a coin is paid after its time, to a payee that does not mind."""

from nodes.protocols.dht_micropayment.coin import closes_at
from scenarios.attacks.dht_micropayment.coins import (
    SALES,
    buy,
    can_redeem,
    committed,
    held_by,
    id_of,
    refused_by,
    remember,
    signed,
    withdraw,
    write,
)
from scenarios.attacks.dht_micropayment.renewals import LIFE
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack


@attack(
    "DC-A11",
    title="Spent after its end",
    protocols=("dht_micropayment",),
    guards=("coin-has-not-expired",),
    word="ACCEPTED",
    settings=LIFE,
)
async def spend_after_expiry(act: Act) -> None:
    """A coin is paid after its last moment, and its payee can do nothing with it.

    Its records may be forgotten by then, so it may have been paid before. Witnesses see to it, too,
    where the payee is the payer's accomplice.
    """
    mallory = await act.mallory(symbol="U")
    (payee,) = act.cast("V")
    await withdraw(act.node(mallory))
    [coin] = held_by(mallory)
    await act.live.advance((closes_at(coin.coin) - mallory.party.now()) / 1000 + 1)
    await act.begin()

    paid = committed(mallory, coin, id_of(payee))
    transfer = signed(mallory, paid)
    by_accomplice = await write(mallory, transfer.record, transfer.predecessor, transfer.evidence)
    refused_by(act, by_accomplice)
    if await buy(act, mallory, payee, transfer) != "delivered":
        return
    await remember(mallory, paid)
    if not await can_redeem(act, payee):
        act.harm(payee, 1, SALES, to=mallory, says="for a coin that nobody takes any more")
