"""Steps 1.5 and 1.6, model 1: money in, goods out."""

from typing import Any

import msgspec
import pytest

from crypto.signing import SigningKey
from nodes.protocols.electronic_cash.documents import PendingCoin
from nodes.protocols.item_trading import messages as words
from nodes.protocols.item_trading import settlement
from nodes.protocols.item_trading.documents import Goods, Receipt, SaleAuthority
from nodes.protocols.item_trading.payment import condition_of, reference_of
from nodes.protocols.item_trading.players import BuyerState
from nodes.protocols.item_trading.reading import lock, opened, unlock
from nodes.protocols.item_trading.refusals import (
    GoodsUnreadable,
    NotPaidIn,
    NotYours,
    ReceiptNamesAnotherItem,
    ReceiptNotTheMarkets,
    SaleNotAuthorised,
    TooLate,
    TradeIsOver,
    WrongState,
)
from nodes.protocols.item_trading.state import BrokerageState
from tests.protocols.item_trading.bazaar import (
    BUYER,
    FOUND_TWIN,
    LATE,
    MARKET,
    NOW,
    OTHER_GAME,
    PAYEE_KEY,
    PUBLIC,
    REFUND_KEY,
    SELLER,
    SESSION_KEY,
    THIEF,
    Bazaar,
    bazaar,
    certified,
    off,
    paid_in,
    resigned,
)

READY = bazaar(1, "ready")
PAID = bazaar(1, "pay")
DEAL = PAID.deal


def told(paid: Any) -> words.Settlement:
    return words.Settlement(paid, SESSION_KEY)


def taken(goods: Goods, key: bytes = SESSION_KEY, **changes: Any) -> Any:
    """1.6 with something else in it."""
    message = words.GoodsSent(lock(goods, key, reference_of(DEAL)))
    sender = changes.get("sender", MARKET)
    guards = changes.get("guards", PAID.guards)
    return settlement.goods_arrive(PAID.purchase, message, sender.public_key, PUBLIC, guards)


GOODS = unlock(PAID.said["GoodsSent"].goods, SESSION_KEY, reference_of(DEAL))


def test_step_1_6_the_buyer_gets_certificate_and_a_receipt_in_its_own_name() -> None:
    purchase, asked = taken(GOODS)
    assert purchase.state is BuyerState.GOODS_HELD
    assert asked == words.Register(PAID.brokerage.signed, GOODS)
    assert GOODS.certificate == PAID.certificate
    assert GOODS.receipt is not None
    receipt = opened(Receipt, GOODS.receipt)
    assert (receipt.client, receipt.deal) == (BUYER.public_key, reference_of(DEAL))


def test_step_1_5_the_seller_may_be_away_for_good() -> None:
    """4.2: "the seller need not always be connected": nothing since 1.2 asked it anything."""
    assert not {"BuyerFound", "PaidNotice"} & PAID.said.keys()


@pytest.mark.parametrize(
    "paid",
    [
        paid_in(DEAL, amount=DEAL.price - 1),
        paid_in(DEAL, amount=DEAL.price + 1),
        paid_in(DEAL, THIEF.public_key),
        paid_in(msgspec.structs.replace(DEAL, until=NOW)),
        paid_in(msgspec.structs.replace(DEAL, game_server=OTHER_GAME.public_key)),
        paid_in(DEAL, coin_server=THIEF.public_key),
        msgspec.structs.replace(paid_in(DEAL), signatures=()),
        msgspec.structs.replace(paid_in(DEAL), content=b"money"),
    ],
)
def test_step_1_5_money_that_does_not_wait_for_this_deal_and_seller_is_refused(paid: Any) -> None:
    with pytest.raises(NotPaidIn):
        READY.take_money(told(paid))


def test_step_1_5_money_of_no_known_coin_server_is_refused() -> None:
    with pytest.raises(NotPaidIn):
        READY.take_money(told(paid_in(DEAL)), coin_servers=frozenset())
    own = resigned(PendingCoin, paid_in(DEAL), THIEF, coin_server=THIEF.public_key)
    with pytest.raises(NotPaidIn):
        READY.take_money(told(own))


def test_step_1_5_only_the_buyer_settles_and_only_once() -> None:
    with pytest.raises(NotYours):
        READY.take_money(told(paid_in(DEAL)), sender=THIEF.public_key)
    with pytest.raises(TradeIsOver):
        PAID.take_money(told(paid_in(DEAL)))


@pytest.mark.parametrize("state", [BrokerageState.VOIDING, BrokerageState.REGISTERED])
def test_step_1_5_money_for_a_trade_that_is_over_is_refused(state: BrokerageState) -> None:
    over = READY.brokerage.moved(state)
    with pytest.raises(TradeIsOver):
        READY.take_money(told(paid_in(DEAL)), brokerage=over)


def test_the_money_waits_under_the_deal_its_judge_and_two_keys() -> None:
    condition = condition_of(DEAL, PAYEE_KEY, REFUND_KEY)
    assert (condition.judge, condition.transaction) == (DEAL.game_server, reference_of(DEAL))
    assert (condition.payee_key, condition.refund_key) == (PAYEE_KEY, REFUND_KEY)
    assert condition.until == DEAL.until


# paying


def test_nobody_starts_to_pay_when_the_time_is_over() -> None:
    with pytest.raises(TooLate):
        settlement.start_paying(READY.purchase, SESSION_KEY, LATE)


