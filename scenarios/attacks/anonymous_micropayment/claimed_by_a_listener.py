"""PID-A5: step 6 says itself where the money goes, so whoever has the order says: to me."""

from nodes.protocols.anonymous_micropayment.messages import ClaimOrder
from nodes.protocols.anonymous_micropayment.values import Decision
from scenarios.attacks.anonymous_micropayment import stalls
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.worth import PREPAID


@attack(
    "PID-A5",
    title="Claimed by a listener",
    protocols=("anonymous_micropayment", "dht_micropayment"),
    guards=("vendor-is-authenticated",),
    word="DIVERTED",
)
async def claimed_by_a_listener(act: Act) -> None:
    """Who reads an order on its way claims it before its vendor, for an account of its own."""
    mallory = await act.mallory()
    customer, vendor = act.cast("Cus", "Vend")
    await stalls.open_stall(vendor)
    victim = await stalls.prepay(customer)
    await stalls.become_vendor(mallory, "fence")
    await act.begin()

    await act.live.kill(act.live.broker)  # the vendor cannot claim it yet
    placed = await stalls.order(customer, vendor)
    seen = stalls.order_sent(act, customer)
    await act.live.kill(vendor)
    await act.live.restart(act.live.broker)
    claim = ClaimOrder(seen, mallory.id, None)
    said = await act.attempt(act.live.broker, stalls.send_claim(mallory, claim))
    await act.live.restart(vendor)
    await customer.until(placed, "delivered")
    if said is not None and said.response.decision is Decision.ACCEPT:
        says = f"{mallory.name} was paid, {vendor.name} gave the goods"
        act.harm(stalls.purse_of(victim), stalls.PRICE, PREPAID, says=says)
    else:
        stalls.paid_for(act, victim, vendor)
