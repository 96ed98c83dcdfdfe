"""IT-A21: the owner's word to a market has no date."""

from crypto.documents import Signed, sign_document
from nodes.protocols.item_trading.documents import Deal, Goods, certificate_digest
from nodes.protocols.item_trading.messages import (
    Proceeds,
    Register,
    Registered,
    Reserve,
    Reserved,
)
from nodes.protocols.item_trading.payment import PaidIn
from nodes.protocols.item_trading.sale_by_market import make_receipt
from nodes.protocols.item_trading.state import Listing
from nodes.protocols.message import Received
from scenarios.adversaries.outsider import Mallory, Voice
from scenarios.attacks.item_trading.trading import PRICE, certified, listed
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.items import funded
from scenarios.lab.worth import ITEMS

LISTED_SECONDS = 120.0
MINUTE_MILLISECONDS = 60_000


@attack(
    "IT-A21",
    title="Last month's word",
    protocols=("item_trading", "electronic_cash"),
    guards=("sale-is-in-time",),
    word="SOLD",
)
async def old_word(act: Act) -> None:
    """A market sells an item whose time in its list is long over, at the price of that time.

    The owner thinks that it has the item, and may ask more for it now, or not want to sell at all.
    """
    mallory = await act.mallory(symbol="C_2")
    (owner,) = act.cast("C_1")
    market = act.live.markets[0]
    cheat, crooked = act.node(mallory), act.voice(market)
    await funded(cheat, PRICE)
    serial = await certified(act, owner)
    listing = await listed(owner, market, serial, 1, valid_seconds=LISTED_SECONDS)
    await act.live.advance(10 * LISTED_SECONDS)
    await market.until(listing, "closed")
    kept = crooked.rows("item_listings", Listing)[bytes.fromhex(listing)]
    assert kept.certificate is not None, "model 1 has it in custody"
    signed, deal = _deal(crooked, kept, mallory)
    await act.begin()

    game = act.live.game_servers[0]
    to, asked = bytes.fromhex(game.id), Reserve(kept.certificate, signed, kept.authority)
    if await act.attempt(game, crooked.party.send(to, asked, deal.trade, Reserved)) is None:
        return
    paid = await _pay(mallory, deal, kept)
    receipt = make_receipt(crooked.party.key, market.name, mallory.id, kept, deal, 0)
    message = Register(signed, Goods(kept.certificate, receipt, kept.authority, None))
    moved = await mallory.party.send(to, message, deal.trade, Registered)
    if moved.message.certificate is not None:
        proceeds = Proceeds(kept.listing, signed, paid, moved.message.word)
        seller = bytes.fromhex(owner.id)
        await crooked.party.send(seller, proceeds, deal.trade, Received)
        await owner.until(deal.trade.hex(), "paid")
        act.harm(owner, 1, ITEMS, to=mallory, says=f"for {PRICE}, and nobody had asked again")


def _deal(crooked: Voice, kept: Listing, buyer: Mallory) -> tuple[Signed[Deal], Deal]:
    """As after an order of today."""
    party = crooked.party
    deal = Deal(
        model=1,
        trade=party.fresh_transaction(),
        game_server=kept.game_server,
        market=party.id,
        seller=kept.seller,
        buyer=buyer.id,
        serial=kept.serial,
        certificate=certificate_digest(kept.content),
        item=kept.item,
        price=kept.price,
        until=party.now() + MINUTE_MILLISECONDS,
    )
    return sign_document(deal, party.key), deal


async def _pay(buyer: Mallory, deal: Deal, kept: Listing) -> PaidIn:
    """The price waits for the owner: in that the accomplice is honest."""
    assert kept.payee_key is not None, "model 1 lists with it"
    await buyer.items.money.sign(deal.trade, deal, kept.payee_key)
    return await buyer.items.money.pay_in(deal.trade)
