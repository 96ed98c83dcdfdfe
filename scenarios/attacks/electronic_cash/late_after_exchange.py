"""BS-A19: whoever comes first with a coin has it, the merchant or its payer."""

from nodes.protocols.electronic_cash.messages import Pay
from nodes.protocols.electronic_cash.refusals import CoinNotCirculating
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
    "BS-A19",
    title="A parcel presented after its coins were taken back",
    protocols=("electronic_cash",),
    kind="inherent",
    refused_with=(CoinNotCirculating.code,),
)
async def late_after_exchange(act: Act) -> None:
    """A merchant says that the coins are spent, waits until its payer has exchanged them, and
    presents the parcel.

    The lie itself gets it nothing: the payer asks the coins' home, which says that they circulate.
    """
    mallory = await act.mallory(symbol="M")
    (customer,) = act.cast("C")
    await withdraw(customer, PRICE)
    counter = Counter(mallory, Pay)
    await act.begin()

    payment = await start(customer, "cash_pay", to=mallory.name, amount=PRICE)
    parcel = await counter.first()
    counter.refuse(CoinNotCirculating())
    state = await ended(customer, payment, "cancelled", "refused", "disputed")
    name = "the payer has its coins back, whatever the merchant says"
    act.live.check(name, state == "cancelled", state)
    coin = await act.attempt(server_of(act), present(mallory, parcel))
    if coin is not None:
        act.harm(customer, PRICE, CASH, to=mallory)
