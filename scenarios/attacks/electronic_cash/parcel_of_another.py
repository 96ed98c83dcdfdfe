"""BS-A5: a parcel is money for whoever presents it, where no payee stands inside."""

from nodes.protocols.electronic_cash.documents import Presentation
from nodes.protocols.electronic_cash.messages import Pay, Present
from nodes.protocols.electronic_cash.reading import opened
from nodes.protocols.message import Role
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


@attack(
    "BS-A5",
    title="Somebody else's parcel",
    protocols=("electronic_cash",),
    guards=("cash-payee-is-named",),
    word="STOLEN",
)
async def parcel_of_another(act: Act) -> None:
    """A merchant's own coin server shows a friend the parcels it should forward, unopened.

    The friend presents one at the coins' home first. Refused there, the merchant's turn comes, and
    it has its coin by the home itself.
    """
    mallory = await act.mallory()
    server = await act.outsider("coin-server-m", Role.COIN_SERVER, hears=(Present,), symbol="S_M")
    customer, merchant = act.cast("C", "M")
    await withdraw(customer, PRICE)
    await merchant.control("cash_use", coin_server=server.name)
    counter = Counter(server, Present)
    await act.begin()

    payment = await start(customer, "cash_pay", to=merchant.name, amount=PRICE)
    parcel = _passed_on(await counter.first())
    stolen = await act.attempt(server_of(act), present(mallory, parcel))
    counter.answer_nothing()
    if stolen is not None:
        told = f"{merchant.name} was to have it"
        act.harm(customer, PRICE, CASH, to=mallory, says=told)
        return
    await ended(customer, payment)
    act.fair(customer, CASH, -PRICE)
    act.fair(merchant, CASH, PRICE)


def _passed_on(message: Present) -> Pay:
    """What a parcel comes with; the coin server that carries it cannot look inside."""
    said = opened(Presentation, message.presentation)
    nobody_waits = bytes(32)
    return Pay(said.home, said.amount, said.reference, message.parcel, nobody_waits)
