"""DC-A3: whoever was a coin's holder once skips the step that paid it, and takes a later place."""

from scenarios.attacks.dht_micropayment.coins import (
    buy,
    held_by,
    id_of,
    pay,
    spent_by,
    step_behind,
    withdraw,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.worth import COINS

FAR = 40


@attack(
    "DC-A3",
    title="A place further on",
    protocols=("dht_micropayment",),
    guards=("steps-follow-each-other",),
    word="STOLEN",
)
async def seq_skip(act: Act) -> None:
    """A coin is paid at step 1, and its payer pays it again at step 40, where nobody looked.

    The payer shows the step that once made it the holder; that it paid since stands in the
    register it skips.
    """
    mallory = await act.mallory(symbol="U")
    victim, payee = act.cast("V", "X")
    owner = act.node(mallory)
    await withdraw(owner)
    [coin] = held_by(mallory)
    assert coin.certificate is not None, "it is held"
    await pay(owner, victim)
    await act.begin()

    spent = spent_by(mallory)
    again = step_behind(
        mallory, spent.coin, spent.evidence, coin.certificate, id_of(payee), index=FAR
    )
    if await buy(act, mallory, payee, again) == "delivered":
        act.harm(victim, 1, COINS, to=payee, says=f"{mallory.name} paid it a second time")
