"""Steps C1 to C3: the buyer has paid, and there is no key or nothing behind it."""

from typing import Any

import msgspec
import pytest

from crypto.documents import countersign, sign_document
from crypto.sealing import seal
from nodes.protocols.item_trading import complaint, direct_sale
from nodes.protocols.item_trading import messages as words
from nodes.protocols.item_trading.documents import (
    Complaint,
    Deal,
    Goods,
    Shipment,
    VoidReason,
)
from nodes.protocols.item_trading.payment import reference_of
from nodes.protocols.item_trading.players import BuyerState
from nodes.protocols.item_trading.reading import ciphertext_digest, key_context, lock, unlock
from nodes.protocols.item_trading.refusals import (
    CiphertextNotAcknowledged,
    CiphertextNotSigned,
    DealDiffers,
    NotYours,
    TransfereeNotNamed,
    WrongState,
)
from nodes.protocols.item_trading.state import BrokerageState
from tests.protocols.item_trading.bazaar import (
    ALL_ON,
    BUYER,
    BUYER_SEAL,
    FOUND_TWIN,
    GAME,
    MARKET,
    OTHER_TRADE,
    PAYEE_KEY,
    PUBLIC,
    SELLER,
    SESSION_KEY,
    THIEF,
    Bazaar,
    bazaar,
    certified,
    off,
    resigned,
)

PAID = bazaar(2, "pay")
DEAL = PAID.deal


def garbage(trade: Bazaar) -> Any:
    """The seller sends a key that opens nothing."""
    key = seal(BUYER_SEAL.public_key, b"another key.....", key_context(reference_of(trade.deal)))
    return trade.take_key(words.KeyInfo(key))[0]


def complained(trade: Bazaar, purchase: Any = None) -> words.Complain:
    return complaint.complain(purchase or trade.purchase)[1]


def sold_instead(goods: Goods) -> Bazaar:
    """A trade whose seller shipped something else, signed for it, and was paid."""
    trade = bazaar(2, "ready")
    sealed = lock(goods, SESSION_KEY, reference_of(trade.deal))
    shipment = Shipment(SELLER.public_key, reference_of(trade.deal), PAYEE_KEY,
                        ciphertext_digest(sealed))  # fmt: skip
    trade.purchase = msgspec.structs.replace(
        trade.purchase, ciphertext=sealed, shipment=sign_document(shipment, SELLER)
    )
    return trade.pay()


def demanded(trade: Bazaar, message: words.Complain | None = None, on: Any = ALL_ON) -> Any:
    asked = message or complained(trade)
    return complaint.take_complaint(trade.brokerage, asked, BUYER.public_key, on)


def judged(trade: Bazaar, key: bytes = SESSION_KEY) -> Any:
    brokerage = demanded(trade).brokerage
    return complaint.key_shown(brokerage, words.KeyShown(key), PUBLIC)


def test_c1_the_market_asks_the_seller_for_the_key() -> None:
    purchase, asked = complaint.complain(PAID.purchase)
    assert purchase.complaint is Complaint.NO_KEY
    step = demanded(PAID, asked)
    (to,) = step.messages
    assert (to.recipient, to.message) == (SELLER.public_key, words.KeyDemand(Complaint.NO_KEY))


def test_c1_a_key_that_does_not_open_is_another_complaint() -> None:
    purchase = garbage(bazaar(2, "pay"))
    assert complaint.complain(purchase)[0].complaint is Complaint.KEY_DOES_NOT_OPEN


def test_c3_a_key_the_seller_had_kept_back_reaches_the_buyer_through_the_market() -> None:
    """IT-A20 and the paper's "as often as wanted"."""
    step = judged(PAID)
    (to,) = step.messages
    assert (to.recipient, to.message) == (BUYER.public_key, words.KeyForwarded(SESSION_KEY))
    for purchase in (PAID.purchase, garbage(bazaar(2, "pay"))):
        held, asked = complaint.key_forwarded(purchase, to.message, MARKET.public_key, PUBLIC)
        assert held.state is BuyerState.GOODS_HELD
        assert asked is not None


def test_c2_the_key_does_not_make_the_item_the_markets() -> None:
    """Harmless to show: TS names the buyer."""
    step = judged(PAID)
    goods = unlock(step.brokerage.shown, SESSION_KEY, reference_of(DEAL))
    with pytest.raises(TransfereeNotNamed):
        PAID.registered(words.Register(PAID.brokerage.signed, goods), MARKET)


