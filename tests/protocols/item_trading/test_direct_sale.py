"""Steps 2.4 to 2.8, model 2: the certificate encrypted, the money, the key."""

from typing import Any

import msgspec
import pytest

from crypto.sealing import seal
from nodes.protocols.item_trading import direct_sale
from nodes.protocols.item_trading import messages as words
from nodes.protocols.item_trading.documents import Deal, Goods, PurchaseOrder, Shipment
from nodes.protocols.item_trading.payment import reference_of
from nodes.protocols.item_trading.players import BuyerState, OfferingState, SaleState
from nodes.protocols.item_trading.reading import (
    ciphertext_digest,
    is_signed,
    key_context,
    lock,
    unlock,
)
from nodes.protocols.item_trading.refusals import (
    BuyerKeyNotCertified,
    CiphertextNotAcknowledged,
    CiphertextNotSigned,
    DealDiffers,
    GoodsUnreadable,
    NotPaidIn,
    NotProvenPaid,
    NotYours,
    OrderNotSigned,
    TooLate,
    TradeIsOver,
    WrongDocument,
    WrongState,
)
from nodes.protocols.item_trading.state import BrokerageState
from tests.protocols.item_trading.bazaar import (
    ALL_ON,
    BUYER_SEAL,
    COIN_SERVERS,
    FOUND_TWIN,
    LATE,
    MARKET,
    NOW,
    OTHER_GAME,
    OTHER_MARKET,
    OTHER_TRADE,
    PRICE,
    PUBLIC,
    SELLER,
    SESSION_KEY,
    THIEF,
    THIEF_SEAL,
    Bazaar,
    bazaar,
    certified,
    off,
    paid_in,
    resigned,
)

ORDERED, READY, PAID = (bazaar(2, step) for step in ("order", "ready", "pay"))
DEAL = READY.deal
OTHER_DEAL: dict[str, Any] = {
    "model": 1,
    "trade": OTHER_TRADE,
    "game_server": OTHER_GAME.public_key,
    "market": OTHER_MARKET.public_key,
    "seller": THIEF.public_key,
    "buyer": THIEF.public_key,
    "serial": b"another serial..",
    "certificate": b"c" * 32,
    "price": 1,
}


# step 2.4


def test_step_2_4_the_seller_ships_the_certificate_and_its_word_to_this_buyer() -> None:
    assert READY.offering.state is OfferingState.IN_TRADE
    assert READY.sale.state is SaleState.SHIPPED
    goods = unlock(READY.said["2.5"].ciphertext, SESSION_KEY, reference_of(DEAL))
    assert goods.certificate == READY.certificate
    assert goods.transfer is not None
    assert is_signed(Deal, goods.transfer)
    assert goods.transfer.content == READY.brokerage.signed.content


@pytest.mark.parametrize("field", OTHER_DEAL)
def test_step_2_4_a_deal_about_anything_else_is_refused(field: str) -> None:
    found = ORDERED.said["BuyerFound"]
    deal = resigned(Deal, found.deal, MARKET, **{field: OTHER_DEAL[field]})
    with pytest.raises((DealDiffers, OrderNotSigned, WrongDocument)):
        ORDERED.ship(msgspec.structs.replace(found, deal=deal))


def test_step_2_4_a_deal_that_the_market_did_not_sign_is_refused() -> None:
    found = ORDERED.said["BuyerFound"]
    with pytest.raises(WrongDocument):
        ORDERED.ship(msgspec.structs.replace(found, deal=resigned(Deal, found.deal, THIEF)))
    with pytest.raises(NotYours):
        ORDERED.ship(found, sender=OTHER_MARKET.public_key)


def test_step_2_4_a_buyer_that_did_not_order_is_refused() -> None:
    """IT-A3: the market invents nobody."""
    found = ORDERED.said["BuyerFound"]
    for order in (None, resigned(PurchaseOrder, found.order, THIEF)):
        with pytest.raises(OrderNotSigned):
            ORDERED.ship(msgspec.structs.replace(found, order=order))


def test_step_2_4_a_key_the_market_puts_in_the_place_of_the_buyers_is_refused() -> None:
    """IT-A14."""
    found = msgspec.structs.replace(ORDERED.said["BuyerFound"], buyer_key=THIEF_SEAL.public_key)
    with pytest.raises(BuyerKeyNotCertified):
        ORDERED.ship(found)


