"""IT-A11: what was sent encrypted is nobody's word, so either side can lie about it."""

from crypto.documents import sign_document
from nodes.protocols.item_trading.documents import Complaint, Shipment
from nodes.protocols.item_trading.messages import Complain, MoneyPaid, PaidNotice
from nodes.protocols.item_trading.payment import PaidIn
from nodes.protocols.item_trading.players import Purchase
from nodes.protocols.item_trading.reading import changed, ciphertext_digest, opened
from nodes.protocols.message import Received
from scenarios.adversaries.item_hoarder import hoards, pay_in
from scenarios.adversaries.outsider import Mallory
from scenarios.attacks.item_trading.trading import (
    PRICE,
    offered,
    ordered,
    purchase_of,
    time_is_over,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.items import funded
from scenarios.lab.node_client import Node

GARBAGE = b"nothing that any key opens"


@attack(
    "IT-A11",
    title="The seller is framed",
    protocols=("item_trading", "electronic_cash"),
    guards=("ciphertext-is-signed",),
    word="CONVICTED",
)
async def framed_seller(act: Act) -> None:
    """A buyer that was sent what it bought shows garbage instead, and the seller is found at fault.

    It pays for the garbage, so to say, at the market, and for what it was really sent at the
    seller, who hands out the key. That key opens no garbage: the market voids the sale for good.
    """
    mallory = await act.mallory(symbol="C_2")
    (seller,) = act.cast("C_1")
    market, cheat = act.live.markets[0], act.node(mallory)
    await funded(cheat, PRICE)
    hoards(mallory)
    listing = await offered(act, seller, 2)
    trade = await ordered(cheat, market, listing)
    await act.begin()

    paid = await pay_in(mallory, trade)
    purchase = purchase_of(mallory, trade)
    await _tell(mallory, purchase, paid, market, seller)
    await cheat.until(trade, "goods-held")
    complaint = _complaint(mallory, purchase)
    name, to = purchase.trade, bytes.fromhex(market.id)
    if await act.attempt(market, mallory.party.send(to, complaint, name, Received)) is not None:
        row = await market.until(trade, "void")
        off = await seller.until(listing, "closed")
        says = f"it is void: {row['reason']}; the listing is {off['state']}, and the key is out"
        act.harm(seller, 1, "sale", says=says)
    await time_is_over(act)
    await cheat.until(trade, "refunded")


async def _tell(
    mallory: Mallory, purchase: Purchase, paid: PaidIn, market: Node, seller: Node
) -> None:
    """2.6 names the garbage, 2.7 what was sent."""
    party = mallory.party
    assert purchase.ciphertext is not None, "2.5 brought it"
    for at, message in (
        (market, MoneyPaid(paid, ciphertext_digest(GARBAGE))),
        (seller, PaidNotice(paid, ciphertext_digest(purchase.ciphertext))),
    ):
        await party.send(bytes.fromhex(at.id), message, purchase.trade, Received)


def _complaint(mallory: Mallory, purchase: Purchase) -> Complain:
    """C1, with the seller's shipment as the buyer would have it."""
    assert purchase.signed is not None, "2.5 brought the deal"
    assert purchase.shipment is not None, "2.5 brought the shipment"
    true = opened(Shipment, purchase.shipment)
    false = changed(true, ciphertext=ciphertext_digest(GARBAGE))
    signed = sign_document(false, mallory.party.key)
    return Complain(Complaint.KEY_DOES_NOT_OPEN, purchase.signed, signed, GARBAGE)
