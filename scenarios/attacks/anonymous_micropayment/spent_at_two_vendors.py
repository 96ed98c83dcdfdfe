"""PID-A13, PID-A14: one balance, or one number, shown to two vendors at once."""

import asyncio

from nodes.protocols.anonymous_micropayment.messages import GoodsSent, PlaceOrder
from nodes.protocols.anonymous_micropayment.state import Wallet
from nodes.protocols.anonymous_micropayment.values import Decision, Order, Reason
from scenarios.adversaries.outsider import Mallory
from scenarios.attacks.anonymous_micropayment import stalls
from scenarios.lab.acting import Act
from scenarios.lab.node_client import Node


async def spend_at_both(act: Act, amount: int, numbers: tuple[int, int], wanted: Reason) -> None:
    """A customer that cheats orders from two vendors at once, having prepaid `amount`."""
    mallory = await act.mallory(symbol="Cus")
    one, other = act.cast("Vend", "Vend'")
    for vendor in (one, other):
        await stalls.open_stall(vendor)
    pseudonym = await stalls.prepay(act.node(mallory), amount)
    [wallet] = act.voice(act.node(mallory)).kept("pid_wallets", Wallet)
    assert wallet.secret is not None, "it has prepaid"
    await act.begin()

    placed = [
        (vendor, stalls.made_order(mallory, pseudonym, number, vendor.name, wallet.secret))
        for vendor, number in zip((one, other), numbers, strict=True)
    ]
    answers = await asyncio.gather(*(_place(mallory, *each) for each in placed))
    paid = [vendor for vendor, sent in answers if sent.response.decision is Decision.ACCEPT]
    for vendor in paid[:1]:
        stalls.paid_for(act, pseudonym, vendor)
    for vendor in paid[1:]:
        act.harm(vendor, 1, "goods", to=mallory, says="sold against money that was gone")
    if wanted in [sent.response.reason for _, sent in answers]:
        act.refused(wanted.value, act.live.broker)
    act.live.check("one of them is paid", len(paid) == 1, f"{len(paid)} paid")


async def _place(mallory: Mallory, vendor: Node, order: Order) -> tuple[Node, GoodsSent]:
    party = mallory.party
    placed, to = PlaceOrder(order, stalls.GOODS), bytes.fromhex(vendor.id)
    answer = await party.send(to, placed, party.fresh_transaction(), GoodsSent)
    return vendor, answer.message
