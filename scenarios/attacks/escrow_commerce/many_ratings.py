"""PC-A8: as many ratings for one purchase as there are ways to word one."""

from scenarios.attacks.escrow_commerce.cheating import bought, rate
from scenarios.attacks.escrow_commerce.sale import PROTOCOLS, buy, offer, trust_at, withdraw
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack

RATINGS = 8


@attack(
    "PC-A8",
    title="Many ratings for one purchase",
    protocols=PROTOCOLS,
    guards=("one-rating-a-sale", "rating-names-the-sale"),
    word="BLACKENED",
)
async def many_ratings(act: Act) -> None:
    """A buyer of one thing for one coin rates it -1 again and again, each time of other content.

    The same words twice are the same message, and count once. So each rating names a content that
    was never sold.
    """
    mallory = await act.mallory(symbol="P_1")
    buyer, escrow_server = act.node(mallory), act.live.escrow_server
    (seller,) = act.cast("P_3")
    content_id = await offer(act, seller, price=1)
    await withdraw(buyer, 1)
    sale = await buy(act, buyer, seller, content_id)
    before = await trust_at(act, seller, ratings=1)
    await act.begin()

    terms = bought(mallory, sale).contract
    counted = 0
    for number in range(RATINGS):
        odd = rate(mallory, terms, sale, -1, content_id=number.to_bytes(32, "big"))
        counted += await act.attempt(escrow_server, odd) is not None
    if not counted:
        return
    after = await trust_at(act, seller, ratings=1 + counted)
    if after < before:
        says = f"its trust: {before:+.2f}, then {after:+.2f}"
        act.harm(seller, counted, "ratings", says=says)
