"""IT-A14, to its end: the market reads the certificate and has the item registered elsewhere."""

from crypto.documents import Signed, sign_document
from nodes.protocols.item_trading.documents import Deal, Goods
from nodes.protocols.item_trading.messages import Register, Registered
from nodes.protocols.item_trading.reading import changed
from scenarios.adversaries.outsider import Mallory, Voice
from scenarios.attacks.item_trading.trading import (
    PRICE,
    answered,
    deal_in,
    offered,
    opened_with,
    tapped,
    time_is_over,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.items import bought, funded
from scenarios.lab.worth import ITEMS


@attack(
    "IT-A14",
    title="The market takes the item",
    protocols=("item_trading", "electronic_cash"),
    guards=("buyer-key-is-certified", "transferee-is-named"),
    word="STOLEN",
    programs={"market-1": "scenarios.adversaries.key_swapping_market"},
)
async def market_takes_item(act: Act) -> None:
    """A market reads what its key opens, and an accomplice registers the item before the buyer can.

    The buyer gets its money back when the time is over. The seller has neither item nor money.
    """
    mallory = await act.mallory(symbol="X")
    seller, buyer = act.cast("C_1", "C_2")
    market, game = act.live.markets[0], act.live.game_servers[0]
    crooked = act.voice(market)
    await funded(buyer, PRICE)
    listing = await offered(act, seller, 2)
    await act.live.recorder.follow(market, wait=0)  # what it has sent before is not counted
    await act.begin()

    trade = await bought(buyer, market, listing)
    if (told := await answered(act, "2.4", market, trade)) != "ok":
        act.refused(told, seller)
        await time_is_over(act)
        return
    await buyer.until(trade, "ready")
    await buyer.control("item_pay", transaction=trade)
    await buyer.until(trade, "garbage")
    read = (await opened_with(crooked.party.sealing_key, buyer, trade)).certificate
    signed, name = _deal(crooked, deal_in(await tapped(buyer, "2.5", trade)), mallory)
    message = Register(signed, Goods(read, None, None, None))
    asked = mallory.party.send(bytes.fromhex(game.id), message, name, Registered)
    moved = await act.attempt(game, asked)
    await time_is_over(act)
    await buyer.until(trade, "refunded")
    if moved is not None and moved.message.certificate is not None:
        act.harm(seller, 1, ITEMS, to=mallory, says="and nothing is paid for it")


def _deal(crooked: Voice, deal: Deal, to: Mallory) -> tuple[Signed[Deal], bytes]:
    """The same with another buyer, signed by the market as any."""
    other = changed(deal, buyer=to.id, trade=crooked.party.fresh_transaction())
    return sign_document(other, crooked.party.key), other.trade
