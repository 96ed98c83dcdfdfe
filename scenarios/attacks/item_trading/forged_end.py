"""IT-A7: how a trade ended is told by a notice that nobody signed."""

from nodes.protocols.item_trading.messages import Moved
from nodes.protocols.item_trading.payment import Outcome, say
from nodes.protocols.item_trading.refusals import TradeIsOver
from nodes.protocols.message import Received
from scenarios.attacks.item_trading.trading import PRICE, offered, ordered, time_is_over
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.items import funded


@attack(
    "IT-A7",
    title="The seller says it has moved",
    protocols=("item_trading", "electronic_cash"),
    guards=("notice-by-the-game-server",),
    word="BELIEVED",
)
async def forged_end(act: Act) -> None:
    """The seller tells the market in the game server's place that the item is the buyer's.

    As printed the market pays the seller then. Here it holds no money, and no coin server takes
    such a word: what is left is a market that calls a sale complete and turns its payment away.
    """
    mallory = await act.mallory(symbol="C_1")
    (buyer,) = act.cast("C_2")
    market = act.live.markets[0]
    await funded(buyer, PRICE)
    trade = await ordered(buyer, market, await offered(act, act.node(mallory), 2))
    await act.begin()

    name, to = bytes.fromhex(trade), bytes.fromhex(market.id)
    books = mallory.items.books
    deal = books.sale(books.reader, name).deal
    word = say(mallory.party.key, deal, Outcome.REGISTERED)
    if await act.attempt(market, mallory.party.send(to, Moved(word), name, Received)) is not None:
        await market.until(trade, "registered")
        await buyer.control("item_pay", transaction=trade)
        await act.live.reached("2.6", buyer, of=trade, outcome=TradeIsOver.code)
        told = await act.live.game_servers[0].get("/inspect/transactions")
        if trade not in {row["id"] for row in told["transactions"]}:
            says = "paid, and told that the sale was complete; the game server knows of none"
            act.harm(buyer, PRICE, "e-cash tied up", says=says)
    await time_is_over(act)
    await buyer.until(trade, "refunded", "void")
