"""IT-A18: model 1 keeps buyer and seller apart, and the goods bear the seller's game id."""

import json

from scenarios.attacks.item_trading.trading import PRICE, offered, sold
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.items import funded
from scenarios.lab.node_client import Node


@attack(
    "IT-A18",
    title="Who sold it",
    protocols=("item_trading", "electronic_cash"),
    kind="open",
    word="KNOWN",
)
async def seller_seen(act: Act) -> None:
    """A buyer of model 1 reads who the seller is, though a market stands between the two.

    What is read is a game id. Whoever asks the world's directory gets the name that goes with it.
    """
    await act.mallory()
    seller, buyer = act.cast("C_1", "C_2")
    market = act.live.markets[0]
    await funded(buyer, PRICE)
    listing = await offered(act, seller, 1)
    await act.begin()

    await sold(buyer, seller, market, listing)
    told = await _steps_that_name(seller, buyer)
    if told:
        says = f"its game id, in step {' and '.join(told)}"
        act.harm(seller, 1, "identity", to=buyer, says=says)


async def _steps_that_name(seller: Node, buyer: Node) -> list[str]:
    """What the buyer has read of the trade, decrypted or not, that has the seller's id in it."""
    read = (await buyer.get("/inspect/view"))["read"]
    rows = [row for row in read if row["protocol"] == "item_trading"]
    named = [f"{row['step']} ({row['what']})" for row in rows if seller.id in json.dumps(row)]
    return list(dict.fromkeys(named))
