"""DC-A5: a step that was paid is written over, or waited out."""

from scenarios.attacks.dht_micropayment.coins import (
    SALES,
    buy,
    held_by,
    id_of,
    members,
    pay,
    refused_by,
    signed_away,
    withdraw,
    write,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack

HOURS = 23
"""Almost as long as the coin lives; stock Kademlia forgets a value after a day."""


@attack(
    "DC-A5",
    title="A record written over",
    protocols=("dht_micropayment",),
    kind="inherent",
    word="DOUBLED",
    refused_with=("dht_micropayment/register-is-written",),
)
async def record_overwritten(act: Act) -> None:
    """A payer writes another payment into a register that holds one, and again and again.

    Right away, when all its replicas have died and are back, and almost a day later.

    The first valid record has a replica's vote for ever; it is on its disk before the vote leaves,
    and nothing forgets it while the coin lives.
    """
    mallory = await act.mallory(symbol="U")
    first, second = act.cast("V", "W")
    await withdraw(act.node(mallory))
    [coin] = held_by(mallory)
    await pay(act.node(mallory), first)
    other = signed_away(mallory, coin, id_of(second))
    await act.begin()

    refused_by(act, await write(mallory, other.record, other.predecessor, other.evidence))
    await act.live.kill(*members(act))
    await act.live.restart(*members(act))
    refused_by(act, await write(mallory, other.record, other.predecessor, other.evidence))
    await act.live.advance(HOURS * 3600)
    if await buy(act, mallory, second, other) == "delivered":
        act.harm(second, 1, SALES, to=mallory, says="for a coin that was another's already")
