"""BS-A7: as printed the bank's word on a redemption proves nothing of who speaks."""

from nodes.protocols.electronic_cash.messages import Pay, Redeem, Redeemed
from nodes.protocols.electronic_cash.refusals import NotYours
from nodes.protocols.message import Role
from nodes.runtime.refusals import WrongRole
from scenarios.attacks.electronic_cash.coins import (
    Counter,
    ended,
    id_of,
    server_of,
    start,
    withdraw,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.worth import CASH

PRICE = 4


@attack(
    "BS-A7",
    title="A forged redemption",
    protocols=("electronic_cash",),
    kind="inherent",
    refused_with=(WrongRole.code, NotYours.code),
)
async def forged_redemption(act: Act) -> None:
    """Somebody tells the coin server, as the bank does, to take another's coins out of circulation.

    A merchant with a parcel that was handed to it tries it in its own name, and then in that of a
    second bank, which is certified like the first.
    """
    mallory = await act.mallory(symbol="M")
    bank = await act.outsider("second-bank", Role.BANK_ACCOUNT_SERVER)
    (customer,) = act.cast("C")
    await withdraw(customer, PRICE)
    counter, server = Counter(mallory, Pay), server_of(act)
    await act.begin()

    payment = await start(customer, "cash_pay", to=mallory.name, amount=PRICE)
    parcel = await counter.first()
    message = Redeem(parcel.reference, parcel.amount, parcel.parcel)
    for party in (mallory.party, bank.party):
        sent = party.send(id_of(server), message, party.fresh_transaction(), Redeemed)
        if await act.attempt(server, sent):
            act.harm(customer, PRICE, CASH, says="destroyed")
    counter.refuse()
    await ended(customer, payment, "cancelled", "settled", "refused", "disputed")
    codes = {one.code for one in act.came.refusals}
    told = ", ".join(sorted(codes))
    act.live.check(
        "neither a stranger nor another bank", {WrongRole.code, NotYours.code} == codes, told
    )
