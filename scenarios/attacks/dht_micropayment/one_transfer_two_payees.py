"""DC-A4: the same bytes pay two payees, and no two records are there to convict the payer."""

from scenarios.attacks.dht_micropayment.coins import (
    SALES,
    buy,
    can_redeem,
    committed,
    held_by,
    id_of,
    remember,
    signed,
    withdraw,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.worth import COINS


@attack(
    "DC-A4",
    title="One transfer, two payees",
    protocols=("dht_micropayment",),
    guards=("payee-is-named",),
    word="UNPAID",
)
async def one_transfer_two_payees(act: Act) -> None:
    """One transfer that names no payee is handed to two; each has it certified, and delivers.

    It is one value, so witnesses see no conflict and there is no proof of fraud.
    """
    mallory = await act.mallory(symbol="U")
    first, second = act.cast("V", "W")
    await withdraw(act.node(mallory))
    [coin] = held_by(mallory)
    paid = committed(mallory, coin, id_of(first))
    transfer = signed(mallory, paid)
    await act.begin()

    outcomes = [await buy(act, mallory, payee, transfer) for payee in (first, second)]
    await remember(mallory, paid)
    if outcomes == ["delivered", "refused"]:
        act.fair(mallory, COINS, -1)
        act.fair(first, COINS, 1)
    if outcomes == ["delivered", "delivered"]:
        unpaid = [payee for payee in (first, second) if not await can_redeem(act, payee)]
        for payee in unpaid:
            act.harm(payee, 1, SALES, to=mallory, says="the other has redeemed the same coin")
