"""PC-A7: the buyer has what it was promised, and says that it has not."""

from scenarios.attacks.escrow_commerce.sale import PRICE, PROTOCOLS, offer, order, pay, withdraw
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.worth import COINS

CHEAT = "peer-05"


@attack(
    "PC-A7",
    title="A false dispute",
    protocols=PROTOCOLS,
    kind="inherent",
    refused_with=("as-promised",),
    programs={CHEAT: "scenarios.adversaries.false_claimant"},
)
async def false_dispute(act: Act) -> None:
    """A buyer opens what it was promised and complains that it is garbage, to have its coins back.

    The escrow server opens the ciphertext with the key that the buyer was given, and asks nobody.
    """
    buyer, escrow_server = act.world.node(CHEAT), act.live.escrow_server
    act.live.name(buyer, "P_1")
    (seller,) = act.cast("P_3")
    content_id = await offer(act, seller)
    await withdraw(buyer, PRICE)
    await act.begin()

    sale = await order(buyer, content_id)
    await pay(buyer, sale)
    await buyer.control("dispute", transaction=sale)
    ended = await buyer.until(sale, "denied", "refunded")
    if ended["state"] == "refunded":
        act.harm(seller, 1, "content", to=buyer, says="its buyer has the coins back")
        return
    act.refused(ended["finding"], escrow_server)
    await seller.until(sale, "paid")
    act.fair(seller, COINS, PRICE)
    act.fair(buyer, COINS, -PRICE)
