"""IT-A6 in model 1: the goods are good for as long as the item is the seller's."""

from nodes.protocols.item_trading.messages import Register, Registered
from scenarios.adversaries.item_hoarder import goods_of, hoards
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
from scenarios.lab.worth import ITEMS


@attack(
    "IT-A6",
    title="Refunded, then registered, at a market",
    protocols=("item_trading", "electronic_cash"),
    guards=("void-is-final", "item-is-reserved"),
    word="STOLEN",
)
async def goods_after_refund(act: Act) -> None:
    """A buyer of model 1 lets the trade run out, has its money back, and registers the goods.

    Either rule is enough here: what is void is not registered, nor what is kept for nobody.
    """
    mallory = await act.mallory(symbol="C_2")
    (seller,) = act.cast("C_1")
    market, game = act.live.markets[0], act.live.game_servers[0]
    cheat = act.node(mallory)
    await funded(cheat, PRICE)
    listing = await offered(act, seller, 1)
    await act.begin()

    hoards(mallory)
    trade = await ordered(cheat, market, listing)
    goods = await goods_of(mallory, cheat, trade)
    await time_is_over(act)
    await cheat.until(trade, "refunded")
    signed = purchase_of(mallory, trade).signed
    assert signed is not None, "1.4n brought it"
    to, message = bytes.fromhex(game.id), Register(signed, goods)
    moved = await act.attempt(
        game, mallory.party.send(to, message, bytes.fromhex(trade), Registered)
    )
    if moved is not None and moved.message.certificate is not None:
        act.harm(seller, 1, ITEMS, to=mallory, says=f"and the {PRICE} are hers again")
