"""IT-A3: nobody signs an order, so a buyer can deny it, and a market can invent one."""

from crypto.documents import sign_document
from nodes.protocols.item_trading.documents import Deal, certificate_digest
from nodes.protocols.item_trading.messages import BuyerFound
from nodes.protocols.item_trading.state import Listing
from nodes.protocols.message import Received
from scenarios.adversaries.outsider import Voice
from scenarios.attacks.item_trading.trading import offered
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.node_client import Node

MINUTE_MILLISECONDS = 60_000


@attack(
    "IT-A3",
    title="A buyer who never ordered",
    protocols=("item_trading", "electronic_cash"),
    guards=("order-is-signed",),
    word="INVENTED",
)
async def invented_buyer(act: Act) -> None:
    """A market names somebody as the buyer who has ordered nothing, and nobody can tell who lies.

    The seller ships the encrypted certificate to a stranger and its item is out of the market's
    reach until the time of the trade is over. Shown the trade, the named buyer says what a buyer
    would say who repents of an order, and no paper tells the two apart.
    """
    await act.mallory()
    seller, named = act.cast("C_1", "C_2")
    market = act.live.markets[0]
    crooked = act.voice(market)
    listing = await offered(act, seller, 2)
    await act.begin()

    trade = crooked.party.fresh_transaction()
    message = await _found(crooked, bytes.fromhex(listing), trade, named)
    to = bytes.fromhex(seller.id)
    await act.attempt(seller, crooked.party.send(to, message, trade, Received))
    row = await seller.until(listing, "in-trade", "listed")
    rows = (await named.get("/inspect/transactions"))["transactions"]
    if row["state"] == "in-trade" and trade.hex() not in {row["id"] for row in rows}:
        act.harm(seller, 1, "sale", says=f"{named.name} knows of none, and no order shows one")


async def _found(crooked: Voice, listing: bytes, trade: bytes, named: Node) -> BuyerFound:
    """Step 2.4 as after an order."""
    kept = crooked.rows("item_listings", Listing)[listing]
    card = await crooked.party.directory.named(named.name)
    deal = Deal(
        model=2,
        trade=trade,
        game_server=kept.game_server,
        market=crooked.party.id,
        seller=kept.seller,
        buyer=card.id,
        serial=kept.serial,
        certificate=certificate_digest(kept.content),
        item=kept.item,
        price=kept.price,
        until=crooked.party.now() + MINUTE_MILLISECONDS,
    )
    return BuyerFound(sign_document(deal, crooked.party.key), None, card.sealing_key)
