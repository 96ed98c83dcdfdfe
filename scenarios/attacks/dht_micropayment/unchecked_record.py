"""DC-A17: what comes with no proof of its coin is stored, in whoever's register it is."""

from nodes.protocols.dht_micropayment.step import read_step
from scenarios.attacks.dht_micropayment.coins import (
    buy,
    id_of,
    look_up,
    pay,
    refused_by,
    spent_by,
    step_behind,
    withdraw,
    write,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.worth import COINS

GARBAGE = b"\xc1 no evidence of anything"


@attack(
    "DC-A17",
    title="A record with no proof",
    protocols=("dht_micropayment",),
    guards=("evidence-is-shown",),
    word="STOLEN",
)
async def unchecked_record(act: Act) -> None:
    """A stranger fills the next register of another's coin with its own name, and garbage as proof.

    Witnesses that store whatever they are sent certify it; the coin is then the stranger's to pay.
    """
    mallory = await act.mallory(symbol="X")
    victim, payee = act.cast("V", "W")
    owner = act.node(mallory)
    await withdraw(owner)
    await pay(owner, victim)
    spent = spent_by(mallory)
    assert spent.committed is not None, "it was paid"
    theirs = await look_up(mallory, spent.committed.name)
    await act.begin()

    mine = step_behind(mallory, spent.coin, spent.evidence, theirs, mallory.id)
    written = await write(mallory, mine.record, None, GARBAGE)
    if written.certificate is None:
        refused_by(act, written)
        return
    assert read_step(written.certificate.record).payee == mallory.id
    onward = step_behind(mallory, spent.coin, spent.evidence, written.certificate, id_of(payee))
    if await buy(act, mallory, payee, onward) == "delivered":
        act.harm(victim, 1, COINS, to=payee, says=f"{mallory.name} bought with it")