def test_as_printed_the_market_reads_the_key() -> None:
    """IT-A14: the certificate is the market's, though registering it takes more (IT-A10)."""
    trade = bazaar(2, "order", off("buyer-key-is-certified"))
    found = msgspec.structs.replace(trade.said["BuyerFound"], buyer_key=THIEF_SEAL.public_key)
    trade.said["BuyerFound"] = found
    trade.ready().pay()
    sealed = trade.send_key().sealed_key
    key = THIEF_SEAL.open(sealed, key_context(reference_of(trade.deal)))
    assert unlock(trade.said["2.5"].ciphertext, key, reference_of(trade.deal)).certificate


def test_step_2_4_when_the_time_is_over_nothing_is_shipped() -> None:
    with pytest.raises(TooLate):
        ORDERED.ship(ORDERED.said["BuyerFound"], now=LATE)


def test_step_2_4_one_buyer_at_a_time() -> None:
    with pytest.raises(WrongState):
        READY.ship(READY.said["BuyerFound"])


# step 2.5


def arrives(message: words.EncryptedCertificate, on: Any = ALL_ON, **changes: Any) -> Any:
    fields = {"sender": SELLER.public_key, "now": NOW, **changes}
    return direct_sale.ciphertext_arrives(ORDERED.purchase, message, guards=on, **fields)


def test_step_2_5_the_buyer_holds_it_encrypted_before_it_pays() -> None:
    held = arrives(READY.said["2.5"])
    assert held.state is BuyerState.READY
    assert (held.paid, held.goods) == (None, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"ciphertext": b"c" * 32},
        {"ciphertext": None},
        {"deal": b"d" * 32},
        {"seller": THIEF.public_key},
    ],
)
def test_step_2_5_a_shipment_that_says_something_else_is_refused(changes: dict[str, Any]) -> None:
    """IT-A11: garbage that nobody signed for could be laid at nobody's door."""
    sent = READY.said["2.5"]
    other = resigned(Shipment, sent.shipment, SELLER, **changes)
    with pytest.raises(CiphertextNotSigned):
        arrives(msgspec.structs.replace(sent, shipment=other))
    arrives(msgspec.structs.replace(sent, shipment=other), off("ciphertext-is-signed"))


def test_step_2_5_a_shipment_signed_by_somebody_else_or_altered_is_refused() -> None:
    sent = READY.said["2.5"]
    forged = resigned(Shipment, sent.shipment, THIEF)
    with pytest.raises(CiphertextNotSigned):
        arrives(msgspec.structs.replace(sent, shipment=forged))
    with pytest.raises(CiphertextNotSigned):
        arrives(msgspec.structs.replace(sent, ciphertext=sent.ciphertext + b"\0"))
    none = msgspec.structs.replace(forged, content=b"none")
    with pytest.raises(WrongDocument):
        arrives(msgspec.structs.replace(sent, shipment=none))


@pytest.mark.parametrize("field", [*OTHER_DEAL, "signature", "sender", "late"])
def test_step_2_5_a_deal_that_was_not_ordered_is_refused(field: str) -> None:
    sent = READY.said["2.5"]
    changes: dict[str, Any] = {}
    if field == "signature":
        sent = msgspec.structs.replace(sent, deal=resigned(Deal, sent.deal, THIEF))
    elif field == "sender":
        changes = {"sender": THIEF.public_key}
    elif field == "late":
        changes = {"now": LATE}
    else:
        deal = resigned(Deal, sent.deal, MARKET, **{field: OTHER_DEAL[field]})
        sent = msgspec.structs.replace(sent, deal=deal)
    with pytest.raises((DealDiffers, WrongDocument, NotYours, TooLate, CiphertextNotSigned)):
        arrives(sent, **changes)


# steps 2.6, 2.7


def test_step_2_6_the_market_hears_of_the_money_and_holds_none() -> None:
    assert PAID.brokerage.state is BrokerageState.PAID
    notice = PAID.said["PaidNotice"]
    assert (notice.paid, notice.ciphertext) == (
        PAID.purchase.paid, ciphertext_digest(PAID.said["2.5"].ciphertext),
    )  # fmt: skip


def test_step_2_6_wrong_money_or_a_stranger_is_refused() -> None:
    told = PAID.said["told"]
    cheap = msgspec.structs.replace(told, paid=paid_in(DEAL, amount=1))
    with pytest.raises(NotPaidIn):
        READY.take_money(cheap)
    with pytest.raises(NotYours):
        READY.take_money(told, sender=THIEF.public_key)
    with pytest.raises(TradeIsOver):
        PAID.take_money(told)


