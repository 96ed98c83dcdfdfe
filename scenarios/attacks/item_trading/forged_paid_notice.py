"""IT-A8: the buyer tells the seller in the market's place that it has paid."""

from nodes.protocols.item_trading.messages import PaidNotice
from nodes.protocols.item_trading.players import BuyerState, Purchase
from nodes.protocols.item_trading.reading import ciphertext_digest
from nodes.protocols.message import Received
from scenarios.attacks.item_trading.trading import (
    PRICE,
    offered,
    ordered,
    purchase_of,
    time_is_over,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.worth import ITEMS


@attack(
    "IT-A8",
    title="A forged notice",
    protocols=("item_trading", "electronic_cash"),
    guards=("paid-notice-is-proven",),
    word="UNPAID",
)
async def forged_paid_notice(act: Act) -> None:
    """A buyer that has paid nothing tells the seller so, gets the key, and registers the item."""
    mallory = await act.mallory(symbol="C_2")
    (seller,) = act.cast("C_1")
    market, cheat = act.live.markets[0], act.node(mallory)
    trade = await ordered(cheat, market, await offered(act, seller, 2))
    await act.begin()

    name, to = bytes.fromhex(trade), bytes.fromhex(seller.id)
    await mallory.items.books.change_purchase(name, _as_if_paid)
    held = purchase_of(mallory, trade).ciphertext
    assert held is not None, "2.5 brought it"
    notice = PaidNotice(None, ciphertext_digest(held))
    if await act.attempt(seller, mallory.party.send(to, notice, name, Received)) is None:
        await time_is_over(act)
        return
    await cheat.until(trade, "registered")
    await seller.until(trade, "unpaid")
    act.harm(seller, 1, ITEMS, to=mallory, says=f"and the {PRICE} are nowhere")


def _as_if_paid(purchase: Purchase) -> Purchase:
    return purchase.moved(BuyerState.PAYING).moved(BuyerState.PAID)
