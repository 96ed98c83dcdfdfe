"""Steps 1.1 and 1.2: the market is handed the certificate."""

from typing import Any

import msgspec
import pytest

from nodes.protocols.item_trading import sale_by_market
from nodes.protocols.item_trading.documents import ItemCertificate, Receipt, SaleAuthority
from nodes.protocols.item_trading.messages import SaleAccepted, SaleRequest
from nodes.protocols.item_trading.players import OfferingState
from nodes.protocols.item_trading.reading import opened
from nodes.protocols.item_trading.refusals import (
    AnotherGame,
    CertificateExpired,
    CertificateForged,
    NotYours,
    ReceiptNamesAnotherItem,
    ReceiptNotTheMarkets,
    SaleAuthorityExpired,
    SaleNotAuthorised,
    TooLate,
    WrongState,
)
from nodes.protocols.item_trading.state import ListingState
from tests.protocols.item_trading.bazaar import (
    BUYER,
    LISTING,
    MARKET,
    NOW,
    OTHER_GAME,
    OTHER_ITEM_KEY,
    OTHER_MARKET,
    PAYEE_KEY,
    PRICE,
    SELLER,
    SWORD,
    THIEF,
    VALID_UNTIL,
    Bazaar,
    bazaar,
    off,
    resigned,
)

LISTED = bazaar(1, "list")
ASKED: SaleRequest = LISTED.said["1.1"]
ACCEPTED: SaleAccepted = LISTED.said["1.2"]
ASKED_OFFERING = msgspec.structs.replace(LISTED.offering, state=OfferingState.ASKED, receipt=None)
OTHER_AUTHORITY: dict[str, Any] = {
    "seller": THIEF.public_key,
    "market": OTHER_MARKET.public_key,
    "game_server": OTHER_GAME.public_key,
    "serial": b"another serial..",
    "certificate": b"c" * 32,
    "price": PRICE + 1,
}
OTHER_RECEIPT: dict[str, Any] = {
    "market": OTHER_MARKET.public_key,
    "client": BUYER.public_key,
    "item": "Sword of dusk",
    "serial": b"another serial..",
    "certificate": b"c" * 32,
    "deal": b"d" * 32,
}


def test_step_1_1_the_market_lists_what_the_owner_lets_it_sell() -> None:
    listing = LISTED.listing
    assert listing.state is ListingState.LISTED
    assert (listing.item, listing.price, listing.seller) == (SWORD, PRICE, SELLER.public_key)
    assert listing.certificate == LISTED.certificate
    assert LISTED.offering.state is OfferingState.LISTED


def test_step_1_2_the_receipt_names_the_client_and_the_very_item() -> None:
    receipt = opened(Receipt, ACCEPTED.receipt)
    assert (receipt.client, receipt.serial) == (SELLER.public_key, LISTED.content.serial)
    assert (receipt.price, receipt.listing, receipt.deal) == (PRICE, LISTING, None)


def test_step_1_1_the_same_offer_gives_the_same_bytes() -> None:
    assert Bazaar(1).list().said["1.1"] == ASKED


@pytest.mark.parametrize("field", OTHER_AUTHORITY)
def test_step_1_1_a_word_to_sell_something_else_is_refused(field: str) -> None:
    other = resigned(SaleAuthority, ASKED.authority, SELLER, **{field: OTHER_AUTHORITY[field]})
    with pytest.raises(SaleNotAuthorised):
        LISTED.take_sale_request(msgspec.structs.replace(ASKED, authority=other))


def test_step_1_1_a_thief_with_a_copied_certificate_lists_nothing() -> None:
    """IT-A1."""
    forged = resigned(SaleAuthority, ASKED.authority, THIEF)
    own = resigned(SaleAuthority, ASKED.authority, THIEF, seller=THIEF.public_key)
    for authority in (None, forged, own, ASKED.authority):
        asked = msgspec.structs.replace(ASKED, authority=authority, payee_key=b"t" * 32)
        with pytest.raises(SaleNotAuthorised):
            LISTED.take_sale_request(asked, THIEF)


def test_as_printed_a_thief_lists_a_copied_certificate_for_its_own_profit() -> None:
    """IT-A1: the claim that the id differs needs somebody who looks."""
    asked = msgspec.structs.replace(ASKED, authority=None, payee_key=b"t" * 32)
    printed = Bazaar(1, off("sale-is-authorised", "sale-is-in-time"))
    listing, _ = printed.take_sale_request(asked, THIEF)
    assert (listing.state, listing.payee_key) == (ListingState.LISTED, b"t" * 32)


