"""IT-A4: the market sells to an accomplice, and nobody pays."""

from crypto.documents import open_document
from nodes.protocols.item_trading.documents import Goods, Receipt
from nodes.protocols.item_trading.messages import Register, Registered
from nodes.protocols.item_trading.payment import reference_of
from nodes.protocols.item_trading.sale_by_market import make_receipt
from nodes.protocols.item_trading.state import Listing
from scenarios.attacks.item_trading.trading import PRICE, offered, ordered, purchase_of
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.worth import ITEMS


@attack(
    "IT-A4",
    title="A receipt without payment",
    protocols=("item_trading", "electronic_cash"),
    kind="open",
    word="UNPAID",
)
async def unpaid_receipt(act: Act) -> None:
    """The market gives an accomplice the certificate and a receipt, and the seller gets nothing.

    The seller of model 1 trusts its market, and that it is trusted with. What is left to the seller
    is proof: the receipt, which the game server has, bears the market's signature on the price.
    """
    mallory = await act.mallory(symbol="C_2")
    (seller,) = act.cast("C_1")
    market, game = act.live.markets[0], act.live.game_servers[0]
    cheat, crooked = act.node(mallory), act.voice(market)
    listing = await offered(act, seller, 1)
    trade = await ordered(cheat, market, listing)
    await act.begin()

    purchase, party = purchase_of(mallory, trade), mallory.party
    assert purchase.signed is not None, "it is ready to be paid"
    kept = crooked.rows("item_listings", Listing)[bytes.fromhex(listing)]
    assert kept.certificate is not None, "model 1 has it in custody"
    key, deal = crooked.party.key, purchase.deal
    receipt = make_receipt(key, market.name, mallory.id, kept, deal, party.now())
    message = Register(purchase.signed, Goods(kept.certificate, receipt, kept.authority, None))
    to = bytes.fromhex(game.id)
    await act.attempt(game, party.send(to, message, bytes.fromhex(trade), Registered))

    sale = await seller.until(trade, "unpaid", "paid")
    if sale["state"] == "unpaid":
        act.harm(seller, 1, ITEMS, to=mallory, says=f"and {PRICE} that no coin server has")
    shown = (await game.get(f"/inspect/transactions/{trade}"))["found"][0]["evidence"]
    debt = open_document(Receipt, receipt)
    owed = (debt.market.hex(), debt.price, debt.deal) == (market.id, PRICE, reference_of(deal))
    if owed and any(receipt.content.hex() in piece["bytes"] for piece in shown):
        act.detected(f"the market's signed receipt over {PRICE}, kept by {game.name}", seller)
