"""PC-A12: the buyer says another digest than that of what it holds."""

from scenarios.attacks.escrow_commerce.cheating import bought, escrow, pay_in, rate, set_aside
from scenarios.attacks.escrow_commerce.sale import PRICE, PROTOCOLS, offer, order, withdraw
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack


@attack(
    "PC-A12",
    title="A wrong digest from the buyer",
    protocols=PROTOCOLS,
    kind="inherent",
    refused_with=("digests-differ",),
)
async def wrong_digest(act: Act) -> None:
    """A buyer reports a wrong digest, so that its seller looks like a cheat, and rates it -1.

    Who of the two lied cannot be told; nobody has anything of it, and nothing was bought that
    could be rated.
    """
    mallory = await act.mallory(symbol="P_1")
    buyer, escrow_server = act.node(mallory), act.live.escrow_server
    (seller,) = act.cast("P_3")
    content_id = await offer(act, seller)
    await withdraw(buyer, PRICE)
    await act.begin()

    sale = await order(buyer, content_id)
    payment = await set_aside(mallory, sale, PRICE, escrow(act))
    await pay_in(mallory, sale, payment, digest=bytes(32))
    told = await buyer.until(sale, "opened", "refunded")
    if told["state"] == "opened":
        act.harm(seller, 1, "content", to=mallory, says="without the digests being equal")
        return
    act.refused(told["reason"], escrow_server)
    await seller.until(sale, "aborted")
    terms = bought(mallory, sale).contract
    if await act.attempt(escrow_server, rate(mallory, terms, sale, -1)):
        act.harm(seller, 1, "rating", says="for a sale that did not come about")
