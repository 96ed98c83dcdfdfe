"""PID-A13: the broker settles one order after the other."""

from nodes.protocols.anonymous_micropayment.values import Reason
from scenarios.attacks.anonymous_micropayment import stalls
from scenarios.attacks.anonymous_micropayment.spent_at_two_vendors import spend_at_both
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack


@attack(
    "PID-A13",
    title="One balance at two vendors",
    protocols=("anonymous_micropayment", "dht_micropayment"),
    kind="inherent",
    refused_with=(Reason.BALANCE_TOO_SMALL.value,),
    leaves={
        "customers and broker agree on each pseudonym": "a cheat's own books",
    },
)
async def balance_at_two_vendors(act: Act) -> None:
    """A customer with money for one order places two at once, with two vendors."""
    await spend_at_both(act, stalls.PRICE, (1, 2), Reason.BALANCE_TOO_SMALL)
