"""PID-A8: what was ordered stands nowhere in what the broker saw."""

from typing import Any

import msgspec

from nodes.protocols.anonymous_micropayment.messages import GoodsSent, PlaceOrder
from nodes.protocols.envelope import Opened
from nodes.runtime.party import Answer, Party
from scenarios.adversaries.outsider import Mallory
from scenarios.attacks.anonymous_micropayment import stalls
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack

OTHER = b"not what was asked for"


@attack(
    "PID-A8",
    title="Other goods",
    protocols=("anonymous_micropayment", "dht_micropayment"),
    guards=("order-names-the-goods",),
    word="CHEATED",
    leaves={
        "every transaction reached its end": "the vendor was paid and keeps the goods",
    },
)
async def other_goods(act: Act) -> None:
    """A vendor is paid for a song and sends something else, and nobody can say that it did."""
    mallory = await act.mallory(symbol="Vend")
    (customer,) = act.cast("Cus")
    await stalls.open_stall(act.node(mallory))
    victim = await stalls.prepay(customer)
    send_instead(mallory, OTHER)
    await act.begin()

    placed = await stalls.order(customer, act.node(mallory))
    record = await customer.until(placed, "delivered", "owed")
    stalls.paid_for(act, victim, act.node(mallory))
    if record["state"] == "delivered":
        act.harm(customer, stalls.PRICE, "unit", to=mallory, says="it takes the goods for a song")
    else:
        act.refused(record["reason"], customer)


def send_instead(mallory: Mallory, goods: bytes | None) -> None:
    """Step 8 with the broker's true response and whatever goods."""
    inbound = mallory.service.inbound

    async def answer(received: Opened[Any], party: Party) -> Answer:
        true = (await honest(received, party)).opened.message
        assert isinstance(true, GoodsSent)
        return party.reply(received, msgspec.structs.replace(true, goods=goods))

    honest = inbound.replace(PlaceOrder, answer)
