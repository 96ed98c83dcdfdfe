"""PC-A13: whoever has bought once has the key of all who buy."""

from scenarios.attacks.escrow_commerce.cheating import bought
from scenarios.attacks.escrow_commerce.sale import PROTOCOLS, buy, offer, void, withdraw
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.world import Node

SELLER = "peer-05"


@attack(
    "PC-A13",
    title="One key for all buyers",
    protocols=PROTOCOLS,
    guards=("key-is-fresh",),
    word="UNPAID",
    programs={SELLER: "scenarios.adversaries.one_key_seller"},
)
async def one_key_for_all(act: Act) -> None:
    """A seller has one key for a content, and its first buyer gives it to one who has not paid.

    The seller is the victim: the paper lets it understand K so. The escrow server, which has seen
    the key before, does not take it again, and then the seller hands out nothing.
    """
    seller, escrow_server = act.world.node(SELLER), act.live.escrow_server
    act.live.name(seller, "P_3")
    first = await act.mallory(symbol="P_1")
    second = await act.mallory("mallory-2", symbol="P_2")
    content_id = await offer(act, seller, price=1)
    await withdraw(act.node(first), 1)
    sale = await buy(act, act.node(first), seller, content_id)
    await act.begin()

    key = bought(first, sale).key
    assert key is not None, "it was bought"
    reader = act.node(second)
    found = await reader.control("search", content_id=content_id)
    again = (await reader.control("order", offer=found["selected"]["offer"]))["transaction"]
    outcome = await _of_6a(act, seller, again)
    if outcome != "ok":
        act.refused(outcome, escrow_server)
        await void(act, again, reader, seller)
        return
    await reader.until(again, "ciphertext-held")
    promised = bytes.fromhex(content_id)
    complaint = await second.trade.files.open(bytes.fromhex(again), key, promised)
    await void(act, again, reader, seller)
    if complaint is None:
        act.harm(seller, 1, "content", to=second, says="opened with the key of the first buyer")


async def _of_6a(act: Act, seller: Node, sale: str) -> str:
    """How the escrow server answered the seller's deposit."""
    while True:
        for row in act.live.recorder.rows.get(seller.name, ()):
            came_to = (row.transaction, row.kind, row.sender)
            if came_to == (sale, "answer", act.live.escrow_server.name):
                return row.outcome
        await act.live.recorder.follow(seller, wait=5)
