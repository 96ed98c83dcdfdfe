"""PC-A1: garbage without end, for a buyer that was not told how much there is to come."""

from scenarios.attacks.escrow_commerce.cheating import offer_by_hand, spoil
from scenarios.attacks.escrow_commerce.sale import PRICE, PROTOCOLS, SIZE, offer, void
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.world import Node

WORDS = "a harbour, two kilobytes"
ENDLESS = 8 << 20
"""Bytes. As far as the attack goes here; a buyer takes 16 GiB if nothing else is said."""


@attack(
    "PC-A1",
    title="Content without end",
    protocols=PROTOCOLS,
    guards=("offer-is-complete",),
    word="FILLED",
)
async def endless_content(act: Act) -> None:
    """An offer does not say how large the content is, and the buyer's disk takes what comes.

    The paper's offer has no size. A contract with one lets the buyer break off where the promised
    content must have ended.
    """
    mallory = await act.mallory(symbol="P_3")
    seller = act.node(mallory)
    (buyer,) = act.cast("P_1")
    content_id = await offer(act, seller)
    await act.begin()

    spoil(mallory, content_id, bytes(ENDLESS))
    sizeless = offer_by_hand(act, mallory, WORDS, PRICE, bytes.fromhex(content_id), None)
    if await act.attempt(act.live.central_server, sizeless) is None:
        return
    found = await buyer.control("search", words=WORDS)
    sale = (await buyer.control("order", offer=found["selected"]["offer"]))["transaction"]
    await buyer.until(sale, "ciphertext-held")
    taken = _on_disk(act, buyer)
    await void(act, sale, buyer, seller)
    if taken >= ENDLESS:
        says = f"{taken} bytes for a content of {SIZE}, and nothing was paid"
        act.harm(buyer, taken - SIZE, "bytes of its disk", says=says)


def _on_disk(act: Act, buyer: Node) -> int:
    """Bytes of what the buyer has fetched."""
    assert act.world.folder is not None, "attacks are played in a local world"
    bought = act.world.folder.data(buyer.name) / "content" / "bought"
    return sum(path.stat().st_size for path in bought.iterdir())
