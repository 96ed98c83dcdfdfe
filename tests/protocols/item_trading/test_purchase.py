"""The list and step 3, and in model 1 the reservation (1.4)."""

from typing import Any

import msgspec
import pytest

from crypto import codec
from crypto.documents import sign_document
from nodes.protocols.item_trading import messages as words
from nodes.protocols.item_trading import purchase
from nodes.protocols.item_trading.documents import (
    Deal,
    ItemCertificate,
    Model,
    PurchaseOrder,
    Reservation,
    SaleAuthority,
    VoidReason,
)
from nodes.protocols.item_trading.payment import reference_of
from nodes.protocols.item_trading.players import BuyerState
from nodes.protocols.item_trading.refusals import (
    AnotherGame,
    CertificateExpired,
    CertificateForged,
    CertificateRevoked,
    DealDiffers,
    GameClosed,
    ItemReserved,
    ItemTaken,
    NotReserved,
    NotYours,
    OrderNotSigned,
    PriceDiffers,
    SaleAuthorityExpired,
    SaleNotAuthorised,
    TooEarly,
    TooLate,
    TradeIsOver,
    TradeTooLong,
    UnknownMarket,
    WrongDocument,
    WrongState,
)
from nodes.protocols.item_trading.state import BrokerageState, ListingState, TradeState
from tests.protocols.item_trading.bazaar import (
    BUYER,
    GAME,
    LATE,
    LISTING,
    MARKET,
    MINUTE,
    NOW,
    OTHER_GAME,
    OTHER_MARKET,
    OTHER_TRADE,
    PAYEE_KEY,
    PRICE,
    SELLER,
    SWORD,
    THIEF,
    TRADE,
    UNTIL,
    VALID_UNTIL,
    Bazaar,
    bazaar,
    market,
    off,
    resigned,
)

BOTH: tuple[Model, Model] = (1, 2)
LISTED = {model: bazaar(model, "list") for model in BOTH}
ORDERED = {model: bazaar(model, "order") for model in BOTH}
OTHER_ORDER: dict[str, Any] = {
    "buyer": THIEF.public_key,
    "market": OTHER_MARKET.public_key,
    "trade": OTHER_TRADE,
    "listing": b"another listing.",
    "price": 1,
}
OTHER_DEAL: dict[str, Any] = {
    "model": 2,
    "trade": OTHER_TRADE,
    "game_server": OTHER_GAME.public_key,
    "market": OTHER_MARKET.public_key,
    "seller": THIEF.public_key,
    "buyer": THIEF.public_key,
    "serial": b"another serial..",
    "certificate": b"c" * 32,
    "item": "Sword of dusk",
    "price": PRICE + 1,
}
ENDLESS = {"until": NOW + purchase.LONGEST_TRADE_MILLISECONDS + 1}


# the list


def test_the_list_shows_what_is_for_sale_and_neither_seller_nor_serial() -> None:
    listed = purchase.answer_query(words.ListQuery("SWORD dawn"), [LISTED[1].listing], NOW)
    (item,) = listed.items
    assert (item.listing, item.item, item.price, item.model) == (LISTING, SWORD, PRICE, 1)
    shown = codec.encode(listed)
    assert SELLER.public_key not in shown
    assert LISTED[1].content.serial not in shown


@pytest.mark.parametrize(
    ("words_asked", "listing", "now"),
    [
        ("axe", LISTED[1].listing, NOW),
        ("", LISTED[1].listing, VALID_UNTIL + 1),
        ("", ORDERED[1].listing, NOW),
        ("", LISTED[2].proving, NOW),
    ],
)
def test_the_list_shows_nothing_else(words_asked: str, listing: Any, now: int) -> None:
    assert purchase.answer_query(words.ListQuery(words_asked), [listing], now).items == ()


def test_the_cheapest_come_first_where_there_are_too_many() -> None:
    many = [
        msgspec.structs.replace(LISTED[1].listing, listing=bytes([n]) * 16, price=100 - n)
        for n in range(70)
    ]
    listed = purchase.answer_query(words.ListQuery(""), many, NOW).items
    assert [item.price for item in listed] == list(range(31, 31 + 64))


# step 3


