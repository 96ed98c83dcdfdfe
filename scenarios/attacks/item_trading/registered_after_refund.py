"""IT-A6: the buyer waits until its money is back, and registers then."""

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
    title="Refunded, then registered",
    protocols=("item_trading", "electronic_cash"),
    guards=("void-is-final",),
    word="STOLEN",
)
async def registered_after_refund(act: Act) -> None:
    """A buyer of model 2 keeps the opened certificate until its money is back, and registers then.

    In model 1 the item must be kept for the trade as well, and after a refund it is not.
    """
    mallory = await act.mallory(symbol="C_2")
    (seller,) = act.cast("C_1")
    market, game = act.live.markets[0], act.live.game_servers[0]
    cheat = act.node(mallory)
    await funded(cheat, PRICE)
    listing = await offered(act, seller, 2)
    await act.begin()

    hoards(mallory)
    trade = await ordered(cheat, market, listing)
    goods = await goods_of(mallory, cheat, trade)
    await time_is_over(act)
    await cheat.until(trade, "refunded")
    signed = purchase_of(mallory, trade).signed
    assert signed is not None, "2.5 brought it"
    to, message = bytes.fromhex(game.id), Register(signed, goods)
    asked = mallory.party.send(to, message, bytes.fromhex(trade), Registered)
    moved = await act.attempt(game, asked)
    if moved is not None and moved.message.certificate is not None:
        act.harm(seller, 1, ITEMS, to=mallory, says=f"and the {PRICE} are hers again")
