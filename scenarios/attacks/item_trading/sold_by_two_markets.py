"""IT-A5: two markets verify one certificate, and both sell."""

from nodes.protocols.item_trading.refusals import ItemReserved
from scenarios.attacks.item_trading.trading import PRICE, certified, listed, ordered
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.items import bought, funded
from scenarios.lab.worth import CASH, ITEMS


@attack(
    "IT-A5",
    title="Two markets, one item",
    protocols=("item_trading", "electronic_cash"),
    guards=("item-is-reserved",),
    word="SOLD TWICE",
)
async def sold_by_two_markets(act: Act) -> None:
    """Two markets find the certificate good, each sells the item, and two buyers pay for it.

    The second has paid for what it cannot get. The game server's word brings its money back: what
    it loses is the use of it meanwhile.
    """
    mallory = await act.mallory(symbol="C_1")
    first, second = act.cast("C_2", "V")
    (one, other), game = act.live.markets[:2], act.live.game_servers[0]
    cheat = act.node(mallory)
    serial = await certified(act, cheat)
    listings = [await listed(cheat, market, serial, 1) for market in (one, other)]
    for buyer in (first, second):
        await funded(buyer, PRICE)
    await act.begin()

    trade = await ordered(first, one, listings[0])
    late = await bought(second, other, listings[1])
    refused = (await second.until(late, "ready", "void"))["state"] == "void"
    await first.control("item_pay", transaction=trade)
    await first.until(trade, "registered")
    await cheat.until(trade, "paid")
    act.fair(first, CASH, -PRICE)
    act.fair(first, ITEMS, 1)
    act.fair(cheat, CASH, PRICE)
    act.fair(cheat, ITEMS, -1)
    if refused:
        await act.live.reached("1.4", other, of=late, outcome=ItemReserved.code)
        act.refused(ItemReserved.code, game)
        return
    await second.control("item_pay", transaction=late)
    row = await second.until(late, "refunded")
    act.harm(second, row["amount"], "e-cash tied up", says="paid for an item sold before")
