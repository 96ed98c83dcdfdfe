"""PC-A6: one side shows the escrow server a contract that the other has never seen."""

from scenarios.attacks.escrow_commerce.cheating import (
    altered,
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
    "PC-A6",
    title="Terms that one side invents",
    protocols=PROTOCOLS,
    guards=("contract-signed-by-both", "contracts-agree"),
    word="UNDERPAID",
)
async def invented_terms(act: Act) -> None:
    """A buyer shows the escrow server a contract with a lower price, signed by itself alone.

    Either rule is enough: both have signed the contract, and both sides must show the same one.
    """
    mallory = await act.mallory(symbol="P_1")
    buyer, escrow_server = act.node(mallory), act.live.escrow_server
    (seller,) = act.cast("P_3")
    content_id = await offer(act, seller)
    await withdraw(buyer, 1)
    await act.begin()

    sale = await order(buyer, content_id)
    payment = sign_over(mallory, free_coins(mallory), sale, escrow(act))
    invented = altered(bought(mallory, sale).contract, mallory, price=1)
    paid = pay_in(mallory, sale, payment, contract=invented)
    if await act.attempt(escrow_server, paid) is None:
        await void(act, sale, seller)
        return
    await buyer.until(sale, "opened")
    await act.live.content_of(buyer, sale)
    await act.live.advance(DISPUTE_SECONDS)
    await escrow_server.until(sale, "closed")
    act.harm(seller, PRICE - 1, "coins of the price", to=mallory, says="its content is gone")