def test_step_2_6_who_pays_acknowledges_what_it_holds() -> None:
    """IT-A20."""
    silent = msgspec.structs.replace(PAID.said["told"], ciphertext=None)
    with pytest.raises(CiphertextNotAcknowledged):
        READY.take_money(silent)
    bazaar(2, "ready", off("payment-names-the-ciphertext")).take_money(silent)


def notice_arrives(notice: words.PaidNotice, on: Any = ALL_ON) -> Any:
    return direct_sale.paid_notice_arrives(PAID.sale, PAID.offering, notice, COIN_SERVERS, on)


@pytest.mark.parametrize(
    "paid",
    [
        None,
        paid_in(DEAL, THIEF.public_key),
        paid_in(DEAL, amount=PRICE - 1),
        paid_in(msgspec.structs.replace(DEAL, trade=OTHER_TRADE)),
        msgspec.structs.replace(paid_in(DEAL), signatures=(bytes(64),)),
    ],
)
def test_step_2_7_a_notice_without_money_frees_no_key(paid: Any) -> None:
    """IT-A8 (forged), IT-A9 (true in form, but nothing waits for this seller)."""
    notice = msgspec.structs.replace(PAID.said["PaidNotice"], paid=paid)
    with pytest.raises(NotProvenPaid):
        notice_arrives(notice)
    sale, to = notice_arrives(notice, off("paid-notice-is-proven"))
    assert sale.state is SaleState.KEY_SENT
    assert isinstance(to.message, words.KeyInfo)


def test_step_2_7_a_payment_for_another_ciphertext_frees_no_key() -> None:
    for named in (None, b"c" * 32):
        notice = msgspec.structs.replace(PAID.said["PaidNotice"], ciphertext=named)
        with pytest.raises(CiphertextNotAcknowledged):
            notice_arrives(notice)
        notice_arrives(notice, off("payment-names-the-ciphertext"))


def test_step_2_7_the_key_is_sent_once_for_one_payment() -> None:
    sent = bazaar(2, "goods")
    with pytest.raises(WrongState):
        sent.send_key()


# step 2.8


def key_to(key: bytes, deal: Deal = DEAL, seal_to: Any = BUYER_SEAL) -> words.KeyInfo:
    return words.KeyInfo(seal(seal_to.public_key, key, key_context(reference_of(deal))))


def test_step_2_8_with_the_key_the_item_is_registered_at_once() -> None:
    purchase, asked = PAID.take_key(key_to(SESSION_KEY))
    assert purchase.state is BuyerState.GOODS_HELD
    assert asked is not None
    assert asked.goods.certificate == PAID.certificate


@pytest.mark.parametrize(
    "key",
    [
        key_to(b"another key....."),
        key_to(b"short"),
        key_to(SESSION_KEY, msgspec.structs.replace(DEAL, trade=OTHER_TRADE)),
        key_to(SESSION_KEY, DEAL, THIEF_SEAL),
        words.KeyInfo(b"sealed"),
    ],
)
def test_step_2_8_a_key_that_opens_nothing_makes_it_garbage(key: words.KeyInfo) -> None:
    purchase, asked = PAID.take_key(key)
    assert (purchase.state, asked) == (BuyerState.GARBAGE, None)


def test_step_2_8_another_item_behind_the_key_is_garbage() -> None:
    twin = certified(Bazaar(2).books, FOUND_TWIN)
    other = lock(Goods(twin, None, None, None), SESSION_KEY, reference_of(DEAL))
    swapped = msgspec.structs.replace(PAID.purchase, ciphertext=other)
    purchase, asked = direct_sale.use_key(swapped, SESSION_KEY, PUBLIC)
    assert (purchase.state, asked) == (BuyerState.GARBAGE, None)


def test_step_2_8_only_the_seller_sends_the_key() -> None:
    with pytest.raises(NotYours):
        direct_sale.key_arrives(
            PAID.purchase, key_to(SESSION_KEY), THIEF.public_key, BUYER_SEAL, PUBLIC
        )


def test_a_key_of_another_sale_opens_nothing() -> None:
    """IT-A13: each trade has its own key, and the ciphertext is bound to its trade."""
    with pytest.raises(GoodsUnreadable):
        unlock(PAID.said["2.5"].ciphertext, SESSION_KEY, b"r" * 32)


def test_no_second_key_opens_a_ciphertext() -> None:
    """It commits to its key, so a seller cannot show the market another one than the buyer."""
    for number in range(50):
        with pytest.raises(GoodsUnreadable):
            unlock(PAID.said["2.5"].ciphertext, bytes([number]) * 16, reference_of(DEAL))
