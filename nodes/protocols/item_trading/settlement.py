"""Steps 1.5 and 1.6, model 1: money in, goods out; and paying in either model.

What is paid is not handed to the market: it waits at the coin server, and the market sees the
receipt. 1.6 may be asked for again by repeating 1.5.
"""

from collections.abc import Set

from crypto.full_domain_hash import FdhPublicKey
from nodes.protocols.guard import Guards
from nodes.protocols.item_trading.certificate import check_certificate
from nodes.protocols.item_trading.documents import (
    Certificate,
    Deal,
    Goods,
    SessionKey,
    certificate_digest,
)
from nodes.protocols.item_trading.guards import sale_is_authorised
from nodes.protocols.item_trading.messages import (
    GoodsSent,
    MoneyPaid,
    Register,
    Settlement,
)
from nodes.protocols.item_trading.moves import To
from nodes.protocols.item_trading.payment import PaidIn, check_paid_in, reference_of
from nodes.protocols.item_trading.players import BuyerState, Purchase
from nodes.protocols.item_trading.purchase import Market, Step
from nodes.protocols.item_trading.reading import (
    changed,
    ciphertext_digest,
    lock,
    require_model,
    require_sender,
    unlock,
)
from nodes.protocols.item_trading.refusals import (
    AnotherGame,
    CertificateForged,
    GoodsUnreadable,
    TooLate,
    TradeIsOver,
    WrongState,
)
from nodes.protocols.item_trading.sale_by_market import check_receipt, make_receipt
from nodes.protocols.item_trading.state import Brokerage, BrokerageState, Listing
from nodes.protocols.message import Milliseconds, PartyId

# Buyer, both models


def start_paying(purchase: Purchase, session_key: SessionKey, now: Milliseconds) -> Purchase:
    """Before the money is put under the deal's condition. `session_key`: K_C2, fresh; model 1's."""
    paying = purchase.moved(BuyerState.PAYING, session_key=session_key)
    if now > purchase.deal.until:
        raise TooLate()
    return paying


def cannot_pay(purchase: Purchase) -> Purchase:
    """There was not enough to pay with: nothing waits anywhere, and nothing comes back."""
    if purchase.state is BuyerState.VOID:
        return changed(purchase, session_key=None)
    return purchase.moved(BuyerState.READY, session_key=None)


def paid_in(purchase: Purchase, paid: PaidIn) -> tuple[Purchase, Settlement | MoneyPaid | None]:
    """Steps 1.5, 2.6: the money waits, and the market hears of it.

    A trade that was voided meanwhile is not told of any more: the money comes back by its word.
    """
    if purchase.state is BuyerState.VOID:
        return changed(purchase, paid=paid), None
    done = purchase.moved(BuyerState.PAID, paid=paid)
    if purchase.model == 1:
        assert purchase.session_key is not None, "start_paying draws it"
        return done, Settlement(paid, purchase.session_key)
    assert purchase.ciphertext is not None, "model 2 pays for what it holds encrypted"
    return done, MoneyPaid(paid, ciphertext_digest(purchase.ciphertext))


# Market


def take_settlement(
    brokerage: Brokerage,
    listing: Listing,
    message: Settlement,
    *,
    sender: PartyId,
    coin_servers: Set[PartyId],
    market: Market,
) -> Step:
    """Steps 1.5, 1.6, market. Raises NotPaidIn, NotYours, TradeIsOver, WrongState."""
    deal = brokerage.deal
    require_sender(sender, deal.buyer)
    require_model(deal.model, 1)
    require_open_for_money(brokerage)
    check_paid_in(message.paid, deal, listing.payee_key, coin_servers)
    assert listing.certificate is not None, "model 1 has the certificate in custody"
    receipt = make_receipt(market.key, market.name, sender, listing, deal, market.now)
    goods = Goods(listing.certificate, receipt, listing.authority, None)
    sealed = lock(goods, message.session_key, reference_of(deal))
    paid = brokerage.moved(BrokerageState.PAID, paid=message.paid, goods=sealed)
    return Step(paid, None, (To(sender, GoodsSent(sealed)),))


def require_open_for_money(brokerage: Brokerage) -> None:
    """Raises TradeIsOver."""
    if brokerage.state is not BrokerageState.OPEN:
        raise TradeIsOver(f"the trade is {brokerage.state.value}")


# Buyer


def goods_arrive(
    purchase: Purchase,
    message: GoodsSent,
    sender: PartyId,
    game_key: FdhPublicKey,
    guards: Guards,
) -> tuple[Purchase, Register | None]:
    """Step 1.6, buyer: what can be read and is what was sold is registered at once (step 7).

    What cannot be read is kept as garbage, and what the owner does not sell so, or for another key
    than was paid to, is refused; the money comes back when the trade's time is over.

    Raises ReceiptNotTheMarkets, ReceiptNamesAnotherItem, SaleNotAuthorised.
    """
    require_sender(sender, purchase.market)
    require_model(purchase.model, 1)
    if purchase.session_key is None:
        raise WrongState("nothing is paid")
    deal = purchase.deal
    try:
        goods = unlock(message.goods, purchase.session_key, reference_of(deal))
        made = check_goods(goods, deal, game_key)
    except GoodsUnreadable:
        return purchase.moved(BuyerState.GARBAGE), None
    check_receipt(
        goods.receipt,
        market=purchase.market,
        client=purchase.buyer,
        certificate=made,
        content=goods.certificate.content,
        deal=deal,
        guards=guards,
    )
    assert purchase.payee_key is not None, "1.4n named it"
    guards.require(
        sale_is_authorised,
        goods.authority,
        made,
        deal.certificate,
        seller=deal.seller,
        market=deal.market,
        price=deal.price,
        listing=(purchase.listing, purchase.payee_key),
    )
    return hold_goods(purchase, goods)


def check_goods(goods: Goods, deal: Deal, game_key: FdhPublicKey) -> Certificate:
    """Raises GoodsUnreadable unless this is the certificate the deal is about."""
    try:
        made = check_certificate(goods.certificate, deal.game_server, game_key)
    except (CertificateForged, AnotherGame) as error:
        raise GoodsUnreadable(str(error)) from error
    if certificate_digest(goods.certificate.content) != deal.certificate:
        raise GoodsUnreadable("another certificate than the deal's")
    return made


def hold_goods(purchase: Purchase, goods: Goods) -> tuple[Purchase, Register]:
    """Step 7, buyer."""
    assert purchase.signed is not None, "goods come after the deal"
    held = purchase.moved(BuyerState.GOODS_HELD, goods=goods)
    return held, Register(purchase.signed, goods)
