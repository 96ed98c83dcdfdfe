"""PC-A1: the two digests are equal, for both are of garbage."""

from scenarios.attacks.escrow_commerce.cheating import spoil
from scenarios.attacks.escrow_commerce.sale import (
    PRICE,
    PROTOCOLS,
    SIZE,
    offer,
    order,
    pay,
    withdraw,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.worth import COINS


@attack(
    "PC-A1",
    title="Garbage with a matching hash",
    protocols=PROTOCOLS,
    guards=("payment-held-for-dispute",),
    word="PAID",
    refused_with=("wrong-content",),
)
async def garbage_with_matching_hash(act: Act) -> None:
    """A seller delivers noise and deposits the digest of just that noise, so the digests agree.

    Paid at once, it has the coins before the buyer has opened anything. Held back, the payment
    waits for a complaint, which the escrow server decides by opening the ciphertext itself.
    """
    mallory = await act.mallory(symbol="P_3")
    seller, escrow_server = act.node(mallory), act.live.escrow_server
    (buyer,) = act.cast("P_1")
    content_id = await offer(act, seller)
    await withdraw(buyer, PRICE)
    await act.begin()

    spoil(mallory, content_id, act.random.randbytes(SIZE))
    sale = await order(buyer, content_id)
    await pay(buyer, sale)
    await act.attempt(buyer, buyer.control("dispute", transaction=sale))
    ended = await buyer.until(sale, "refunded", "denied")
    if ended["state"] == "refunded":
        act.refused(ended["finding"], escrow_server)
        return
    await seller.until(sale, "paid")
    act.harm(buyer, PRICE, COINS, to=mallory, says="for noise; the complaint came too late")
