"""Steps 2.4 to 2.8, model 2: the certificate encrypted, then the money, then the key.

Everything goes from seller to buyer; the market brings them together and hears of the money.
The ciphertext commits to its key, so no second key opens it to something else.
"""

from collections.abc import Set

from crypto.documents import countersign, sign_document
from crypto.full_domain_hash import FdhPublicKey
from crypto.sealing import CannotOpen, SealingKey, UnusableKey, seal
from crypto.signing import SigningKey
from nodes.protocols.guard import Guards
from nodes.protocols.item_trading.certificate import read_certificate
from nodes.protocols.item_trading.documents import (
    SESSION_KEY_BYTES,
    Deal,
    Goods,
    SessionKey,
    Shipment,
    certificate_digest,
)
from nodes.protocols.item_trading.guards import (
    buyer_key_is_certified,
    ciphertext_is_signed,
    order_is_signed,
    paid_notice_is_proven,
    payment_names_ciphertext,
)
from nodes.protocols.item_trading.messages import (
    BuyerFound,
    EncryptedCertificate,
    KeyInfo,
    MoneyPaid,
    PaidNotice,
    Register,
)
from nodes.protocols.item_trading.moves import To
from nodes.protocols.item_trading.payment import check_paid_in, reference_of
from nodes.protocols.item_trading.players import (
    BuyerState,
    Offering,
    OfferingState,
    Purchase,
    Sale,
    SaleState,
)
from nodes.protocols.item_trading.purchase import Market, Step, check_deal, require_in_time
from nodes.protocols.item_trading.reading import (
    checked,
    ciphertext_digest,
    key_context,
    lock,
    opened,
    require_model,
    require_sender,
    unlock,
)
from nodes.protocols.item_trading.refusals import (
    BuyerKeyNotCertified,
    DealDiffers,
    GoodsUnreadable,
    WrongState,
)
from nodes.protocols.item_trading.settlement import (
    check_goods,
    hold_goods,
    require_open_for_money,
)
from nodes.protocols.item_trading.state import Brokerage, BrokerageState
from nodes.protocols.message import Milliseconds, PartyId, TransactionId

# Step 2.4, 2.5: seller


def ship(
    offering: Offering,
    message: BuyerFound,
    *,
    sender: PartyId,
    trade: TransactionId,
    seller: SigningKey,
    certified_key: bytes,
    session_key: SessionKey,
    now: Milliseconds,
    guards: Guards,
) -> tuple[Offering, Sale, To]:
    """The certificate and TS under K_C1 (`session_key`, fresh), and a signature on what was sent.

    `certified_key`: the buyer's sealing key as its certified card says. Raises DealDiffers,
    OrderNotSigned, BuyerKeyNotCertified, TooLate, TradeTooLong.
    """
    require_sender(sender, offering.market)
    deal = checked(Deal, message.deal, 1)
    _check_offered(offering, deal, trade, seller.public_key)
    guards.require(
        order_is_signed,
        message.order,
        buyer=deal.buyer,
        market=deal.market,
        trade=trade,
        listing=offering.listing,
        price=deal.price,
    )
    guards.require(buyer_key_is_certified, message.buyer_key, certified_key)
    require_in_time(deal, now)
    goods = Goods(
        certificate=offering.certificate,
        receipt=None,
        authority=None,
        transfer=countersign(Deal, message.deal, seller),
    )
    ciphertext = lock(goods, session_key, reference_of(deal))
    shipment = Shipment(
        seller=seller.public_key,
        deal=reference_of(deal),
        payee_key=offering.payee_key,
        ciphertext=ciphertext_digest(ciphertext),
    )
    sale = Sale(
        trade=trade,
        state=SaleState.SHIPPED,
        listing=offering.listing,
        signed=message.deal,
        key=session_key,
        buyer_key=message.buyer_key,
        ciphertext=ciphertext,
    )
    sent = EncryptedCertificate(message.deal, sign_document(shipment, seller), ciphertext)
    return offering.moved(OfferingState.IN_TRADE), sale, To(deal.buyer, sent)


def _check_offered(offering: Offering, deal: Deal, trade: TransactionId, me: PartyId) -> None:
    certificate = read_certificate(offering.certificate.content)
    offered = (
        2,
        trade,
        certificate.server,
        offering.market,
        me,
        certificate.serial,
        certificate_digest(offering.certificate.content),
        offering.price,
    )
    if offered != (
        deal.model,
        deal.trade,
        deal.game_server,
        deal.market,
        deal.seller,
        deal.serial,
        deal.certificate,
        deal.price,
    ):
        raise DealDiffers()


