"""IT-A10: what the seller sends names nobody, and whoever has it registers it."""

from nodes.protocols.item_trading.documents import Goods
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
    "IT-A10",
    title="A certificate kept from before",
    protocols=("item_trading", "electronic_cash"),
    guards=("transferee-is-named",),
    word="STOLEN",
)
async def certificate_kept(act: Act) -> None:
    """A certificate read in a trade that came to nothing registers the item under another order.

    The first trade was paid and refunded; the second is never paid. Whoever else has come by the
    certificate and its signature does the same.
    """
    mallory = await act.mallory(symbol="X")
    (seller,) = act.cast("C_1")
    market, game = act.live.markets[0], act.live.game_servers[0]
    cheat = act.node(mallory)
    await funded(cheat, PRICE)
    hoards(mallory)
    listing = await offered(act, seller, 2)
    lapsed = await ordered(cheat, market, listing)
    certificate = (await goods_of(mallory, cheat, lapsed)).certificate
    await time_is_over(act)
    await cheat.until(lapsed, "refunded")
    await market.until(lapsed, "void")
    trade = await ordered(cheat, market, listing)
    await act.begin()

    signed = purchase_of(mallory, trade).signed
    assert signed is not None, "2.5 brought it"
    message = Register(signed, Goods(certificate, None, None, None))
    asked = mallory.party.send(bytes.fromhex(game.id), message, bytes.fromhex(trade), Registered)
    moved = await act.attempt(game, asked)
    if moved is not None and moved.message.certificate is not None:
        act.harm(seller, 1, ITEMS, to=mallory, says="nothing is paid for it")
    await time_is_over(act)
