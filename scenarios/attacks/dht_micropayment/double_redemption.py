"""DC-A12: a coin and the one it was renewed into are both handed in."""

from nodes.protocols.dht_micropayment.holding import CoinState
from nodes.protocols.dht_micropayment.messages import Credit
from scenarios.attacks.dht_micropayment.coins import (
    committed,
    hand_in,
    has_an_account,
    held_by,
    id_of,
    redeem,
    signed,
    withdraw,
)
from scenarios.attacks.dht_micropayment.renewals import LIFE, may_renew
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.worth import ACCOUNT, COINS


@attack(
    "DC-A12",
    title="Redeemed twice",
    protocols=("dht_micropayment",),
    kind="inherent",
    word="DOUBLED",
    refused_with=("dht_micropayment/already-redeemed",),
    settings=LIFE,
)
async def double_redemption(act: Act) -> None:
    """A holder renews its coin, hands in the new one, then the old one, and the new one again.

    The broker credits (U, sn) once, over all generations; the same message again is answered as
    it was, and nothing is credited.
    """
    mallory = await act.mallory(symbol="W")
    owner = act.node(mallory)
    await has_an_account(mallory)
    await withdraw(owner)
    [old] = held_by(mallory)
    broker = act.live.broker
    handed_in = signed(mallory, committed(mallory, old, id_of(broker), kind="redeem"))
    await may_renew(act, mallory, old)
    await act.begin()

    asked = await owner.control("reissue", chain=old.chain.hex())
    await owner.until(asked["transaction"], "renewed")
    [new] = held_by(mallory)
    assert (await redeem(owner))["credited"] == 1, "that is its right"
    act.fair(mallory, COINS, -1)
    act.fair(mallory, ACCOUNT, 1)
    credited = await act.live.balance(owner)
    for coin in (old, new):
        closed = mallory.wallet.purse.get(coin.key)
        assert closed is not None and closed.state is CoinState.CLOSED  # noqa: PT018
    said = [await act.attempt(broker, hand_in(mallory.party, handed_in))]
    twice = signed(mallory, committed(mallory, new, id_of(broker), kind="redeem"))
    said.append(await act.attempt(broker, hand_in(mallory.party, twice)))
    gained = await act.live.balance(owner) - credited
    if any(one is not None and Credit.CREDITED in one.credits for one in said) or gained:
        act.harm(broker, gained, "coin", to=mallory, says="credited a second time")