# Step 2.5: buyer


def ciphertext_arrives(
    purchase: Purchase,
    message: EncryptedCertificate,
    sender: PartyId,
    now: Milliseconds,
    guards: Guards,
) -> Purchase:
    """Raises WrongDocument, DealDiffers, CiphertextNotSigned, TooLate, TradeTooLong, WrongState."""
    require_model(purchase.model, 2)
    deal = checked(Deal, message.deal, 1)
    require_sender(sender, deal.seller)
    check_deal(purchase, deal, now)
    shipment = opened(Shipment, message.shipment)
    held = ciphertext_digest(message.ciphertext)
    guards.require(ciphertext_is_signed, message.shipment, shipment, deal, held)
    return purchase.moved(
        BuyerState.READY,
        signed=message.deal,
        payee_key=shipment.payee_key,
        shipment=message.shipment,
        ciphertext=message.ciphertext,
    )


# Steps 2.6, 2.7: market


def take_money(
    brokerage: Brokerage,
    message: MoneyPaid,
    *,
    sender: PartyId,
    coin_servers: Set[PartyId],
    market: Market,
) -> Step:
    """Raises NotPaidIn, CiphertextNotAcknowledged, NotYours, TradeIsOver, WrongState."""
    deal = brokerage.deal
    require_sender(sender, deal.buyer)
    require_model(deal.model, 2)
    require_open_for_money(brokerage)
    market.guards.require(payment_names_ciphertext, message.ciphertext, None)
    check_paid_in(message.paid, deal, None, coin_servers)
    paid = brokerage.moved(BrokerageState.PAID, paid=message.paid, ciphertext=message.ciphertext)
    notice = PaidNotice(message.paid, message.ciphertext)
    return Step(paid, None, (To(deal.seller, notice),))


# Steps 2.7, 2.8: seller


def paid_notice_arrives(
    sale: Sale,
    offering: Offering,
    message: PaidNotice,
    coin_servers: Set[PartyId],
    guards: Guards,
) -> tuple[Sale, To]:
    """The key leaves once the price waits for the seller alone, whoever says so.

    Raises NotProvenPaid, CiphertextNotAcknowledged, WrongState.
    """
    deal = sale.deal
    guards.require(paid_notice_is_proven, message.paid, deal, offering.payee_key, coin_servers)
    if sale.ciphertext is None:
        raise WrongState("nothing was shipped")
    guards.require(payment_names_ciphertext, message.ciphertext, ciphertext_digest(sale.ciphertext))
    sent = sale.moved(SaleState.KEY_SENT, paid=message.paid)
    return sent, To(deal.buyer, key_info(sale))


def key_info(sale: Sale) -> KeyInfo:
    """{K_C1}PK_C2."""
    assert sale.key is not None, "model 2 ships before it is paid"
    assert sale.buyer_key is not None, "2.4 gave it"
    try:
        sealed = seal(sale.buyer_key, sale.key, key_context(reference_of(sale.deal)))
    except UnusableKey as error:
        raise BuyerKeyNotCertified(str(error)) from error
    return KeyInfo(sealed)


# Step 2.8: buyer


def key_arrives(
    purchase: Purchase,
    message: KeyInfo,
    sender: PartyId,
    sealing_key: SealingKey,
    game_key: FdhPublicKey,
) -> tuple[Purchase, Register | None]:
    """What opens and is what was sold is registered at once (step 7); else it is garbage."""
    deal = purchase.deal
    require_sender(sender, deal.seller)
    require_model(purchase.model, 2)
    try:
        key = sealing_key.open(message.sealed_key, key_context(reference_of(deal)))
    except CannotOpen:
        return purchase.moved(BuyerState.GARBAGE), None
    return use_key(purchase, key, game_key)


def use_key(
    purchase: Purchase, key: bytes, game_key: FdhPublicKey
) -> tuple[Purchase, Register | None]:
    if purchase.ciphertext is None:
        raise WrongState("nothing has come encrypted")
    deal = purchase.deal
    try:
        if len(key) != SESSION_KEY_BYTES:
            raise GoodsUnreadable("no session key")
        goods = unlock(purchase.ciphertext, key, reference_of(deal))
        check_goods(goods, deal, game_key)
    except GoodsUnreadable:
        return purchase.moved(BuyerState.GARBAGE), None
    return hold_goods(purchase, goods)
