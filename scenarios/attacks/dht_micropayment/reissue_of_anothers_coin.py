"""DC-A9: the renewal of a coin that somebody else holds."""

from nodes.protocols.dht_micropayment.messages import Credit
from nodes.protocols.dht_micropayment.reissue import renewed
from scenarios.attacks.dht_micropayment.coins import (
    SALES,
    can_redeem,
    hand_in,
    has_an_account,
    id_of,
    pay,
    spent_by,
    step_behind,
    withdraw,
)
from scenarios.attacks.dht_micropayment.renewals import payment_with, unproven
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack


@attack(
    "DC-A9",
    title="Renewing another's coin",
    protocols=("dht_micropayment",),
    guards=("reissue-is-certified",),
    word="STOLEN",
)
async def reissue_of_anothers_coin(act: Act) -> None:
    """Somebody who has seen a coin signs its renewal and hands that in; its holder comes too late.

    The broker knows (U, sn), and credits it to whoever is first.
    """
    mallory = await act.mallory(symbol="X")
    (holder,) = act.cast("V")
    owner = act.node(mallory)
    await has_an_account(mallory)
    await withdraw(owner)
    await pay(owner, holder)
    spent = spent_by(mallory)
    before = await act.live.balance(owner)
    await act.begin()

    new = unproven(mallory, renewed(spent.coin, mallory.id))
    paid = await payment_with(act, mallory, new, mallory.id)
    if paid is None:
        return
    coin, evidence = new
    mine = step_behind(
        mallory, coin, evidence, paid.predecessor, id_of(act.live.broker), kind="redeem"
    )
    said = await act.attempt(act.live.broker, hand_in(mallory.party, mine))
    gained = await act.live.balance(owner) - before
    if said is None or said.credits != (Credit.CREDITED,) or gained != 1:
        return
    if not await can_redeem(act, holder):
        act.harm(holder, 1, SALES, to=mallory, says=f"its coin is on {mallory.name}'s account")
