"""PID-A2: where orders are made with the pseudonym's certificate, the authority makes them too."""

from nodes.protocols.anonymous_micropayment.guards import tag_of
from nodes.protocols.anonymous_micropayment.state import Named
from nodes.protocols.anonymous_micropayment.tags import certificate_statement
from nodes.protocols.anonymous_micropayment.values import Secret
from scenarios.attacks.anonymous_micropayment import stalls
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack


@attack(
    "PID-A2",
    title="An order by the authority",
    protocols=("anonymous_micropayment", "dht_micropayment"),
    guards=("orders-are-beyond-the-authority",),
    word="FORGED",
    refused_with=("anonymous_micropayment/order-not-authentic",),
)
async def order_by_the_authority(act: Act) -> None:
    """The authority computes a customer's certificate and orders with it from an accomplice."""
    mallory = await act.mallory()
    customer, vendor = act.cast("Cus", "Vend")
    await stalls.open_stall(vendor)
    victim = await stalls.prepay(customer)
    key = await stalls.become_vendor(mallory, "fence")
    await act.begin()

    authority = act.voice(act.live.certificate_authority)
    [shared] = authority.kept("pid_shared_keys", Secret)
    [named] = [n for n in authority.kept("pid_named", Named) if n.pseudonym.hex() == victim]
    statement = certificate_statement(named.pseudonym, named.certificate.expires)
    computed = tag_of(shared, statement, mallory.party.guards)
    forged = stalls.made_order(mallory, victim, 1, "fence", computed)
    await stalls.cash_in(act, mallory, forged, key, victim)
