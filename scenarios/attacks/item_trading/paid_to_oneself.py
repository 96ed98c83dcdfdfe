"""IT-A9: the notice is true, and the money waits for somebody else than the seller."""

from nodes.protocols.item_trading.reading import changed
from scenarios.attacks.item_trading.trading import (
    PRICE,
    answered,
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
    "IT-A9",
    title="Paid, but to oneself",
    protocols=("item_trading", "electronic_cash"),
    guards=("paid-notice-is-proven",),
    word="UNPAID",
)
async def paid_to_oneself(act: Act) -> None:
    """The notice that the price waits is true; but it waits for a key of the buyer's own.

    The paper's market and buyer must conspire for this. Here the market is honest, and cannot see
    whose a one-time key is: the seller can.
    """
    mallory = await act.mallory(symbol="C_2")
    (seller,) = act.cast("C_1")
    market, cheat = act.live.markets[0], act.node(mallory)
    await funded(cheat, PRICE)
    trade = await ordered(cheat, market, await offered(act, seller, 2))
    await act.begin()

    name, items = bytes.fromhex(trade), mallory.items
    own = await items.money.payee_key(name)
    await items.books.change_purchase(name, lambda it: changed(it, payee_key=own))
    await cheat.control("item_pay", transaction=trade)
    if (told := await answered(act, "2.7", market, trade)) != "ok":
        act.refused(told, seller)
        await time_is_over(act)
        await cheat.until(trade, "refunded")
        return
    await cheat.until(trade, "registered")
    purchase = purchase_of(mallory, trade)
    assert purchase.paid is not None, "it waits"
    assert purchase.word is not None, "it is registered"
    await items.money.collect(name, purchase.paid, purchase.word)
    await seller.until(trade, "unpaid")
    act.harm(seller, 1, ITEMS, to=mallory, says=f"and the {PRICE} are hers again")
