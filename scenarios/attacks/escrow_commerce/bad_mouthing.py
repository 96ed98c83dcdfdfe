"""PC-A10: a real buyer rates what was good -1."""

from scenarios.attacks.escrow_commerce.sale import PROTOCOLS, buy, offer, trust_at, withdraw
from scenarios.attacks.escrow_commerce.trust import cost, said
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack

PURCHASES = 4


@attack(
    "PC-A10",
    title="Bad-mouthing",
    protocols=PROTOCOLS,
    kind="open",
    word="BLACKENED",
)
async def bad_mouthing(act: Act) -> None:
    """A buyer buys the cheapest thing of an honest seller again and again, and rates it -1.

    It has bought, so it may rate; that it had what it was promised does not show in a rating.
    """
    mallory = await act.mallory(symbol="P_1")
    buyer = act.node(mallory)
    (seller,) = act.cast("P_3")
    content_id = await offer(act, seller, price=1)
    await withdraw(buyer, PURCHASES)
    await act.begin()

    before, sent = await act.live.trust(seller), said(mallory)
    for _ in range(PURCHASES):
        await buy(act, buyer, seller, content_id, value=-1)
    lost = before - await trust_at(act, seller, ratings=PURCHASES)
    if lost > 0:
        per = cost(lost, sales=PURCHASES, coins=PURCHASES, messages=said(mallory) - sent)
        says = f"trust {-lost:+.2f}; {per}"
        act.harm(seller, PURCHASES, "ratings", says=says)
