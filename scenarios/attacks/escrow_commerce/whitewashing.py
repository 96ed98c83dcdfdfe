"""PC-A10: a bad name is left behind, and a new one is as good as anybody's."""

from scenarios.attacks.escrow_commerce.cheating import spoil
from scenarios.attacks.escrow_commerce.sale import (
    PRICE,
    PROTOCOLS,
    SIZE,
    offer,
    order,
    pay,
    trust_at,
    withdraw,
)
from scenarios.attacks.escrow_commerce.trust import cost, said
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.world import Node


@attack(
    "PC-A10",
    title="Whitewashing",
    protocols=PROTOCOLS,
    kind="open",
    word="WASHED",
)
async def whitewashing(act: Act) -> None:
    """A seller of noise, rated for it, enrols under a new name and stands with the newcomers.

    A new name begins at 0, and a proven cheat below it. Nothing of the paper makes a name dear.
    """
    mallory = await act.mallory(symbol="P_4")
    cheat = act.node(mallory)
    (buyer,) = act.cast("P_1")
    content_id = await offer(act, cheat)
    await withdraw(buyer, PRICE)
    await act.begin()

    spoil(mallory, content_id, act.random.randbytes(SIZE))
    await _complains(buyer, content_id)
    known = await trust_at(act, cheat, ratings=1)
    again = await act.mallory("mallory-again", symbol="P_5")
    fresh = act.node(again)
    await offer(act, fresh)
    found = await buyer.control("search", words="a harbour")
    chosen, unknown = found["selected"]["name"], await act.live.trust(fresh)
    if known < unknown and chosen == fresh.name:
        per = cost(unknown - known, sales=0, coins=0, messages=said(again))
        says = f"trust {known:+.2f} as {cheat.name}, {unknown:+.2f} as {fresh.name}; {per}"
        act.harm(buyer, 1, "warning", to=mallory, says=says)


async def _complains(buyer: Node, content_id: str) -> None:
    """Noise is bought, shown and refunded; its seller is rated -1 by that."""
    sale = await order(buyer, content_id)
    await pay(buyer, sale)
    await buyer.control("dispute", transaction=sale)
    await buyer.until(sale, "refunded")
