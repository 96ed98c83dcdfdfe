"""Each mend on and off, and each refusal once: none is there for nothing."""

import inspect
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from nodes.protocols.errors import Refused
from nodes.protocols.guard import Guard, Guards
from nodes.protocols.item_trading import (
    certificate,
    direct_sale,
    guards,
    listing_proof,
    outcome,
    purchase,
    reading,
    recovery,
    refusals,
    registration,
    sale_by_market,
    settlement,
)
from nodes.protocols.item_trading import messages as words
from nodes.protocols.item_trading.documents import (
    Deal,
    ItemCertificate,
    Receipt,
    Reservation,
    SaleAuthority,
    Shipment,
    VoidReason,
)
from nodes.protocols.item_trading.payment import Outcome, reference_of, say
from nodes.protocols.item_trading.state import ItemState
from tests.protocols.item_trading.bazaar import (
    ALL_ON,
    BUYER,
    COIN_SERVERS,
    GAME,
    LATE,
    MARKET,
    NOW,
    OTHER_GAME,
    SELLER,
    SESSION_KEY,
    THIEF,
    THIEF_SEAL,
    UNTIL,
    Bazaar,
    bazaar,
    game,
    off,
    paid_in,
    resigned,
)

Attempt = Callable[[Guards], object]
LISTED = {1: bazaar(1, "list"), 2: bazaar(2, "list")}


def at(trade: Bazaar, on: Guards) -> Bazaar:
    """The same trade going on in a world with these guards."""
    trade.guards = on
    return trade


def copied_certificate(on: Guards) -> object:
    """IT-A1: a thief lists it, with the word of nobody."""
    asked = msgspec.structs.replace(LISTED[1].said["1.1"], authority=_by_thief())
    return at(Bazaar(1), on).take_sale_request(asked, THIEF)


def _by_thief() -> Any:
    return resigned(SaleAuthority, LISTED[1].said["1.1"].authority, THIEF)


def old_word(on: Guards) -> object:
    authority = LISTED[1].said["1.1"].authority
    old = resigned(SaleAuthority, authority, SELLER, valid_until=NOW - 1)
    asked = msgspec.structs.replace(LISTED[1].said["1.1"], authority=old)
    return at(Bazaar(1), on).take_sale_request(asked)


def receipt_without_serial(on: Guards) -> object:
    trade = at(bazaar(1, "goods"), on)
    asked = trade.said["7"]
    printed = resigned(Receipt, asked.goods.receipt, MARKET, serial=None, certificate=None)
    goods = msgspec.structs.replace(asked.goods, receipt=printed)
    return trade.registered(msgspec.structs.replace(asked, goods=goods))


def second_sale(on: Guards) -> object:
    trade = at(bazaar(1, "ready"), on)
    deal = resigned(Deal, trade.brokerage.signed, MARKET, price=30, trade=b"t" * 16)
    return trade.reserve(msgspec.structs.replace(trade.said["Reserve"], deal=deal))


def unsigned_order(on: Guards) -> object:
    asked = msgspec.structs.replace(bazaar(1, "order").said["3"], order=None)
    return at(bazaar(1, "list"), on).take_order(asked)


def refunded_then_registered(on: Guards) -> object:
    trade = at(bazaar(2, "goods"), on)
    trade.voided()
    return trade.registered(trade.said["7"])


def forged_notice(on: Guards) -> object:
    trade = bazaar(1, "pay")
    word = say(SELLER, trade.deal, Outcome.REGISTERED)
    return outcome.take_word(trade.brokerage, trade.listing, word, NOW, on)


def statement_for_another_market(on: Guards) -> object:
    trade = at(Bazaar(2), on).list()
    return trade.take_proof(msgspec.structs.replace(trade.said["2.2d"], statement=None))


def markets_key(on: Guards) -> object:
    trade = at(bazaar(2, "order"), on)
    found = msgspec.structs.replace(trade.said["BuyerFound"], buyer_key=THIEF_SEAL.public_key)
    return trade.ship(found)


