"""PID-A14: the broker settles one order after the other."""

from nodes.protocols.anonymous_micropayment.values import Reason
from scenarios.attacks.anonymous_micropayment import stalls
from scenarios.attacks.anonymous_micropayment.spent_at_two_vendors import spend_at_both
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack


@attack(
    "PID-A14",
    title="One number at two vendors",
    protocols=("anonymous_micropayment", "dht_micropayment"),
    kind="inherent",
    refused_with=(Reason.NUMBER_USED.value,),
    leaves={
        "customers and broker agree on each pseudonym": "a cheat's own books",
    },
)
async def number_at_two_vendors(act: Act) -> None:
    """A customer gives one order number to two vendors at once."""
    await spend_at_both(act, stalls.PREPAY, (1, 1), Reason.NUMBER_USED)
