"""PC-A5: two sales between the same two, and the escrow server cannot tell them apart."""

from scenarios.attacks.escrow_commerce.cheating import (
    bought,
    escrow,
    free_coins,
    pay_in,
    sign_over,
)
from scenarios.attacks.escrow_commerce.sale import (
    DISPUTE_SECONDS,
    PRICE,
    PROTOCOLS,
    offer,
    order,
    void,
    withdraw,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack


@attack(
    "PC-A5",
    title="Two sales cross over",
    protocols=PROTOCOLS,
    guards=("contract-names-sale", "contracts-agree"),
    word="UNDERPAID",
)
async def crossed_sales(act: Act) -> None:
    """A buyer of something cheap and something dear shows the cheap contract in the dear sale.

    In the paper 6a and 7 are matched by their two parties alone (4.2 (6), (7)). Either rule is
    enough: the contract names its sale, and both sides must show the same one.
    """
    mallory = await act.mallory(symbol="P_1")
    buyer, escrow_server = act.node(mallory), act.live.escrow_server
    (seller,) = act.cast("P_3")
    cheap_content = await offer(act, seller, price=1, words="a pebble")
    dear_content = await offer(act, seller, price=PRICE)
    await withdraw(buyer, 1)
    await act.begin()

    cheap, dear = await order(buyer, cheap_content), await order(buyer, dear_content)
    payment = sign_over(mallory, free_coins(mallory), dear, escrow(act))
    agreed = bought(mallory, cheap).signed
    crossed = pay_in(mallory, dear, payment, contract=agreed)
    if await act.attempt(escrow_server, crossed) is None:
        await void(act, dear, seller)
        await void(act, cheap, seller, buyer)
        return
    await buyer.until(dear, "opened")
    await act.live.content_of(buyer, dear)
    await act.live.advance(DISPUTE_SECONDS)
    await escrow_server.until(dear, "closed")
    act.harm(seller, PRICE - 1, "coins of the price", to=mallory, says="its content is gone")