@pytest.mark.parametrize("field", ["nonce", "payee_key"])
def test_step_1_1_the_owners_word_is_for_this_listing_and_this_payee(field: str) -> None:
    """IT-A21: an old word lists nothing again, and sends no money elsewhere."""
    other = {"nonce": b"another listing.", "payee_key": b"o" * 32}
    word = resigned(SaleAuthority, ASKED.authority, SELLER, **{field: other[field]})
    with pytest.raises(SaleNotAuthorised):
        LISTED.take_sale_request(msgspec.structs.replace(ASKED, authority=word))


def test_step_1_1_an_item_is_listed_no_longer_than_the_owners_word_says() -> None:
    longer = msgspec.structs.replace(ASKED, valid_until=VALID_UNTIL + 1)
    with pytest.raises(SaleAuthorityExpired):
        LISTED.take_sale_request(longer)
    shorter = msgspec.structs.replace(ASKED, valid_until=VALID_UNTIL - 1)
    assert LISTED.take_sale_request(shorter)[0].valid_until == VALID_UNTIL - 1


def test_step_1_1_a_word_of_yesterday_is_refused() -> None:
    """IT-A21: its owner may have thought better of it."""
    with pytest.raises(SaleAuthorityExpired):
        LISTED.take_sale_request(ASKED, now=VALID_UNTIL + 1)
    old = resigned(SaleAuthority, ASKED.authority, SELLER, valid_until=NOW - 1)
    replayed = msgspec.structs.replace(ASKED, authority=old)
    with pytest.raises(SaleAuthorityExpired):
        LISTED.take_sale_request(replayed)
    Bazaar(1, off("sale-is-in-time")).take_sale_request(replayed)


def test_step_1_1_a_forged_or_altered_certificate_is_refused() -> None:
    content = LISTED.certificate.content
    for shown in (
        ItemCertificate(content, bytes(256)),
        ItemCertificate(content + b"\0", LISTED.certificate.signature),
        ItemCertificate(b"none", LISTED.certificate.signature),
    ):
        with pytest.raises(CertificateForged):
            LISTED.take_sale_request(msgspec.structs.replace(ASKED, certificate=shown))
    with pytest.raises((CertificateForged, AnotherGame)):
        LISTED.take_sale_request(ASKED, game_key=OTHER_ITEM_KEY.public_key)


def test_step_1_1_an_expired_certificate_is_refused() -> None:
    with pytest.raises(CertificateExpired):
        LISTED.take_sale_request(ASKED, now=LISTED.content.expires + 1)


def test_step_1_1_a_listing_that_is_over_before_it_begins_is_refused() -> None:
    """With the guard on it is the owner's word that has run out."""
    with pytest.raises(TooLate):
        Bazaar(1, off("sale-is-in-time")).take_sale_request(
            msgspec.structs.replace(ASKED, valid_until=NOW - 1)
        )


def test_step_1_1_one_listing_is_taken_once() -> None:
    with pytest.raises(WrongState):
        LISTED.take_sale_request(ASKED, known=LISTED.listing)


def test_step_1_1_only_the_owner_offers() -> None:
    offer: dict[str, Any] = {"market": MARKET.public_key, "listing": LISTING, "price": PRICE,
                             "payee_key": PAYEE_KEY, "valid_until": VALID_UNTIL}  # fmt: skip
    with pytest.raises(NotYours):
        sale_by_market.offer_to_market(LISTED.certificate, seller=THIEF, now=NOW, **offer)
    late = LISTED.content.expires + 1
    with pytest.raises(CertificateExpired):
        sale_by_market.offer_to_market(LISTED.certificate, seller=SELLER, now=late, **offer)


@pytest.mark.parametrize("field", OTHER_RECEIPT)
def test_step_1_2_a_receipt_of_anything_else_is_refused(field: str) -> None:
    other = resigned(Receipt, ACCEPTED.receipt, MARKET, **{field: OTHER_RECEIPT[field]})
    with pytest.raises((ReceiptNotTheMarkets, ReceiptNamesAnotherItem)):
        sale_by_market.listed_by_market(ASKED_OFFERING, SaleAccepted(other), LISTED.guards)


def test_step_1_2_a_receipt_that_the_market_did_not_sign_is_refused() -> None:
    forged = resigned(Receipt, ACCEPTED.receipt, THIEF)
    with pytest.raises(ReceiptNotTheMarkets):
        sale_by_market.listed_by_market(ASKED_OFFERING, SaleAccepted(forged), LISTED.guards)


def test_a_refused_offering_is_closed() -> None:
    assert sale_by_market.not_listed(ASKED_OFFERING).state is OfferingState.CLOSED
    with pytest.raises(WrongState):
        sale_by_market.not_listed(bazaar(1, "earn").offering)
