"""IT-A4, with a buyer that is honest: it pays, but to whom its market says."""

from crypto import codec
from crypto.documents import Signed
from nodes.protocols.electronic_cash.documents import PendingCoin, Verdict
from scenarios.attacks.item_trading.trading import (
    PRICE,
    answered,
    offered,
    ordered,
    time_is_over,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.items import funded
from scenarios.lab.worth import CASH, ITEMS


@attack(
    "IT-A4",
    title="Paid to the market's friend",
    protocols=("item_trading", "electronic_cash"),
    guards=("sale-is-authorised",),
    word="STOLEN",
    programs={"market-1": "scenarios.adversaries.diverting_market"},
)
async def money_diverted(act: Act) -> None:
    """A market names an accomplice's key as the seller's, and the buyer's money goes there.

    The key under which an owner wants its money stands in the word that lets the market sell. With
    the guard on the buyer compares before it registers, and else has its money back.
    """
    mallory = await act.mallory(symbol="X")
    seller, buyer = act.cast("C_1", "C_2")
    market, items = act.live.markets[0], mallory.items
    await funded(buyer, PRICE)
    listing = await offered(act, seller, 1)
    own = await items.money.payee_key(bytes.fromhex(listing))
    await market.control("divert", key=own.hex())
    await act.live.recorder.follow(market, wait=0)  # what it has sent before is not counted
    await act.begin()

    trade = await ordered(buyer, market, listing)
    await buyer.control("item_pay", transaction=trade)
    if (told := await answered(act, "1.6", market, trade)) != "ok":
        act.refused(told, buyer)
        await time_is_over(act)
        await buyer.until(trade, "refunded")
        return
    row = await buyer.until(trade, "registered")
    await seller.until(trade, "unpaid")
    paid: Signed[PendingCoin] = codec.decode(bytes.fromhex(row["paid"]), Signed)
    word: Signed[Verdict] = codec.decode(bytes.fromhex(row["word"]), Signed)
    amount = await items.money.collect(bytes.fromhex(trade), paid, word)
    act.harm(seller, 1, ITEMS, to=buyer)
    act.harm(buyer, amount, CASH, to=mallory, says="meant for the seller")
