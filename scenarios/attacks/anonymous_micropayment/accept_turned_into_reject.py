"""PID-A7: a vendor that was paid tells its customer that the broker said no."""

from typing import Any

from nodes.protocols.anonymous_micropayment.messages import GoodsSent, PlaceOrder
from nodes.protocols.anonymous_micropayment.values import Decision, Reason, Response
from nodes.protocols.envelope import Opened
from nodes.runtime.party import Answer, Party
from scenarios.adversaries.outsider import Mallory
from scenarios.attacks.anonymous_micropayment import stalls
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack


@attack(
    "PID-A7",
    title="An accept turned into a reject",
    protocols=("anonymous_micropayment", "dht_micropayment"),
    kind="inherent",
    refused_with=("anonymous_micropayment/response-not-authentic",),
    leaves={
        "every transaction reached its end": "the vendor was paid and keeps the goods (PID-A8)",
    },
)
async def accept_turned_into_reject(act: Act) -> None:
    """A vendor claims an order, is paid, and answers its customer: rejected.

    The customer sees that the response is not the broker's, and asks the broker itself.
    """
    mallory = await act.mallory(symbol="Vend")
    (customer,) = act.cast("Cus")
    await stalls.open_stall(act.node(mallory))
    victim = await stalls.prepay(customer)
    _turn_answers(mallory)
    await act.begin()

    placed = await stalls.order(customer, act.node(mallory))
    record = await customer.until(placed, "owed", "rejected")
    stalls.paid_for(act, victim, act.node(mallory))
    rows = await customer.trace(transaction=placed)
    if record["state"] == "owed" and any(row["step"] == "Q2" for row in rows):
        act.refused("anonymous_micropayment/response-not-authentic", customer)
        act.detected("the broker's own answer: accepted", customer)
    else:
        act.harm(customer, stalls.PRICE, "unit", to=mallory, says="it believes it did not pay")


def _turn_answers(mallory: Mallory) -> None:
    inbound = mallory.service.inbound

    async def answer(received: Opened[Any], party: Party) -> Answer:
        await honest(received, party)
        forged = Response(Decision.REJECT, Reason.BALANCE_TOO_SMALL, bytes(32))
        return party.reply(received, GoodsSent(forged, None))

    honest = inbound.replace(PlaceOrder, answer)
