"""DC-A4: a transfer that names nobody belongs to whoever shows it next."""

from nodes.protocols.dht_micropayment.messages import Credit
from scenarios.attacks.dht_micropayment.coins import (
    SALES,
    can_redeem,
    hand_in,
    has_an_account,
    id_of,
    look_up,
    pay,
    spent_by,
    step_behind,
    withdraw,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack


@attack(
    "DC-A4",
    title="Payment theft",
    protocols=("dht_micropayment",),
    guards=("payee-is-named",),
    word="STOLEN",
    refused_with=("dht_micropayment/payer-does-not-hold-the-coin",),
)
async def payment_theft(act: Act) -> None:
    """Somebody reads a payment in its register and hands the coin in as if it had been paid it.

    Equation (4) says which coin and which step, and not to whom. Where the payee is named, the
    thief is refused as one who does not hold the coin.
    """
    owner = await act.mallory("owner", symbol="U")
    thief = await act.mallory(symbol="X")
    (payee,) = act.cast("V")
    await has_an_account(thief)
    await withdraw(act.node(owner))
    before = await act.live.balance(act.node(thief))
    await pay(act.node(owner), payee)
    await act.begin()

    spent = spent_by(owner)
    assert spent.committed is not None, "it was paid"
    seen = await look_up(thief, spent.committed.name)
    mine = step_behind(
        thief, spent.coin, spent.evidence, seen, id_of(act.live.broker), kind="redeem"
    )
    said = await act.attempt(act.live.broker, hand_in(thief.party, mine))
    if said is None or said.credits != (Credit.CREDITED,):
        return
    gained = await act.live.balance(act.node(thief)) - before
    if gained == 1 and not await can_redeem(act, payee):
        act.harm(payee, 1, SALES, to=thief, says=f"the coin for it is on {thief.name}'s account")
