"""PID-A4: the vendor claims one order again and again."""

from nodes.protocols.anonymous_micropayment import settlement
from scenarios.attacks.anonymous_micropayment import stalls
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack

AGAIN = 5
STORED = "the response it was given before"


@attack(
    "PID-A4",
    title="An order claimed again",
    protocols=("anonymous_micropayment", "dht_micropayment"),
    kind="inherent",
    refused_with=(STORED,),
)
async def claimed_again(act: Act) -> None:
    """A vendor that was paid for an order claims it again, in messages of their own."""
    mallory = await act.mallory(symbol="Vend")
    (customer,) = act.cast("Cus")
    await stalls.open_stall(act.node(mallory), "stall")
    await stalls.prepay(customer)
    await stalls.buy(customer, act.node(mallory))
    await act.begin()

    key = await stalls.become_vendor(mallory, "stall")
    claim = settlement.claim(stalls.order_seen(act, act.node(mallory)), key, mallory.id)
    answers = [await stalls.send_claim(mallory, claim) for _ in range(AGAIN)]
    if all(answer.response == answers[0].response for answer in answers):
        act.refused(STORED, act.live.broker)
