"""BS-A13: one plaintext, one ciphertext: then whoever carries it knows it again."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from nodes.protocols.electronic_cash.holding import Spending
from nodes.protocols.electronic_cash.spending import seal_parcel
from scenarios.attacks.electronic_cash.coins import ended, id_of, server_of, start, withdraw
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.worth import BANK, CASH

AMOUNT, WITHDRAWALS = 8, 2
NOTHING = "nothing-in-common"
LONG = re.compile(r"[0-9a-f]{32,}")


@attack(
    "BS-A13",
    title="A withdrawal recognized at the deposit",
    protocols=("electronic_cash",),
    kind="inherent",
    refused_with=(NOTHING,),
)
async def withdrawal_recognized(act: Act) -> None:
    """The bank looks for the withdrawal that a deposited coin is from, among two of one amount.

    It compares all it carried, sealed or not, at the withdrawals and at the deposit. Then it is
    told what is in the parcel, and seals that anew: it would know the parcel again, were the
    sealing not randomised.
    """
    await act.mallory()  # carries the voice
    (customer,) = act.cast("C")
    bank, server = act.live.bank, server_of(act)
    for _ in range(WITHDRAWALS):
        await withdraw(customer, AMOUNT)
    await act.begin()

    await ended(customer, await start(customer, "cash_deposit", amount=AMOUNT), "settled")
    act.fair(customer, CASH, -AMOUNT)
    act.fair(customer, BANK, AMOUNT)
    parties = {node.id for node in act.world.nodes.values()}
    read = (await bank.get("/inspect/view"))["read"]
    carried, brought = (_values(read, letter) - parties for letter in "WD")
    (order,) = act.voice(customer).kept("cash_orders", Spending)
    key = (await act.voice(bank).party.directory.card(id_of(server))).sealing_key
    again = seal_parcel(order.spend, id_of(server), key)
    there = order.parcel.hex() in brought and len(carried) > WITHDRAWALS
    act.live.check("the bank carried both", there, f"{len(carried)} and {len(brought)} values")
    if carried & brought or again == order.parcel:
        act.harm(customer, 1, "withdrawals recognized", to=bank)
    else:
        act.refused(NOTHING, bank)


def _values(read: Iterable[Mapping[str, Any]], letter: str) -> set[str]:
    """All that is long enough to be told again, in messages of steps with this letter."""
    lines = [line["value"] for line in read if line["step"].startswith(letter)]
    return set(LONG.findall(json.dumps(lines)))
