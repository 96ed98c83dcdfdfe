"""DC-A16: as many witnesses as two quorums share vote for two records of one register."""

from scenarios.attacks.dht_micropayment.coins import held_by, withdraw
from scenarios.attacks.dht_micropayment.colluding import (
    all_bribable,
    bribe,
    needed,
    pay_twice,
    told_at_the_broker,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.witnesses import Witnesses

PEERS = 7


@attack(
    "DC-A16",
    title="Colluding witnesses",
    protocols=("dht_micropayment",),
    kind="open",
    word="DOUBLED",
    peers=PEERS,
    programs=all_bribable(PEERS),
)
async def colluding_witnesses(act: Act) -> None:
    """Three of a register's five witnesses vote for two payments of one coin; both are delivered.

    With k = 5 and q = 4 two quorums share three members, so two double voters are borne and three
    are not. The broker credits the coin once, and whoever sees the two certificates side by side
    knows who voted twice: their votes are signed.
    """
    mallory = await act.mallory(symbol="U")
    witnesses = await Witnesses.of(act.live)
    await withdraw(act.node(mallory))
    [coin] = held_by(mallory)
    there = witnesses.of_register(coin.chain.hex(), 1)
    friends = act.random.sample(there, needed(witnesses))
    await bribe(friends)
    await act.begin()

    delivered = await pay_twice(act, mallory, coin, witnesses, friends)
    await act.say(f"delivered by {' and '.join(one.name for one in delivered) or 'nobody'}")
    if len(delivered) == 2:
        await told_at_the_broker(act, mallory, delivered)
