"""BS-A14: the paper promises anonymity from the bank, not from bank and coin server together."""

from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.knowledge import look_at
from scenarios.lab.privacy import judge
from scenarios.privacy.electronic_cash import FACTS, MEASUREMENTS

(MEASURED,) = MEASUREMENTS
(PAYER,) = (fact for fact in FACTS if fact.name == "payer")
NOT_ENOUGH = ("B", "S", "M", "B+M", "S+M")


@attack(
    "BS-A14",
    title="Bank and coin server together",
    protocols=("electronic_cash",),
    kind="open",
    word="TRACED",
    peers=MEASURED.peers,
)
async def traced_together(act: Act) -> None:
    """Bank and coin server lay side by side what each of them saw, and know who paid whom.

    The bank knows whose a withdrawal is, the coin server which payment is made from which; the
    withdrawal's number stands in both. Two customers withdraw, pay and are paid by turns, and
    everything that all parties read is put before the linker of `jangteo privacy`.
    """
    await act.begin()
    casts = await MEASURED.play(act.world)
    measured = judge(MEASURED, casts, await look_at(act.world))
    others = [coalition for coalition in NOT_ENOUGH if measured.knows(PAYER, coalition)]
    await act.say(f"who makes a payment, besides B+S: {', '.join(others) or 'nobody can tell'}")
    wrong = [one for one in measured.confusions if one.fact == PAYER.name]
    if measured.knows(PAYER, "B+S") and not (others or wrong):
        for cast in casts:
            customer = cast.nodes["C"]
            act.harm(customer, 1, "payments traced", to=act.live.bank, says="with the coin server")
