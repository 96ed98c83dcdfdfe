"""PC-A4: one coin pays for two sales, while it is in nobody's hands but the buyer's."""

from scenarios.attacks.escrow_commerce.cheating import (
    escrow,
    free_coins,
    pay_in,
    set_aside,
    sign_over,
)
from scenarios.attacks.escrow_commerce.sale import (
    DISPUTE_SECONDS,
    PROTOCOLS,
    offer,
    order,
    withdraw,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.worth import COINS


@attack(
    "PC-A4",
    title="One coin for two sales",
    protocols=PROTOCOLS,
    guards=("payment-locked-before-key",),
    word="UNPAID",
    refused_with=("payment-invalid",),
)
async def one_coin_two_sales(act: Act) -> None:
    """A buyer pays two sellers through the escrow server with one coin that is still its own.

    A look at the coin finds it good both times: it is good, and nobody has it yet. Only who takes
    it knows that it was there to be taken.
    """
    mallory = await act.mallory(symbol="P_1")
    buyer, escrow_server = act.node(mallory), act.live.escrow_server
    paid, unpaid = act.cast("P_3", "P_4")
    contents = [await offer(act, seller, price=1) for seller in (paid, unpaid)]
    await withdraw(buyer, 1)
    await act.begin()

    first, second = [await order(buyer, content_id) for content_id in contents]
    again = sign_over(mallory, free_coins(mallory), second, escrow(act))
    await pay_in(mallory, first, await set_aside(mallory, first, 1, escrow(act)))
    await buyer.until(first, "opened")
    await pay_in(mallory, second, again)
    told = await buyer.until(second, "opened", "refunded")
    if told["state"] != "opened":
        act.refused(told["reason"], escrow_server)
    await buyer.control("accept", transaction=first)
    await paid.until(first, "paid")
    act.fair(paid, COINS, 1)
    act.fair(mallory, COINS, -1)
    if told["state"] == "opened":
        await act.live.advance(DISPUTE_SECONDS)
    await unpaid.until(second, "aborted")
    if told["state"] == "opened":
        act.harm(unpaid, 1, "content", to=mallory, says="the coin had gone to the other seller")
