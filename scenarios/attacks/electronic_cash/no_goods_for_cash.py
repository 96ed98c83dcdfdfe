"""BS-A12: a payment is one thing and a delivery another."""

from scenarios.attacks.electronic_cash.coins import start, withdraw
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.worth import CASH

PRICE = 4


@attack(
    "BS-A12",
    title="Paid, and nothing delivered",
    protocols=("electronic_cash",),
    kind="open",
    word="NO GOODS",
)
async def no_goods_for_cash(act: Act) -> None:
    """A merchant takes a payment, signs the receipt, and delivers nothing.

    What is left to the customer are two signatures: the merchant's and the coin server's, on
    merchant, amount and order. A sale through the escrow server, which e-cash pays as well, leaves
    more (jangteo run escrow_dispute --pay ecash).
    """
    mallory = await act.mallory(symbol="M")
    (customer,) = act.cast("C")
    await withdraw(customer, PRICE)
    await act.begin()

    payment = await start(customer, "cash_pay", to=mallory.name, amount=PRICE)
    row = await customer.until(payment, "settled")
    proven = bool(row["receipt"] and row["settlement"])
    if proven:
        act.harm(customer, PRICE, CASH, to=mallory, says="it is receipted, and not met")
