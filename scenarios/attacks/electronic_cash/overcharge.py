"""BS-A2: as printed it is the merchant who tells the coin server what it is owed."""

from nodes.protocols.electronic_cash.messages import Pay
from scenarios.attacks.electronic_cash.coins import (
    Counter,
    ended,
    present,
    server_of,
    start,
    withdraw,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.worth import CASH

AGREED, TAKEN = 2, 8


@attack(
    "BS-A2",
    title="The merchant's own price",
    protocols=("electronic_cash",),
    guards=("payment-is-as-ordered",),
    word="OVERCHARGED",
)
async def overcharge(act: Act) -> None:
    """A merchant is handed a coin of 8 for goods of 2, and tells the coin server 8."""
    mallory = await act.mallory(symbol="M")
    (customer,) = act.cast("C")
    await withdraw(customer, TAKEN)
    counter = Counter(mallory, Pay)
    await act.begin()

    payment = await start(customer, "cash_pay", to=mallory.name, amount=AGREED)
    parcel = await counter.first()
    coin = await act.attempt(server_of(act), present(mallory, parcel, TAKEN))
    counter.refuse()
    await ended(customer, payment)
    if coin is None:
        return
    act.fair(customer, CASH, -AGREED)
    act.fair(mallory, CASH, AGREED)
    act.harm(customer, TAKEN - AGREED, CASH, to=mallory, says="all the change")