@pytest.mark.parametrize("model", BOTH)
def test_step_3_the_market_makes_the_deal_that_was_ordered(model: Model) -> None:
    ordered = ORDERED[model]
    deal = ordered.deal
    assert (deal.buyer, deal.seller, deal.market) == (
        BUYER.public_key, SELLER.public_key, MARKET.public_key,
    )  # fmt: skip
    assert (deal.price, deal.serial, deal.until) == (PRICE, ordered.content.serial, UNTIL)
    assert ordered.listing.state is ListingState.TAKEN
    assert ordered.purchase.state is BuyerState.ORDERED


def test_step_3_model_1_asks_the_game_server_and_model_2_the_seller() -> None:
    assert ORDERED[1].brokerage.state is BrokerageState.ORDERED
    assert "Reserve" in ORDERED[1].said
    assert ORDERED[2].brokerage.state is BrokerageState.OPEN
    assert "BuyerFound" in ORDERED[2].said


@pytest.mark.parametrize("field", OTHER_ORDER)
def test_step_3_an_order_of_anything_else_is_refused(field: str) -> None:
    asked = ORDERED[1].said["3"]
    other = resigned(PurchaseOrder, asked.order, BUYER, **{field: OTHER_ORDER[field]})
    with pytest.raises(OrderNotSigned):
        LISTED[1].take_order(msgspec.structs.replace(asked, order=other))


def test_step_3_an_order_that_the_buyer_did_not_sign_is_refused() -> None:
    """IT-A3: nobody can be made to buy, and nobody can deny it."""
    asked = ORDERED[1].said["3"]
    for order in (None, resigned(PurchaseOrder, asked.order, THIEF)):
        with pytest.raises(OrderNotSigned):
            LISTED[1].take_order(msgspec.structs.replace(asked, order=order))
    with pytest.raises(OrderNotSigned):
        LISTED[1].take_order(asked, sender=THIEF.public_key)


def test_step_3_another_price_than_the_listed_one_is_refused() -> None:
    cheap = PurchaseOrder(BUYER.public_key, MARKET.public_key, TRADE, LISTING, 1)
    asked = words.PurchaseRequest(LISTING, 1, sign_document(cheap, BUYER))
    with pytest.raises(PriceDiffers):
        LISTED[1].take_order(asked)


def test_step_3_what_is_taken_or_out_of_date_is_not_sold() -> None:
    asked = ORDERED[1].said["3"]
    with pytest.raises(ItemTaken):
        LISTED[1].take_order(asked, listing=ORDERED[1].listing)
    with pytest.raises(TooLate):
        LISTED[1].take_order(asked, market=market(now=VALID_UNTIL - MINUTE + 1))
    with pytest.raises(WrongState):
        LISTED[1].take_order(asked, known=ORDERED[1].brokerage)


# step 1.4, game server


def reserve_again(trade: Bazaar, now: int = NOW, **changes: Any) -> words.Reserved:
    """Another order for the same item, at a market that has a copy of everything."""
    deal = resigned(Deal, trade.brokerage.signed, MARKET, **{"trade": OTHER_TRADE, **changes})
    message = msgspec.structs.replace(trade.said["Reserve"], deal=deal)
    return trade.reserve(message, now=now)


def test_step_1_4_the_item_is_kept_for_one_deal() -> None:
    trade = bazaar(1, "ready")
    record = trade.books.items[trade.content.serial]
    assert trade.books.trades[record.reserved_for or b""].state is TradeState.RESERVED
    assert trade.brokerage.state is BrokerageState.OPEN
    assert trade.purchase.state is BuyerState.READY
    assert trade.purchase.payee_key == PAYEE_KEY


def test_step_1_4_a_second_sale_of_a_reserved_item_is_refused() -> None:
    """IT-A5."""
    trade = bazaar(1, "ready")
    with pytest.raises(ItemReserved):
        reserve_again(trade, until=UNTIL + MINUTE)


def test_as_printed_two_sales_are_verified_and_two_buyers_pay() -> None:
    """IT-A5: the second buyer's money waits for a word that can only be void."""
    trade = bazaar(1, "ready", off("item-is-reserved"))
    reserve_again(trade)
    assert {it.state for it in trade.books.trades.values()} == {TradeState.RESERVED}