def unsigned_shipment(on: Guards) -> object:
    sent, waiting = bazaar(2, "ready").said["2.5"], bazaar(2, "order").purchase
    shipment = resigned(Shipment, sent.shipment, SELLER, ciphertext=None)
    message = msgspec.structs.replace(sent, shipment=shipment)
    return direct_sale.ciphertext_arrives(waiting, message, SELLER.public_key, NOW, on)


def silent_payment(on: Guards) -> object:
    told = msgspec.structs.replace(bazaar(2, "pay").said["told"], ciphertext=None)
    return at(bazaar(2, "ready"), on).take_money(told)


def empty_notice(on: Guards) -> object:
    trade = bazaar(2, "pay")
    notice = msgspec.structs.replace(trade.said["PaidNotice"], paid=None)
    return direct_sale.paid_notice_arrives(trade.sale, trade.offering, notice, COIN_SERVERS, on)


def stolen_goods(on: Guards) -> object:
    trade = at(bazaar(2, "goods"), on)
    return trade.registered(trade.said["7"], THIEF)


def old_certificate(on: Guards) -> object:
    trade = bazaar(1, "register")
    served = game(trade.books, on)
    message = words.Recover(trade.certificate)
    return recovery.recover(message, SELLER.public_key, served, trade.books)


# What each guard refuses, and what then passes when it is off, with those beside it that stop the
# same attempt.
ATTEMPTS: dict[str, tuple[Attempt, tuple[str, ...]]] = {
    "sale-is-authorised": (copied_certificate, ()),
    "sale-is-in-time": (old_word, ()),
    "receipt-names-the-item": (receipt_without_serial, ()),
    "item-is-reserved": (second_sale, ()),
    "order-is-signed": (unsigned_order, ()),
    "void-is-final": (refunded_then_registered, ()),
    "notice-by-the-game-server": (forged_notice, ()),
    "proof-names-the-market": (statement_for_another_market, ()),
    "buyer-key-is-certified": (markets_key, ()),
    "ciphertext-is-signed": (unsigned_shipment, ()),
    "payment-names-the-ciphertext": (silent_payment, ()),
    "paid-notice-is-proven": (empty_notice, ()),
    "transferee-is-named": (stolen_goods, ()),
    "ledger-outlives-the-world": (old_certificate, ()),
}
GUARDS: dict[str, Guard[...]] = {
    value.name: value for value in vars(guards).values() if isinstance(value, Guard)
}


def test_every_guard_has_its_attempt() -> None:
    assert set(ATTEMPTS) == set(GUARDS)


@pytest.mark.parametrize("name", ATTEMPTS)
def test_a_guard_refuses_when_on_and_lets_through_when_off(name: str) -> None:
    attempt, beside = ATTEMPTS[name]
    with pytest.raises(GUARDS[name].refuses):
        attempt(ALL_ON)
    with pytest.raises(GUARDS[name].refuses):
        attempt(Guards.without(set(GUARDS) - {name} - set(beside)))
    attempt(Guards.without({name, *beside}))


def test_every_attack_that_is_mended_has_a_guard() -> None:
    """IT-A12 and IT-A13 are refused either way; A17 and part of A4 stay open, A18 is not built, and
    A19 is of the system that came before."""
    mended = {attack for value in GUARDS.values() for attack in value.mends}
    assert mended == {f"IT-A{n}" for n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 15, 16, 20, 21)}


@pytest.mark.parametrize("model", [1, 2])
def test_an_honest_trade_comes_about_with_all_guards_on_and_with_all_off(model: Any) -> None:
    for on in (ALL_ON, Guards.without(GUARDS)):
        trade = Bazaar(model, on).up_to("earn")
        assert list(trade.books.owners().values()) == [BUYER.public_key]


# IT-A12: nothing to switch


