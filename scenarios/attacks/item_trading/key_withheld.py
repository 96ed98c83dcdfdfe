"""IT-A12: the seller of model 2 is paid, and the key does not come."""

from nodes.protocols.item_trading.messages import PaidNotice
from scenarios.attacks.item_trading.trading import (
    PRICE,
    hears_only,
    offered,
    ordered,
    time_is_over,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.items import funded
from scenarios.lab.worth import CASH


@attack(
    "IT-A12",
    title="The key is withheld",
    protocols=("item_trading", "electronic_cash"),
    kind="inherent",
    word="PAID FOR NOTHING",
    refused_with=("time-over",),
)
async def key_withheld(act: Act) -> None:
    """A seller that is paid keeps the key, and the money.

    It can keep the key only: where there is no key the time runs out, the game server's word is
    void, and gives the money back, whatever is complained of or answered.
    """
    mallory = await act.mallory(symbol="C_1")
    (buyer,) = act.cast("C_2")
    market, cheat = act.live.markets[0], act.node(mallory)
    await funded(buyer, PRICE)
    trade = await ordered(buyer, market, await offered(act, cheat, 2))
    await act.begin()

    name, items = bytes.fromhex(trade), mallory.items
    hears_only(mallory, PaidNotice)
    await buyer.control("item_pay", transaction=trade)
    notice = await mallory.has_heard(PaidNotice, name)
    await buyer.control("item_complain", transaction=trade)
    await time_is_over(act)
    row = await buyer.until(trade, "refunded")
    act.refused(row["reason"], market)
    await cheat.until(trade, "void")
    word = items.books.sale(items.books.reader, name).word
    assert isinstance(notice, PaidNotice)
    assert notice.paid is not None, "the market proves it"
    assert word is not None, "it is void"
    if amount := await items.money.collect(name, notice.paid, word):
        act.harm(buyer, amount, CASH, to=mallory)
