"""PC-A8: two ratings for one purchase."""

from scenarios.attacks.escrow_commerce.cheating import bought, rate
from scenarios.attacks.escrow_commerce.sale import PROTOCOLS, buy, offer, trust_at, withdraw
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack


@attack(
    "PC-A8",
    title="A second rating",
    protocols=PROTOCOLS,
    guards=("one-rating-a-sale",),
    word="BLACKENED",
)
async def second_rating(act: Act) -> None:
    """A buyer rates its purchase +1, and later -1 as well."""
    mallory = await act.mallory(symbol="P_1")
    buyer, escrow_server = act.node(mallory), act.live.escrow_server
    (seller,) = act.cast("P_3")
    content_id = await offer(act, seller, price=1)
    await withdraw(buyer, 1)
    sale = await buy(act, buyer, seller, content_id)
    before = await trust_at(act, seller, ratings=1)
    await act.begin()

    terms = bought(mallory, sale).contract
    if await act.attempt(escrow_server, rate(mallory, terms, sale, -1)) is None:
        return
    after = await trust_at(act, seller, ratings=2)
    if after < before:
        act.harm(seller, 1, "rating", says=f"its trust: {before:+.2f}, then {after:+.2f}")
