"""BS-A19: as printed a parcel serves for ever."""

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

PRICE = 4
LATE_SECONDS = 120


@attack(
    "BS-A19",
    title="A parcel presented late",
    protocols=("electronic_cash",),
    guards=("order-is-in-time",),
    word="TAKEN LATE",
)
async def late_parcel(act: Act) -> None:
    """A merchant keeps a parcel until its time is over, and presents it before its payer looks.

    The payer's clock is moved last, so that it comes later than the merchant.
    """
    mallory = await act.mallory(symbol="M")
    (customer,) = act.cast("C")
    await withdraw(customer, PRICE)
    counter, server = Counter(mallory, Pay), server_of(act)
    await act.begin()

    payment = await start(customer, "cash_pay", to=mallory.name, amount=PRICE)
    parcel = await counter.first()
    others = [node for node in act.world.nodes.values() if node is not customer]
    await act.live.advance(LATE_SECONDS, others)
    coin = await act.attempt(server, present(mallory, parcel))
    await act.live.advance(LATE_SECONDS, [customer])
    counter.refuse()
    await ended(customer, payment)
    if coin is not None:
        told = f"{LATE_SECONDS} s after it was handed over, for goods that nobody waited for"
        act.harm(customer, PRICE, CASH, to=mallory, says=told)
