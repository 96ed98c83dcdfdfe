"""PID-A9: the authority and one vendor need no broker to say who bought."""

from nodes.protocols.anonymous_micropayment.state import Named, Sale
from scenarios.attacks.anonymous_micropayment import stalls
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack

PURCHASES = 3


@attack(
    "PID-A9",
    title="Named without the broker",
    protocols=("anonymous_micropayment", "dht_micropayment"),
    kind="open",
    word="NAMED",
)
async def named_without_the_broker(act: Act) -> None:
    """The authority puts its list of pseudonyms beside a vendor's orders.

    Orders that bear aliases (`--hides`) show it nothing: that is measured beside it.
    """
    await act.mallory()
    shown, hidden, vendor = act.cast("Cus", "Cus'", "Vend")
    await stalls.open_stall(vendor)
    for customer, hides in ((shown, False), (hidden, True)):
        await stalls.prepay(customer, hides=hides)
    await act.begin()

    for customer in (shown, hidden):
        for _ in range(PURCHASES):
            await stalls.buy(customer, vendor)
    authority = act.voice(act.live.certificate_authority)
    names = {one.pseudonym: one.identity for one in authority.kept("pid_named", Named)}
    orders = [sale.order for sale in act.voice(vendor).kept("pid_sales", Sale)]
    named = [names[order.pseudonym].hex() for order in orders if order.pseudonym in names]
    act.live.check("aliases name nobody", named.count(hidden.id) == 0)
    if named.count(shown.id):
        says = f"of its {PURCHASES} purchases; of those under aliases none"
        act.harm(shown, named.count(shown.id), "purchases named", says=says)