@pytest.mark.parametrize("on", [ALL_ON, off(*GUARDS)])
def test_a_key_that_never_comes_costs_the_buyer_nothing_but_time(on: Guards) -> None:
    trade = Bazaar(2, on).up_to("pay")
    _, to = outcome.expire_purchase(trade.purchase, LATE)
    assert to is not None
    word = trade.voided(BUYER, now=LATE)
    ended = outcome.buyer_hears(trade.purchase, word, VoidReason.TIME_OVER)
    assert ended.word == word


# Refusals that are no guard's: the plain rules


def forged_certificate(on: Guards) -> object:
    shown = ItemCertificate(LISTED[1].certificate.content, bytes(256))
    asked = msgspec.structs.replace(LISTED[1].said["1.1"], certificate=shown)
    return at(Bazaar(1), on).take_sale_request(asked)


def revoked_certificate(on: Guards) -> object:
    trade = at(bazaar(1, "order"), on)
    record = trade.books.items[trade.content.serial]
    trade.books.items[record.serial] = record.moved(ItemState.REVOKED)
    return trade.reserve(trade.said["Reserve"])


def wrong_proof(on: Guards) -> object:
    trade = at(Bazaar(2), on).list()
    answer = trade.said["2.2d"]
    numbers = (*answer.numbers[:-1], answer.numbers[0])
    return trade.take_proof(msgspec.structs.replace(answer, numbers=numbers))


def other_challenges(on: Guards) -> object:
    trade = at(Bazaar(2), on).list()
    return trade.owner().answer(trade.offering, words.ChallengeOpened(bytes(24), bytes(32)))


def strangers_receipt(on: Guards) -> object:
    trade = at(bazaar(1, "goods"), on)
    asked = trade.said["7"]
    goods = msgspec.structs.replace(
        asked.goods, receipt=resigned(Receipt, asked.goods.receipt, THIEF)
    )
    return trade.registered(msgspec.structs.replace(asked, goods=goods))


def other_price(on: Guards) -> object:
    trade = at(bazaar(1, "list"), on)
    asked = words.PurchaseRequest(trade.listing.listing, 1, None)
    listing = msgspec.structs.replace(trade.listing, price=2)
    if on.is_on(guards.order_is_signed):
        asked = bazaar(1, "order").said["3"]
    return trade.take_order(asked, listing=listing)


def forged_reservation(on: Guards) -> object:
    trade = at(bazaar(1, "order"), on)
    answer = trade.reserve(trade.said["Reserve"])
    forged = words.Reserved(resigned(Reservation, answer.reservation, THIEF))
    return purchase.reserved(trade.brokerage, trade.listing, forged, _market(on))


def _market(on: Guards) -> purchase.Market:
    return purchase.Market(MARKET, "bazaar", NOW, 60_000, on)


def cheap_deal(on: Guards) -> object:
    trade = at(bazaar(2, "order"), on)
    found = trade.said["BuyerFound"]
    deal = resigned(Deal, found.deal, MARKET, price=1)
    return trade.ship(msgspec.structs.replace(found, deal=deal))


def endless_deal(on: Guards) -> object:
    trade = at(bazaar(2, "order"), on)
    found = trade.said["BuyerFound"]
    late = NOW + purchase.LONGEST_TRADE_MILLISECONDS
    trade.ship(msgspec.structs.replace(found, deal=resigned(Deal, found.deal, MARKET, until=late)))
    deal = resigned(Deal, found.deal, MARKET, until=late + 1)
    return trade.ship(msgspec.structs.replace(found, deal=deal))


def too_little(on: Guards) -> object:
    trade = at(bazaar(1, "ready"), on)
    return trade.take_money(words.Settlement(paid_in(trade.deal, amount=1), SESSION_KEY))


def reserved_after_the_end(on: Guards) -> object:
    trade = at(bazaar(1, "register"), on)
    return trade.reserve(trade.said["Reserve"])


