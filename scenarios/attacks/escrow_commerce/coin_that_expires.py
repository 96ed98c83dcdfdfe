"""PC-A4: a payment that is good when the key leaves, and worth nothing when it is paid out."""

from nodes.protocols.dht_micropayment.refusals import CoinHasExpired
from scenarios.attacks.escrow_commerce.cheating import escrow, pay_in, set_aside
from scenarios.attacks.escrow_commerce.sale import (
    DISPUTE_SECONDS,
    PROTOCOLS,
    offer,
    order,
    withdraw,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack

LAST_MINUTE = 86_400 + 1_800 - 60
"""Seconds after which witnesses take a payment of this coin for one more minute."""


@attack(
    "PC-A4",
    title="A coin that expires in escrow",
    protocols=PROTOCOLS,
    guards=("payment-outlasts-the-sale",),
    word="UNPAID",
    refused_with=("payment-expires-too-soon",),
)
async def coin_that_expires(act: Act) -> None:
    """A buyer pays in a coin that can still be locked, and not paid out when the sale has ended."""
    mallory = await act.mallory(symbol="P_1")
    buyer, escrow_server = act.node(mallory), act.live.escrow_server
    (seller,) = act.cast("P_3")
    await withdraw(buyer, 1)
    await act.live.advance(LAST_MINUTE)
    content_id = await offer(act, seller, price=1)
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
    await escrow_server.until(sale, "closed")
    await act.live.reached("8b", escrow_server, of=sale, outcome=CoinHasExpired.code)
    act.harm(seller, 1, "content", to=mallory, says="the coin it was paid with had expired")
