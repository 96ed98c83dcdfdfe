"""PID-A11: step 4 is sealed to the customer and signed by nobody, so anyone can send it."""

from nodes.protocols.anonymous_micropayment.state import Wallet
from scenarios.adversaries.line_to_the_broker import OWN_KEY, TAKEN
from scenarios.attacks.anonymous_micropayment import stalls
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack


@attack(
    "PID-A11",
    title="A key from the line",
    protocols=("anonymous_micropayment", "dht_micropayment"),
    guards=("deposit-is-sealed", "key-comes-from-the-broker"),
    word="SUBSTITUTED",
    refused_with=("anonymous_micropayment/cannot-open-deposit",),
    programs={"broker": "scenarios.adversaries.line_to_the_broker"},
    leaves={
        "every transaction reached its end": "the deposit waits for the broker",
    },
)
async def key_from_the_line(act: Act) -> None:
    """Whoever sits on the customer's line reads step 3 and sends step 4 with a key of its own.

    Either guard is enough: a sealed deposit shows no key to reply to, and a confirmation without
    the broker's tag is none.
    """
    await act.mallory()
    (customer,) = act.cast("Cus")
    asked = await customer.control("pid_pseudonym")
    await customer.until(asked["transaction"], "named")
    asked = await customer.control("pid_vouchers", amount=TAKEN)
    await customer.until(asked["transaction"], "held")
    await act.begin()

    await act.live.broker.control("own_key")
    asked = await customer.control("pid_deposit", amount=TAKEN)
    if act.guarded_by("deposit-is-sealed"):
        act.refused(await stalls.reason_of(customer, asked["transaction"]), customer)
        return
    await customer.until(asked["transaction"], "confirmed")
    [wallet] = act.voice(customer).kept("pid_wallets", Wallet)
    if wallet.secret == OWN_KEY:
        act.harm(customer, TAKEN, "vouchers", says="it orders under a key that the listener has")