PLAIN: dict[type[Refused], Attempt] = {
    refusals.WrongState: lambda on: sale_by_market.not_listed(bazaar(1, "earn").offering),
    refusals.NotYours: lambda on: at(bazaar(1, "pay"), on).voided(THIEF),
    refusals.UnknownListing: lambda on: reading.known_listing(None),
    refusals.UnknownTrade: lambda on: reading.known_trade(None),
    refusals.UnknownItem: lambda on: certificate.issue(
        words.RequestCertificate(b"no such item...."),
        SELLER.public_key,
        game(LISTED[1].books, on),
        LISTED[1].books,
    ),
    refusals.UnknownMarket: lambda on: registration.void(
        words.VoidTrade(bazaar(1, "pay").brokerage.signed),
        BUYER.public_key,
        frozenset(),
        game(LISTED[1].books, on),
        LISTED[1].books,
    ),
    refusals.WrongDocument: lambda on: reading.checked(
        Receipt, resigned(Receipt, LISTED[1].said["1.2"].receipt, THIEF)
    ),
    refusals.AnotherGame: lambda on: at(bazaar(1, "pay"), on).voided(key=OTHER_GAME),
    refusals.GameClosed: lambda on: at(bazaar(1, "order"), on).reserve(
        bazaar(1, "order").said["Reserve"], closed=True
    ),
    refusals.TooLate: lambda on: settlement.start_paying(
        bazaar(1, "ready").purchase, SESSION_KEY, LATE
    ),
    refusals.TooEarly: lambda on: at(bazaar(1, "pay"), on).voided(BUYER, now=UNTIL),
    refusals.CertificateForged: forged_certificate,
    refusals.CertificateRevoked: revoked_certificate,
    refusals.CertificateExpired: lambda on: certificate.require_not_expired(
        LISTED[1].content, LISTED[1].content.expires + 1
    ),
    refusals.ProofNotAccepted: wrong_proof,
    refusals.ChallengeNotOpened: other_challenges,
    refusals.ReceiptNotTheMarkets: strangers_receipt,
    refusals.PriceDiffers: other_price,
    refusals.ItemTaken: lambda on: at(bazaar(1, "order"), on).take_order(
        bazaar(1, "order").said["3"]
    ),
    refusals.NotReserved: forged_reservation,
    refusals.DealDiffers: cheap_deal,
    refusals.TradeTooLong: endless_deal,
    refusals.NotPaidIn: too_little,
    refusals.GoodsUnreadable: lambda on: reading.unlock(
        bazaar(2, "ready").said["2.5"].ciphertext, b"k" * 16, reference_of(bazaar(2, "ready").deal)
    ),
    refusals.TradeIsOver: reserved_after_the_end,
    refusals.WrongWord: lambda on: outcome.buyer_hears(
        bazaar(1, "pay").purchase,
        say(OTHER_GAME, bazaar(1, "pay").deal, Outcome.VOID),
        VoidReason.TIME_OVER,
    ),
}


def test_every_refusal_is_raised_by_a_guard_or_a_plain_rule() -> None:
    declared = {
        value
        for _, value in inspect.getmembers(refusals, inspect.isclass)
        if issubclass(value, Refused) and value is not Refused
    }
    assert declared == {value.refuses for value in GUARDS.values()} | set(PLAIN)
    assert len({refusal.code for refusal in declared}) == len(declared)


@pytest.mark.parametrize("refusal", PLAIN, ids=lambda refusal: refusal.code)
def test_a_plain_rule_refuses_whatever_guards_are_off(refusal: type[Refused]) -> None:
    for on in (ALL_ON, Guards.without(GUARDS)):
        with pytest.raises(refusal):
            PLAIN[refusal](on)


def test_as_printed_the_session_of_a_proof_names_no_market() -> None:
    certificate_named = b"c" * 32
    for on, same in ((off("proof-names-the-market"), True), (ALL_ON, False)):
        one, other = (
            listing_proof.session_of(market, b"l" * 16, certificate_named, on)
            for market in (MARKET.public_key, GAME.public_key)
        )
        assert (one == other) is same
