"""PID-A1: step 5 is printed with BCA_key, so a customer that can compute it has BCA_key."""

from nodes.protocols.anonymous_micropayment.state import Wallet
from scenarios.attacks.anonymous_micropayment import stalls
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack


@attack(
    "PID-A1",
    title="An order under the authority's key",
    protocols=("anonymous_micropayment", "dht_micropayment"),
    guards=("authority-key-stays-secret",),
    word="FORGED",
    refused_with=("anonymous_micropayment/order-not-authentic",),
)
async def order_under_the_authoritys_key(act: Act) -> None:
    """A customer orders in another customer's name, with the key all of them were given.

    Where customers get none, it tries the one key it has, which is its own.
    """
    mallory = await act.mallory()
    customer, vendor = act.cast("Cus", "Vend")
    await stalls.open_stall(vendor)
    victim = await stalls.prepay(customer)
    await stalls.prepay(act.node(mallory), 10)
    key = await stalls.become_vendor(mallory, "fence")
    await act.begin()

    [wallet] = act.voice(act.node(mallory)).kept("pid_wallets", Wallet)
    known = wallet.shared_key or wallet.secret
    assert known is not None, "it has prepaid"
    forged = stalls.made_order(mallory, victim, 1, "fence", known)
    await stalls.cash_in(act, mallory, forged, key, victim)