def test_step_1_4_asking_again_brings_the_same_reservation() -> None:
    trade = bazaar(1, "ready")
    assert trade.reserve(trade.said["Reserve"]) == trade.said["1.4r"]


def test_step_1_4_a_reservation_beyond_its_time_gives_way_and_its_trade_is_void() -> None:
    trade = bazaar(1, "ready")
    reserve_again(trade, now=LATE, until=LATE + MINUTE)
    old = trade.books.trades[reference_of(trade.deal)]
    assert old.state is TradeState.VOID
    assert old.word is not None
    ((to, transaction),) = trade.said["change"].messages
    assert (to.recipient, transaction, to.message) == (
        MARKET.public_key, TRADE, words.Moved(old.word),
    )  # fmt: skip


@pytest.mark.parametrize("field", OTHER_DEAL)
def test_step_1_4_a_deal_about_anything_else_is_refused(field: str) -> None:
    trade = bazaar(1, "order")
    deal = resigned(Deal, trade.brokerage.signed, MARKET, **{field: OTHER_DEAL[field]})
    message = msgspec.structs.replace(trade.said["Reserve"], deal=deal)
    if field in ("trade", "buyer"):
        trade.reserve(message)  # another order, but of the same item by the same market
        return
    with pytest.raises((DealDiffers, WrongDocument, SaleNotAuthorised, AnotherGame, NotYours)):
        trade.reserve(message)


@pytest.mark.parametrize(
    ("authority", "refusal"),
    [
        ({"price": 1}, SaleNotAuthorised),
        ({"market": OTHER_MARKET.public_key}, SaleNotAuthorised),
        ({"serial": b"another serial.."}, SaleNotAuthorised),
        ({"valid_until": NOW - 1}, SaleAuthorityExpired),
    ],
)
def test_step_1_4_only_a_market_that_the_owner_named_blocks_an_item(
    authority: dict[str, Any], refusal: type[Exception]
) -> None:
    trade = bazaar(1, "order")
    asked = trade.said["Reserve"]
    other = resigned(SaleAuthority, asked.authority, SELLER, **authority)
    for signed in (other, resigned(SaleAuthority, other, THIEF)):
        with pytest.raises((refusal, SaleNotAuthorised)):
            trade.reserve(msgspec.structs.replace(asked, authority=signed))
    with pytest.raises(SaleNotAuthorised):
        trade.reserve(msgspec.structs.replace(asked, authority=None))


def test_step_1_4_who_is_no_market_or_not_this_one_reserves_nothing() -> None:
    trade = bazaar(1, "order")
    asked = trade.said["Reserve"]
    with pytest.raises(NotYours):
        trade.reserve(asked, OTHER_MARKET)
    deal = resigned(Deal, asked.deal, THIEF, market=THIEF.public_key)
    with pytest.raises(UnknownMarket):
        trade.reserve(msgspec.structs.replace(asked, deal=deal), THIEF)


def test_step_1_4_a_revoked_certificate_is_refused_at_every_market() -> None:
    """IT-04: the old certificate after the trade."""
    trade = bazaar(1, "register")
    with pytest.raises(CertificateRevoked):
        reserve_again(trade)


def test_step_1_4_forged_foreign_and_expiring_certificates_are_refused() -> None:
    trade = bazaar(1, "order")
    asked = trade.said["Reserve"]
    forged = ItemCertificate(trade.certificate.content, bytes(256))
    with pytest.raises(CertificateForged):
        trade.reserve(msgspec.structs.replace(asked, certificate=forged))
    trade.books.items.clear()
    with pytest.raises(CertificateForged):
        trade.reserve(asked)
    with pytest.raises(AnotherGame):
        trade.reserve(asked, key=OTHER_GAME)
    with pytest.raises(GameClosed):
        trade.reserve(asked, closed=True)
    trade = bazaar(1, "order")
    with pytest.raises(CertificateExpired):
        reserve_again(trade, until=trade.content.expires + 1)


