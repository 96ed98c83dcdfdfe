"""PID-A3: what is hashed runs together, so one order's hash is another's."""

import msgspec

from scenarios.attacks.anonymous_micropayment import stalls
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack


@attack(
    "PID-A3",
    title="One order for two names",
    protocols=("anonymous_micropayment", "dht_micropayment"),
    guards=("fields-are-framed",),
    word="PAID TWICE",
    refused_with=("anonymous_micropayment/order-not-authentic",),
)
async def one_order_for_two_names(act: Act) -> None:
    """A vendor called v12 is also v1: its order number 1 is number 21 of v1."""
    mallory = await act.mallory(symbol="Vend")
    (customer,) = act.cast("Cus")
    await stalls.open_stall(act.node(mallory), "v12")
    victim = await stalls.prepay(customer)
    await stalls.buy(customer, act.node(mallory))
    key = await stalls.become_vendor(mallory, "v1")
    await act.begin()

    seen = stalls.order_seen(act, act.node(mallory))
    shifted = msgspec.structs.replace(seen, vendor="v1", number=int(f"2{seen.number}"))
    await stalls.cash_in(act, mallory, shifted, key, victim)
