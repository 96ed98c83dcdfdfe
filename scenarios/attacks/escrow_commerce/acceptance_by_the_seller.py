"""PC-A8: a rating accepts the goods, so a seller would like to give it itself."""

from scenarios.attacks.escrow_commerce.cheating import rate, spoil
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
    "PC-A8",
    title="A rating in the buyer's name",
    protocols=PROTOCOLS,
    guards=("rating-by-the-buyer",),
    word="PAID",
)
async def acceptance_by_the_seller(act: Act) -> None:
    """A seller of noise rates itself +1 in its buyer's name, which accepts the noise and pays.

    Step 9 of the paper has no signature, and with the payment held back it is worth more than a
    good name: it ends the time in which the buyer can complain.
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
    delivery = mallory.trade.books.delivery(bytes.fromhex(sale))
    assert delivery is not None, "it was ordered"
    own = rate(mallory, delivery.contract, sale, 1, buyer=delivery.contract.buyer)
    await act.attempt(escrow_server, own)
    await act.attempt(buyer, buyer.control("dispute", transaction=sale))
    ended = await buyer.until(sale, "refunded", "denied")
    if ended["state"] == "refunded":
        return
    await seller.until(sale, "paid")
    act.harm(buyer, PRICE, COINS, to=mallory, says="for noise, rated +1")
