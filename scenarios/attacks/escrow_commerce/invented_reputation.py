"""PC-A9: the central server says what it likes of a seller."""

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
    "PC-A9",
    title="An invented reputation",
    protocols=PROTOCOLS,
    guards=("trust-is-recomputed",),
    word="DECEIVED",
    programs={"central-server": "scenarios.adversaries.central_server"},
)
async def invented_reputation(act: Act) -> None:
    """The central server lists an accomplice with twenty good ratings that nobody ever gave.

    The buyer takes the most trusted, pays, and has noise: what was sold, digest and all.
    """
    mallory = await act.mallory(symbol="P_4")
    cheat, central_server = act.node(mallory), act.live.central_server
    honest, buyer = act.cast("P_3", "P_1")
    await offer(act, honest, words=WORDS, price=1)
    await offer(act, cheat, words=WORDS)
    await withdraw(buyer, PRICE)
    await act.begin()

    await central_server.control("flatter", seller=cheat.id, ratings=20)
    found = await act.attempt(buyer, buyer.control("search", words=WORDS))
    if found is None:
        return
    chosen = found["selected"]
    sale = await order_offer(buyer, chosen["offer"])
    await pay(buyer, sale)
    await act.live.advance(DISPUTE_SECONDS)
    await cheat.until(sale, "paid")
    says = f"it chose by a trust of {chosen['of_seller']['trust']:+.2f}; the true one is 0"
    act.harm(buyer, PRICE, COINS, to=mallory, says=says)
