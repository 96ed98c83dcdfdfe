"""PC-A6: nobody holds what is paid in against the price."""

from scenarios.attacks.escrow_commerce.cheating import escrow, pay_in, set_aside
from scenarios.attacks.escrow_commerce.sale import (
    DISPUTE_SECONDS,
    PRICE,
    PROTOCOLS,
    offer,
    order,
    withdraw,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack


@attack(
    "PC-A6",
    title="One coin for what costs three",
    protocols=PROTOCOLS,
    guards=("payment-is-the-price",),
    word="UNDERPAID",
    refused_with=("payment-not-the-price",),
)
async def one_coin_for_three(act: Act) -> None:
    """A buyer pays in one good coin where the contract says three."""
    mallory = await act.mallory(symbol="P_1")
    buyer, escrow_server = act.node(mallory), act.live.escrow_server
    (seller,) = act.cast("P_3")
    content_id = await offer(act, seller)
    await withdraw(buyer, 1)
    await act.begin()

    sale = await order(buyer, content_id)
    await pay_in(mallory, sale, await set_aside(mallory, sale, 1, escrow(act)))
    told = await buyer.until(sale, "opened", "refunded")
    if told["state"] != "opened":
        act.refused(told["reason"], escrow_server)
        await seller.until(sale, "aborted")
        return
    await act.live.content_of(buyer, sale)
    await act.live.advance(DISPUTE_SECONDS)
    paid = await escrow_server.until(sale, "closed")
    assert paid["payment"] == "released", "whatever came in is paid out"
    act.harm(seller, PRICE - 1, "coins of the price", to=mallory, says="its content is gone")
