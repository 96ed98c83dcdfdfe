"""PC-A3: the key has left when the payment is looked at."""

from scenarios.attacks.escrow_commerce.cheating import pay_in
from scenarios.attacks.escrow_commerce.sale import DISPUTE_SECONDS, PRICE, PROTOCOLS, offer, order
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack


@attack(
    "PC-A3",
    title="The key before the payment",
    protocols=PROTOCOLS,
    guards=("payment-checked-before-key", "payment-locked-before-key"),
    word="UNPAID",
    refused_with=("payment-invalid",),
)
async def key_before_payment(act: Act) -> None:
    """A buyer pays in bytes that are no payment, and has the key before anybody has looked.

    The paper sends the key and checks the payment afterwards (4.2 (8)). Looking first is enough
    against this; whoever locks has looked.
    """
    mallory = await act.mallory(symbol="P_1")
    buyer, escrow_server = act.node(mallory), act.live.escrow_server
    (seller,) = act.cast("P_3")
    content_id = await offer(act, seller)
    await act.begin()

    sale = await order(buyer, content_id)
    await pay_in(mallory, sale, b"three coins, honestly")
    told = await buyer.until(sale, "opened", "refunded")
    if told["state"] != "opened":
        act.refused(told["reason"], escrow_server)
        await seller.until(sale, "aborted")
        return
    await act.live.content_of(buyer, sale)
    await act.live.advance(DISPUTE_SECONDS)
    await seller.until(sale, "aborted")
    act.harm(seller, 1, "content", to=mallory, says=f"its price was {PRICE} coins")
