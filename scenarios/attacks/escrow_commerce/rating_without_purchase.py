"""PC-A8: a rating by somebody who has bought nothing."""

from scenarios.attacks.escrow_commerce.cheating import bought, rate
from scenarios.attacks.escrow_commerce.sale import PROTOCOLS, offer, order, trust_at, void
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack


@attack(
    "PC-A8",
    title="A rating without a purchase",
    protocols=PROTOCOLS,
    guards=("rating-follows-purchase",),
    word="BLACKENED",
)
async def rating_without_purchase(act: Act) -> None:
    """A peer orders, pays nothing, lets the sale lapse, and rates its seller -1."""
    mallory = await act.mallory(symbol="P_1")
    buyer, escrow_server = act.node(mallory), act.live.escrow_server
    (seller,) = act.cast("P_3")
    content_id = await offer(act, seller)
    await act.begin()

    sale = await order(buyer, content_id)
    await void(act, sale, seller, buyer)
    before = await act.live.trust(seller)
    terms = bought(mallory, sale).contract
    if await act.attempt(escrow_server, rate(mallory, terms, sale, -1)) is None:
        return
    after = await trust_at(act, seller, ratings=1)
    if after < before:
        act.harm(seller, 1, "rating", says=f"its trust: {before:+.2f}, then {after:+.2f}")
