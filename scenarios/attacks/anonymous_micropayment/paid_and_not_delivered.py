"""PID-A8: who is paid first and then owes the goods may keep them."""

from scenarios.attacks.anonymous_micropayment import stalls
from scenarios.attacks.anonymous_micropayment.other_goods import send_instead
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack


@attack(
    "PID-A8",
    title="Paid, and not delivered",
    protocols=("anonymous_micropayment", "dht_micropayment"),
    kind="open",
    word="UNDELIVERED",
)
async def paid_and_not_delivered(act: Act) -> None:
    """A vendor is paid and sends nothing. The customer knows, and can force nobody."""
    mallory = await act.mallory(symbol="Vend")
    (customer,) = act.cast("Cus")
    await stalls.open_stall(act.node(mallory))
    victim = await stalls.prepay(customer)
    send_instead(mallory, None)
    await act.begin()

    placed = await stalls.order(customer, act.node(mallory))
    record = await customer.until(placed, "owed")
    stalls.paid_for(act, victim, act.node(mallory))
    act.detected(f"{record['reason']}: owed", customer)
    act.harm(customer, stalls.PRICE, "unit", to=mallory, says="the goods are owed for ever")
