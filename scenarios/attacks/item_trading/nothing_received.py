"""IT-A20: the buyer of model 2 has everything, and says that nothing came."""

from nodes.protocols.item_trading.messages import MoneyPaid
from nodes.protocols.item_trading.reading import ciphertext_digest
from nodes.protocols.message import Received
from scenarios.adversaries.item_hoarder import hoards, pay_in
from scenarios.attacks.item_trading.trading import (
    PRICE,
    offered,
    ordered,
    purchase_of,
    time_is_over,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.items import funded
from scenarios.lab.node_client import Node


@attack(
    "IT-A20",
    title="Nothing has come",
    protocols=("item_trading", "electronic_cash"),
    guards=("payment-names-the-ciphertext",),
    word="DENIED",
)
async def nothing_received(act: Act) -> None:
    """A buyer reads the certificate, has its money back, and denies to have got anything.

    It pays without a word of what it holds. Nobody has a statement of the buyer's to show then, so
    a seller that sent everything looks like one that sent nothing.
    """
    mallory = await act.mallory(symbol="C_2")
    (seller,) = act.cast("C_1")
    market, cheat = act.live.markets[0], act.node(mallory)
    await funded(cheat, PRICE)
    hoards(mallory)
    trade = await ordered(cheat, market, await offered(act, seller, 2))
    await act.begin()

    message = MoneyPaid(await pay_in(mallory, trade), None)
    name, to = bytes.fromhex(trade), bytes.fromhex(market.id)
    told = await act.attempt(market, mallory.party.send(to, message, name, Received))
    if told is not None:
        await cheat.until(trade, "goods-held")
    await time_is_over(act)
    await cheat.until(trade, "refunded")
    held = purchase_of(mallory, trade)
    assert held.ciphertext is not None, "2.5 brought it"
    named = ciphertext_digest(held.ciphertext).hex()
    if held.goods is not None and not await _is_told(named, trade, market, seller):
        says = f"{mallory.name} has read the certificate, and no word of hers says so"
        act.harm(seller, 1, "acknowledgement", says=says)


async def _is_told(digest: str, trade: str, *nodes: Node) -> bool:
    """Whether one of them keeps a signed message that names the ciphertext."""
    pages = [(await node.get(f"/inspect/transactions/{trade}"))["found"] for node in nodes]
    pieces = [piece["bytes"] for page in pages for row in page for piece in row["evidence"]]
    return any(digest in piece for piece in pieces)
