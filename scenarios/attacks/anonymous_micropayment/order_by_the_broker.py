"""PID-A10: a keyed hash proves nothing against who has the key."""

from nodes.protocols.anonymous_micropayment.state import Prepaid
from scenarios.attacks.anonymous_micropayment import stalls
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack


@attack(
    "PID-A10",
    title="An order by the broker",
    protocols=("anonymous_micropayment", "dht_micropayment"),
    kind="open",
    word="FORGED",
)
async def order_by_the_broker(act: Act) -> None:
    """The broker, which has every customer's key, orders in a customer's name."""
    mallory = await act.mallory()
    (customer,) = act.cast("Cus")
    victim = await stalls.prepay(customer)
    key = await stalls.become_vendor(mallory, "fence")
    await act.begin()

    accounts = act.voice(act.live.broker).kept("pid_prepaid", Prepaid)
    [prepaid] = [one for one in accounts if one.pseudonym.hex() == victim]
    forged = stalls.made_order(mallory, victim, 1, "fence", prepaid.secret)
    await stalls.cash_in(act, mallory, forged, key, victim)