def test_a_buyer_with_too_little_may_pay_later() -> None:
    paying = settlement.start_paying(READY.purchase, SESSION_KEY, NOW)
    assert settlement.cannot_pay(paying) == READY.purchase


def test_a_trade_voided_before_anything_was_signed_brings_nothing_back() -> None:
    paying = settlement.start_paying(READY.purchase, SESSION_KEY, NOW)
    ended = settlement.cannot_pay(paying.moved(BuyerState.VOID))
    assert (ended.state, ended.session_key) == (BuyerState.VOID, None)


def test_a_trade_voided_while_paying_keeps_the_receipt_for_the_refund() -> None:
    paying = settlement.start_paying(READY.purchase, SESSION_KEY, NOW)
    void = paying.moved(BuyerState.VOID)
    after, message = settlement.paid_in(void, paid_in(DEAL))
    assert (after.state, after.paid, message) == (BuyerState.VOID, paid_in(DEAL), None)


def test_what_is_not_being_paid_cannot_have_been_paid() -> None:
    with pytest.raises(WrongState):
        settlement.paid_in(READY.purchase, paid_in(DEAL))


# step 1.6, forbidden


def test_step_1_6_goods_under_another_key_or_trade_are_garbage() -> None:
    purchase, asked = taken(GOODS, b"another key.....")
    assert (purchase.state, asked) == (BuyerState.GARBAGE, None)
    other = lock(GOODS, SESSION_KEY, b"r" * 32)
    purchase, asked = settlement.goods_arrive(
        PAID.purchase, words.GoodsSent(other), MARKET.public_key, PUBLIC, PAID.guards
    )
    assert (purchase.state, asked) == (BuyerState.GARBAGE, None)


def test_step_1_6_another_item_of_the_same_kind_is_garbage() -> None:
    """Row 8: another item sold than listed."""
    twin = certified(Bazaar(1).books, FOUND_TWIN)
    purchase, asked = taken(msgspec.structs.replace(GOODS, certificate=twin))
    assert (purchase.state, asked) == (BuyerState.GARBAGE, None)


def test_step_1_6_a_forged_certificate_is_garbage() -> None:
    forged = msgspec.structs.replace(PAID.certificate, signature=bytes(256))
    purchase, asked = taken(msgspec.structs.replace(GOODS, certificate=forged))
    assert (purchase.state, asked) == (BuyerState.GARBAGE, None)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"client": SELLER.public_key}, ReceiptNotTheMarkets),
        ({"market": THIEF.public_key}, ReceiptNotTheMarkets),
        ({"item": "Sword of dusk"}, ReceiptNotTheMarkets),
        ({"serial": None}, ReceiptNamesAnotherItem),
        ({"certificate": None}, ReceiptNamesAnotherItem),
        ({"price": 1}, ReceiptNamesAnotherItem),
        ({"deal": None}, ReceiptNamesAnotherItem),
        ({"deal": b"d" * 32}, ReceiptNamesAnotherItem),
    ],
)
def test_step_1_6_a_receipt_of_anything_else_is_refused(
    changes: dict[str, Any], refusal: type[Exception]
) -> None:
    other = resigned(Receipt, GOODS.receipt, MARKET, **changes)
    with pytest.raises(refusal):
        taken(msgspec.structs.replace(GOODS, receipt=other))


def test_step_1_6_goods_without_a_receipt_or_from_a_stranger_are_refused() -> None:
    with pytest.raises(ReceiptNotTheMarkets):
        taken(msgspec.structs.replace(GOODS, receipt=None))
    with pytest.raises(NotYours):
        taken(GOODS, sender=THIEF)


@pytest.mark.parametrize(
    ("signer", "changes"),
    [
        (SELLER, {"payee_key": THIEF.public_key}),
        (SELLER, {"nonce": b"another listing."}),
        (SELLER, {"price": 1}),
        (THIEF, {}),
    ],
)
def test_step_1_6_what_is_paid_to_another_key_than_the_owners_is_not_registered(
    signer: SigningKey, changes: dict[str, Any]
) -> None:
    """IT-A4: the market said whose the money would be; the owner's word says it, too."""
    other = resigned(SaleAuthority, GOODS.authority, signer, **changes)
    goods = msgspec.structs.replace(GOODS, authority=other)
    for sent in (goods, msgspec.structs.replace(GOODS, authority=None)):
        with pytest.raises(SaleNotAuthorised):
            taken(sent)
    purchase, _ = taken(goods, guards=off("sale-is-authorised"))
    assert purchase.state is BuyerState.GOODS_HELD


def test_as_printed_a_receipt_names_no_serial() -> None:
    bare = {"serial": None, "certificate": None, "price": None, "deal": None, "listing": None}
    printed = resigned(Receipt, GOODS.receipt, MARKET, **bare)
    goods = msgspec.structs.replace(GOODS, receipt=printed)
    purchase, _ = taken(goods, guards=off("receipt-names-the-item"))
    assert purchase.state is BuyerState.GOODS_HELD


@pytest.mark.parametrize("cut", [1, 60, 200])
def test_step_1_6_an_altered_ciphertext_opens_to_nothing(cut: int) -> None:
    sealed = bytearray(PAID.said["GoodsSent"].goods)
    sealed[-cut] ^= 1
    with pytest.raises(GoodsUnreadable):
        unlock(bytes(sealed), SESSION_KEY, reference_of(DEAL))
