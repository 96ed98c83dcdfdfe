"""BS-A4: as printed a payer has nothing in hand before the merchant says so."""

from nodes.protocols.electronic_cash.messages import Pay
from scenarios.attacks.electronic_cash.coins import Counter, present, start, withdraw
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.worth import CASH

PRICE = 4


@attack(
    "BS-A4",
    title="A payment is denied",
    protocols=("electronic_cash",),
    guards=("settlement-is-confirmed",),
    word="UNPROVEN",
    programs={"coin-server-1": "scenarios.adversaries.cash_unconfirmed"},
)
async def payment_denied(act: Act) -> None:
    """A merchant takes its coin and says that it was never paid; the coin server covers it.

    The coin server's confirmation names somebody else. A payer that does not read it counts the
    payment as made and can prove it to nobody; one that reads it knows at once, and has a coin
    server in hand that signed what is not true. The coin is the merchant's in both cases, as it
    should be: the payer did pay.
    """
    mallory = await act.mallory(symbol="M")
    (customer,) = act.cast("C")
    await withdraw(customer, PRICE)
    counter = Counter(mallory, Pay)
    await act.begin()

    payment = await start(customer, "cash_pay", to=mallory.name, amount=PRICE)
    await present(mallory, await counter.first())
    act.fair(customer, CASH, -PRICE)
    act.fair(mallory, CASH, PRICE)
    counter.refuse()
    row = await customer.until(payment, "settled", "cancelled", "refused", "disputed")
    if row["state"] == "settled" and not row["receipt"]:
        act.harm(customer, 1, "proof of payment", says="settled, and nobody says for whom")
    elif row["state"] == "disputed":
        act.refused(str(row["refusal"]), customer)
