"""PC-A2: the ciphertext is of what was sold, and the key does not open it."""

from scenarios.attacks.escrow_commerce.sale import PRICE, PROTOCOLS, offer, order, pay, withdraw
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.worth import COINS

CHEAT = "peer-05"


@attack(
    "PC-A2",
    title="A wrong key",
    protocols=PROTOCOLS,
    guards=("payment-held-for-dispute",),
    word="PAID",
    refused_with=("cannot-decrypt",),
    programs={CHEAT: "scenarios.adversaries.wrong_key_seller"},
)
async def wrong_key(act: Act) -> None:
    """A seller delivers the right ciphertext and deposits a key that does not open it."""
    seller, escrow_server = act.world.node(CHEAT), act.live.escrow_server
    act.live.name(seller, "P_3")
    (buyer,) = act.cast("P_1")
    content_id = await offer(act, seller)
    await withdraw(buyer, PRICE)
    await act.begin()

    sale = await order(buyer, content_id)
    await pay(buyer, sale)
    await act.attempt(buyer, buyer.control("dispute", transaction=sale))
    ended = await buyer.until(sale, "refunded", "denied")
    if ended["state"] == "refunded":
        act.refused(ended["finding"], escrow_server)
        return
    await seller.until(sale, "paid")
    act.harm(buyer, PRICE, COINS, to=seller, says="for what it cannot open")
