"""PC-A15: the central server puts another offer under a seller's name."""

from scenarios.attacks.escrow_commerce.sale import (
    DISPUTE_SECONDS,
    PRICE,
    PROTOCOLS,
    offer,
    order_offer,
    pay,
    withdraw,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.worth import COINS

WORDS = "a harbour at dawn"


@attack(
    "PC-A15",
    title="Another seller in the answer",
    protocols=PROTOCOLS,
    guards=("offer-signed-by-seller",),
    word="DECEIVED",
    programs={"central-server": "scenarios.adversaries.central_server"},
)
async def substituted_seller(act: Act) -> None:
    """The central server lists an accomplice's offer under the name of the seller that is trusted.

    The buyer chooses the name, and sends its order and its coins to whoever signed the offer.
    """
    mallory = await act.mallory(symbol="P_4")
    cheat, central_server = act.node(mallory), act.live.central_server
    seller, buyer = act.cast("P_3", "P_1")
    await offer(act, seller, words=WORDS)
    await offer(act, cheat, words=WORDS)
    await withdraw(buyer, PRICE)
    await act.begin()

    await central_server.control("substitute", seller=seller.id, accomplice=cheat.id)
    found = await act.attempt(buyer, buyer.control("search", words=WORDS))
    if found is None:
        return
    chosen = found["selected"]
    sale = await order_offer(buyer, chosen["offer"])
    await pay(buyer, sale)
    await act.live.advance(DISPUTE_SECONDS)
    await cheat.until(sale, "paid")
    says = f"it chose {chosen['name']}, and has noise of somebody else"
    act.harm(buyer, PRICE, COINS, to=mallory, says=says)