TWIN = certified(Bazaar(2).books, FOUND_TWIN)
TRANSFER = countersign(Deal, PAID.brokerage.signed, SELLER)
OTHER_DEAL = resigned(Deal, PAID.brokerage.signed, MARKET, SELLER, trade=OTHER_TRADE)


@pytest.mark.parametrize(
    ("goods", "key"),
    [
        (Goods(PAID.certificate, None, None, TRANSFER), b"another key....."),
        (Goods(TWIN, None, None, TRANSFER), SESSION_KEY),
        (Goods(PAID.certificate, None, None, None), SESSION_KEY),
        (Goods(PAID.certificate, None, None, OTHER_DEAL), SESSION_KEY),
        (Goods(PAID.certificate, None, None, PAID.brokerage.signed), SESSION_KEY),
    ],
)
def test_c2_garbage_another_item_or_no_word_to_transfer_is_the_sellers_fault(
    goods: Goods, key: bytes
) -> None:
    """IT-A11."""
    step = judged(sold_instead(goods), key)
    assert step.brokerage.state is BrokerageState.VOIDING
    assert step.brokerage.reason is VoidReason.SELLER_AT_FAULT
    (to,) = step.messages
    assert (to.recipient, to.message) == (
        GAME.public_key, words.VoidTrade(step.brokerage.signed),
    )  # fmt: skip


def test_c1_what_the_seller_never_signed_for_proves_nothing() -> None:
    asked = complained(PAID)
    forged = resigned(Shipment, asked.shipment, THIEF)
    altered = msgspec.structs.replace(asked, ciphertext=asked.ciphertext + b"\0")
    for message in (msgspec.structs.replace(asked, shipment=forged), altered):
        with pytest.raises(CiphertextNotSigned):
            demanded(PAID, message)
    demanded(PAID, msgspec.structs.replace(asked, shipment=forged), off("ciphertext-is-signed"))


def test_c1_another_ciphertext_than_was_paid_for_is_refused() -> None:
    other = sold_instead(Goods(TWIN, None, None, TRANSFER))
    with pytest.raises(CiphertextNotAcknowledged):
        demanded(PAID, complained(other))


def test_c1_only_the_buyer_of_this_very_deal_complains() -> None:
    asked = complained(PAID)
    with pytest.raises(NotYours):
        complaint.take_complaint(PAID.brokerage, asked, THIEF.public_key, ALL_ON)
    other = resigned(Deal, asked.deal, MARKET, price=1)
    with pytest.raises(DealDiffers):
        demanded(PAID, msgspec.structs.replace(asked, deal=other))


@pytest.mark.parametrize("last", ["ready", "register"])
def test_c1_nobody_complains_before_paying_or_after_the_end(last: str) -> None:
    trade = bazaar(2, last)
    with pytest.raises(WrongState):
        complained(trade)
    asked = complained(PAID)
    if last == "register":
        trade.hear(trade.said["8"].word)
    with pytest.raises(WrongState):
        demanded(trade, asked)


def test_c1_model_1_has_no_complaints() -> None:
    trade = bazaar(1, "pay")
    with pytest.raises(WrongState):
        complained(trade)
    with pytest.raises(WrongState):
        complaint.take_complaint(trade.brokerage, complained(PAID), BUYER.public_key, ALL_ON)


def test_c2_the_seller_shows_its_key_to_the_market_alone_and_only_once_it_is_paid() -> None:
    sent = bazaar(2, "goods")
    assert complaint.show_key(sent.sale, MARKET.public_key) == words.KeyShown(SESSION_KEY)
    with pytest.raises(NotYours):
        complaint.show_key(sent.sale, THIEF.public_key)
    with pytest.raises(WrongState):
        complaint.show_key(PAID.sale, MARKET.public_key)


def test_c2_a_key_nobody_asked_for_changes_nothing() -> None:
    with pytest.raises(WrongState):
        complaint.key_shown(PAID.brokerage, words.KeyShown(SESSION_KEY), PUBLIC)


def test_c3_a_strangers_key_is_refused_and_a_wrong_one_leaves_it_garbage() -> None:
    with pytest.raises(NotYours):
        complaint.key_forwarded(
            PAID.purchase, words.KeyForwarded(SESSION_KEY), THIEF.public_key, PUBLIC
        )
    purchase, asked = complaint.key_forwarded(
        PAID.purchase, words.KeyForwarded(b"another key....."), MARKET.public_key, PUBLIC
    )
    assert (purchase.state, asked) == (BuyerState.GARBAGE, None)
    assert direct_sale.use_key(PAID.purchase, SESSION_KEY, PUBLIC)[1] is not None
