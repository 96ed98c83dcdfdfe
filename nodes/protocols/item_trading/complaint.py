"""Steps C1 to C3, model 2: the buyer has paid, and there is no key or nothing behind it.

The buyer shows what the seller signed to have sent; the seller shows the key to the market, who
opens it. Either it is what was sold, and the buyer gets the key from the market, or the trade is
voided as the seller's fault. The market can register nothing with it: TS names the buyer.
"""

from crypto.full_domain_hash import FdhPublicKey
from nodes.protocols.guard import Guards
from nodes.protocols.item_trading.direct_sale import use_key
from nodes.protocols.item_trading.documents import (
    Complaint,
    Deal,
    Goods,
    Shipment,
    VoidReason,
)
from nodes.protocols.item_trading.guards import ciphertext_is_signed
from nodes.protocols.item_trading.messages import (
    Complain,
    KeyDemand,
    KeyForwarded,
    KeyShown,
    Register,
    VoidTrade,
)
from nodes.protocols.item_trading.moves import To
from nodes.protocols.item_trading.payment import reference_of
from nodes.protocols.item_trading.players import BuyerState, Purchase, Sale, SaleState
from nodes.protocols.item_trading.purchase import Step
from nodes.protocols.item_trading.reading import (
    changed,
    ciphertext_digest,
    is_signed,
    opened,
    require_sender,
    unlock,
)
from nodes.protocols.item_trading.refusals import (
    CiphertextNotAcknowledged,
    DealDiffers,
    GoodsUnreadable,
    WrongState,
)
from nodes.protocols.item_trading.settlement import check_goods
from nodes.protocols.item_trading.state import Brokerage, BrokerageState
from nodes.protocols.message import PartyId


def complain(purchase: Purchase) -> tuple[Purchase, Complain]:
    """C1, buyer: it has paid and holds no readable certificate."""
    if purchase.state not in (BuyerState.PAID, BuyerState.GARBAGE) or purchase.model != 2:
        raise WrongState(f"the purchase is {purchase.state.value}")
    if purchase.state is BuyerState.PAID:
        complaint = Complaint.NO_KEY
    else:
        complaint = Complaint.KEY_DOES_NOT_OPEN
    assert purchase.signed is not None, "2.5 brought the deal"
    assert purchase.shipment is not None, "2.5 brought the shipment"
    assert purchase.ciphertext is not None, "2.5 brought the ciphertext"
    message = Complain(complaint, purchase.signed, purchase.shipment, purchase.ciphertext)
    return changed(purchase, complaint=complaint), message


def take_complaint(
    brokerage: Brokerage, message: Complain, sender: PartyId, guards: Guards
) -> Step:
    """C1, C2, market. Raises NotYours, DealDiffers, CiphertextNotSigned, WrongState."""
    deal = brokerage.deal
    require_sender(sender, deal.buyer)
    if brokerage.state is not BrokerageState.PAID or deal.model != 2:
        raise WrongState(f"the trade is {brokerage.state.value}")
    if message.deal.content != brokerage.signed.content:
        raise DealDiffers()
    shown = ciphertext_digest(message.ciphertext)
    shipment = opened(Shipment, message.shipment)
    guards.require(ciphertext_is_signed, message.shipment, shipment, deal, shown)
    if brokerage.ciphertext not in (None, shown):
        raise CiphertextNotAcknowledged("another one than was paid for")
    noted = changed(brokerage, complaint=message.complaint, shown=message.ciphertext)
    return Step(noted, None, (To(deal.seller, KeyDemand(message.complaint)),))


def show_key(sale: Sale, sender: PartyId) -> KeyShown:
    """C2, C2r, seller: it has been paid, so the key is the buyer's. Raises NotYours, WrongState."""
    require_sender(sender, sale.deal.market)
    if sale.state is not SaleState.KEY_SENT:
        raise WrongState(f"the sale is {sale.state.value}")
    assert sale.key is not None, "model 2 ships before it is paid"
    return KeyShown(sale.key)


def key_shown(brokerage: Brokerage, message: KeyShown, game_key: FdhPublicKey) -> Step:
    """C2r, market: the key goes on to the buyer, or the seller is at fault."""
    deal = brokerage.deal
    if brokerage.state is not BrokerageState.PAID or brokerage.shown is None:
        raise WrongState(f"the trade is {brokerage.state.value}")
    try:
        goods = unlock(brokerage.shown, message.key, reference_of(deal))
        check_goods(goods, deal, game_key)
        _check_transfer(goods, deal)
    except GoodsUnreadable:
        voiding = brokerage.moved(BrokerageState.VOIDING, reason=VoidReason.SELLER_AT_FAULT)
        return Step(voiding, None, (To(deal.game_server, VoidTrade(brokerage.signed)),))
    return Step(brokerage, None, (To(deal.buyer, KeyForwarded(message.key)),))


def _check_transfer(goods: Goods, deal: Deal) -> None:
    """Raises GoodsUnreadable: without TS the buyer cannot register."""
    transfer = goods.transfer
    if transfer is None or not is_signed(Deal, transfer) or opened(Deal, transfer) != deal:
        raise GoodsUnreadable("the owner has not signed the transfer")


def key_forwarded(
    purchase: Purchase, message: KeyForwarded, sender: PartyId, game_key: FdhPublicKey
) -> tuple[Purchase, Register | None]:
    """C3, buyer."""
    require_sender(sender, purchase.market)
    return use_key(purchase, message.key, game_key)