@pytest.mark.parametrize("ended", ["registered", "void"])
def test_step_1_4_a_trade_that_is_over_is_not_reserved_again(ended: str) -> None:
    trade = bazaar(1, "goods")
    if ended == "registered":
        trade.register()
    else:
        trade.voided()
    with pytest.raises(TradeIsOver):
        trade.reserve(trade.said["Reserve"])


# step 1.4r, market and buyer


def test_step_1_4_without_the_game_servers_signature_nobody_is_asked_to_pay() -> None:
    trade = bazaar(1, "order")
    answer = trade.reserve(trade.said["Reserve"])
    for forged in (
        resigned(Reservation, answer.reservation, THIEF),
        resigned(Reservation, answer.reservation, GAME, deal=b"d" * 32),
        resigned(Reservation, answer.reservation, THIEF, game_server=THIEF.public_key),
    ):
        with pytest.raises(NotReserved):
            purchase.reserved(trade.brokerage, trade.listing, words.Reserved(forged), market())
    trade.ready()
    waiting = ORDERED[1].purchase
    ready = msgspec.structs.replace(trade.said["ReadyToSell"], reservation=forged)
    with pytest.raises(NotReserved):
        purchase.ready_to_pay(waiting, ready, MARKET.public_key, NOW)


@pytest.mark.parametrize("field", [*OTHER_DEAL, *ENDLESS, "signature", "sender", "late"])
def test_step_1_4_the_buyer_pays_for_nothing_but_what_it_ordered(field: str) -> None:
    ready, waiting = bazaar(1, "ready").said["ReadyToSell"], ORDERED[1].purchase
    sender, now = MARKET.public_key, NOW
    if field == "signature":
        ready = msgspec.structs.replace(ready, deal=resigned(Deal, ready.deal, THIEF))
    elif field == "sender":
        sender = THIEF.public_key
    elif field == "late":
        now = LATE
    else:
        deal = resigned(Deal, ready.deal, MARKET, **{field: (OTHER_DEAL | ENDLESS)[field]})
        ready = msgspec.structs.replace(ready, deal=deal)
    with pytest.raises((DealDiffers, WrongDocument, NotYours, TooLate, TradeTooLong, NotReserved)):
        purchase.ready_to_pay(waiting, ready, sender, now)


@pytest.mark.parametrize(
    ("code", "state"),
    [
        (CertificateRevoked.code, ListingState.CLOSED),
        (SaleAuthorityExpired.code, ListingState.CLOSED),
        (ItemReserved.code, ListingState.LISTED),
    ],
)
def test_step_1_4_refused_the_buyer_hears_of_it_and_nothing_was_paid(
    code: str, state: ListingState
) -> None:
    trade = bazaar(1, "order")
    step = purchase.not_reserved(trade.brokerage, trade.listing, code)
    assert step.listing is not None
    assert step.listing.state is state
    assert step.brokerage.state is BrokerageState.REFUSED
    (to,) = step.messages
    assert to.message == words.VoidNotice(VoidReason.NOT_RESERVED, None)
    assert to.recipient == BUYER.public_key


def test_a_reservation_that_comes_when_the_trade_is_being_voided_changes_nothing() -> None:
    trade = bazaar(1, "order")
    answer = trade.reserve(trade.said["Reserve"])
    voiding = trade.brokerage.moved(BrokerageState.VOIDING)
    with pytest.raises(WrongState):
        purchase.reserved(voiding, trade.listing, answer, market())


@pytest.mark.parametrize("model", BOTH)
def test_a_listing_ends_with_its_time_unless_it_is_being_sold(model: Model) -> None:
    listing = LISTED[model].listing
    with pytest.raises(TooEarly):
        purchase.expire_listing(listing, VALID_UNTIL)
    assert purchase.expire_listing(listing, VALID_UNTIL + 1).state is ListingState.CLOSED
    for busy in (ORDERED[model].listing, bazaar(model, "hear").listing):
        with pytest.raises(WrongState):
            purchase.expire_listing(busy, VALID_UNTIL + 1)


def test_step_3_a_refused_order_ends_the_purchase_and_nothing_else_does() -> None:
    assert purchase.not_ordered(ORDERED[1].purchase).state is BuyerState.VOID
    with pytest.raises(WrongState):
        purchase.not_ordered(bazaar(1, "ready").purchase)
