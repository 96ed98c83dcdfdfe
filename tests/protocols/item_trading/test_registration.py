"""Steps 7 to 9 and V1 at the game server: the commit point of both models."""

from typing import Any

import msgspec
import pytest

from crypto.documents import Signed
from nodes.protocols.item_trading import certificate, registration
from nodes.protocols.item_trading import messages as words
from nodes.protocols.item_trading.documents import Deal, ItemCertificate, Model, Receipt
from nodes.protocols.item_trading.payment import Outcome, read_word, reference_of
from nodes.protocols.item_trading.refusals import (
    AnotherGame,
    CertificateForged,
    GameClosed,
    ItemReserved,
    NotYours,
    ReceiptNamesAnotherItem,
    ReceiptNotTheMarkets,
    SaleNotAuthorised,
    TooEarly,
    TradeIsVoid,
    TransfereeNotNamed,
    UnknownMarket,
    WrongDocument,
    WrongState,
)
from nodes.protocols.item_trading.state import ItemState, TradeState, WorldItem
from tests.protocols.item_trading.bazaar import (
    BUYER,
    FOUND_TWIN,
    GAME,
    LATE,
    MARKET,
    OTHER_GAME,
    OTHER_TRADE,
    PUBLIC,
    SELLER,
    SWORD,
    THIEF,
    TRADE,
    Bazaar,
    bazaar,
    certified,
    game,
    off,
    resigned,
)

BOTH: tuple[Model, Model] = (1, 2)


def with_goods(message: words.Register, **changes: Any) -> words.Register:
    return msgspec.structs.replace(message, goods=msgspec.structs.replace(message.goods, **changes))


def standing(trade: Bazaar) -> Any:
    return trade.books.trades.get(reference_of(trade.deal))


@pytest.mark.parametrize("model", BOTH)
def test_step_7_the_item_moves_with_a_new_certificate_and_the_old_one_is_revoked(
    model: Model,
) -> None:
    trade = bazaar(model, "register")
    answer = trade.said["8"]
    new = certificate.check_certificate(answer.certificate, GAME.public_key, PUBLIC)
    old = trade.books.items[trade.content.serial]
    assert (new.owner, new.item, new.previous) == (BUYER.public_key, SWORD, old.serial)
    assert (old.state, old.replaced_by, old.reserved_for) == (ItemState.REVOKED, new.serial, None)
    assert trade.books.owners() == {new.serial: BUYER.public_key}
    assert trade.books.world == {new.serial: WorldItem(new.serial, BUYER.public_key, SWORD)}
    assert read_word(answer.word, trade.deal) is Outcome.REGISTERED


@pytest.mark.parametrize("model", BOTH)
def test_step_9_the_market_is_told_with_the_game_servers_word(model: Model) -> None:
    trade = bazaar(model, "register")
    ((to, transaction),) = trade.said["change"].messages
    assert (to.recipient, transaction) == (MARKET.public_key, TRADE)
    assert to.message == words.Moved(trade.said["8"].word)


@pytest.mark.parametrize("model", BOTH)
def test_step_8_asking_again_brings_the_same_certificate_and_moves_nothing(model: Model) -> None:
    trade = bazaar(model, "register")
    before = (dict(trade.books.items), dict(trade.books.world))
    assert trade.registered(trade.said["7"]) == trade.said["8"]
    assert trade.said["change"].messages == ()
    assert (trade.books.items, trade.books.world) == before
    with pytest.raises(NotYours):
        trade.registered(trade.said["7"], THIEF)


@pytest.mark.parametrize("model", BOTH)
def test_step_7_registering_needs_no_time_left_only_that_it_is_not_void(model: Model) -> None:
    trade = bazaar(model, "goods")
    assert trade.registered(trade.said["7"], now=LATE).certificate is not None


# whose it is


@pytest.mark.parametrize("model", BOTH)
def test_step_7_whoever_else_has_the_goods_registers_nothing(model: Model) -> None:
    """IT-A10, and the receipt that names the buyer."""
    trade = bazaar(model, "goods")
    for sender in (THIEF, MARKET, SELLER):
        with pytest.raises((TransfereeNotNamed, ReceiptNotTheMarkets)):
            trade.registered(trade.said["7"], sender)
    assert trade.books.owners() == {trade.content.serial: SELLER.public_key}


def test_as_printed_model_2_gives_the_item_to_whoever_comes_first() -> None:
    """IT-A10."""
    trade = bazaar(2, "goods", off("transferee-is-named"))
    trade.registered(with_goods(trade.said["7"], transfer=None), THIEF)
    assert list(trade.books.owners().values()) == [THIEF.public_key]


@pytest.mark.parametrize(
    "transfer",
    [
        None,
        lambda deal: deal,
        lambda deal: resigned(Deal, deal, MARKET, THIEF),
        lambda deal: resigned(Deal, deal, MARKET, SELLER, trade=OTHER_TRADE),
        lambda deal: resigned(Deal, deal, MARKET, SELLER, buyer=THIEF.public_key),
        lambda deal: resigned(Deal, deal, MARKET, SELLER, serial=b"another serial.."),
    ],
)
def test_step_7_model_2_without_the_owners_word_on_this_deal_nothing_moves(transfer: Any) -> None:
    trade = bazaar(2, "goods")
    signed = transfer(trade.brokerage.signed) if transfer else None
    with pytest.raises(TransfereeNotNamed):
        trade.registered(with_goods(trade.said["7"], transfer=signed))


def test_step_7_model_2_a_deal_made_up_by_buyer_and_market_moves_nothing() -> None:
    """The seller is named, and never signed."""
    trade = bazaar(2, "goods")
    deal: Signed[Deal] = resigned(Deal, trade.brokerage.signed, MARKET, price=1)
    asked = msgspec.structs.replace(trade.said["7"], deal=deal)
    with pytest.raises(TransfereeNotNamed):
        trade.registered(asked)
    with pytest.raises(TransfereeNotNamed):
        trade.registered(with_goods(asked, transfer=deal))


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"client": THIEF.public_key}, ReceiptNotTheMarkets),
        ({"market": THIEF.public_key}, ReceiptNotTheMarkets),
        ({"item": "Sword of dusk"}, ReceiptNotTheMarkets),
        ({"serial": None}, ReceiptNamesAnotherItem),
        ({"serial": b"another serial.."}, ReceiptNamesAnotherItem),
        ({"certificate": b"c" * 32}, ReceiptNamesAnotherItem),
        ({"deal": None}, ReceiptNamesAnotherItem),
        ({"deal": b"d" * 32}, ReceiptNamesAnotherItem),
        ({"price": 1}, ReceiptNamesAnotherItem),
    ],
)
def test_step_7_model_1_a_receipt_of_anything_else_moves_nothing(
    changes: dict[str, Any], refusal: type[Exception]
) -> None:
    trade = bazaar(1, "goods")
    asked = trade.said["7"]
    other = resigned(Receipt, asked.goods.receipt, MARKET, **changes)
    with pytest.raises(refusal):
        trade.registered(with_goods(asked, receipt=other))


def test_step_7_model_1_without_receipt_or_the_owners_word_nothing_moves() -> None:
    trade = bazaar(1, "goods")
    asked = trade.said["7"]
    with pytest.raises(ReceiptNotTheMarkets):
        trade.registered(with_goods(asked, receipt=None))
    forged = resigned(Receipt, asked.goods.receipt, THIEF)
    with pytest.raises(ReceiptNotTheMarkets):
        trade.registered(with_goods(asked, receipt=forged))
    with pytest.raises(SaleNotAuthorised):
        trade.registered(with_goods(asked, authority=None))


RECEIPT_REUSE = ("receipt-names-the-item", "sale-is-authorised", "item-is-reserved")


def test_step_7_the_receipt_of_one_sword_does_not_move_its_twin() -> None:
    """IT-A2."""
    trade = bazaar(1, "goods")
    twin = certified(trade.books, FOUND_TWIN, THIEF)
    with pytest.raises(ReceiptNamesAnotherItem):
        trade.registered(with_goods(trade.said["7"], certificate=twin))


def test_as_printed_the_receipt_of_one_sword_moves_its_twin_unpaid() -> None:
    """IT-A2: the receipt has item_info, and no serial#."""
    trade = bazaar(1, "goods", off(*RECEIPT_REUSE))
    twin = certified(trade.books, FOUND_TWIN, THIEF)
    trade.registered(with_goods(trade.said["7"], certificate=twin))
    assert THIEF.public_key not in trade.books.owners().values()


@pytest.mark.parametrize("model", BOTH)
def test_step_7_forged_and_foreign_certificates_and_deals_are_refused(model: Model) -> None:
    trade = bazaar(model, "goods")
    asked = trade.said["7"]
    forged = ItemCertificate(trade.certificate.content, bytes(256))
    with pytest.raises(CertificateForged):
        trade.registered(with_goods(asked, certificate=forged))
    with pytest.raises(UnknownMarket):
        registration.register(asked, BUYER.public_key, frozenset(), game(trade.books), trade.books)
    with pytest.raises(AnotherGame):
        trade.registered(asked, key=OTHER_GAME)
    with pytest.raises(GameClosed):
        trade.registered(asked, closed=True)
    deal = resigned(Deal, asked.deal, THIEF)
    with pytest.raises(WrongDocument):
        trade.registered(msgspec.structs.replace(asked, deal=deal))
    trade.books.items.clear()
    with pytest.raises(CertificateForged):
        trade.registered(asked)


# reserved


def test_step_7_model_1_without_a_reservation_nothing_moves() -> None:
    trade = bazaar(1, "goods")
    serial = trade.content.serial
    record = trade.books.items[serial]
    for other in (None, b"o" * 32):
        trade.books.items[serial] = msgspec.structs.replace(record, reserved_for=other)
        with pytest.raises(ItemReserved):
            trade.registered(trade.said["7"])


def test_step_7_model_2_leaves_an_item_that_a_market_sells_where_it_is() -> None:
    trade = bazaar(2, "goods")
    serial = trade.content.serial
    record = trade.books.items[serial]
    trade.books.items[serial] = msgspec.structs.replace(record, reserved_for=b"o" * 32)
    with pytest.raises(ItemReserved):
        trade.registered(trade.said["7"])


# what cannot be registered any more


@pytest.mark.parametrize("model", BOTH)
def test_step_7_a_certificate_sold_elsewhere_meanwhile_ends_the_trade_with_a_void_word(
    model: Model,
) -> None:
    """The negative result of 4.3.2, signed: the buyer's money comes back at once."""
    trade = bazaar(model, "goods", off("item-is-reserved"))
    record = trade.books.items[trade.content.serial]
    trade.books.items[record.serial] = record.moved(ItemState.REVOKED)
    answer = trade.registered(trade.said["7"])
    assert answer.certificate is None
    assert read_word(answer.word, trade.deal) is Outcome.VOID
    ((to, _),) = trade.said["change"].messages
    assert to.message == words.Moved(answer.word)
    assert standing(trade).state is TradeState.VOID


@pytest.mark.parametrize("model", BOTH)
def test_step_7_an_expired_certificate_ends_the_trade_with_a_void_word(model: Model) -> None:
    trade = bazaar(model, "goods")
    answer = trade.registered(trade.said["7"], now=trade.content.expires + 1)
    assert read_word(answer.word, trade.deal) is Outcome.VOID
    assert trade.books.items[trade.content.serial].reserved_for is None


def test_step_7_only_a_genuine_buyer_brings_that_word_about() -> None:
    trade = bazaar(2, "goods")
    record = trade.books.items[trade.content.serial]
    trade.books.items[record.serial] = record.moved(ItemState.REVOKED)
    with pytest.raises(TransfereeNotNamed):
        trade.registered(trade.said["7"], THIEF)
    assert standing(trade) is None


# V1


@pytest.mark.parametrize("model", BOTH)
def test_v1_the_market_voids_a_trade_and_frees_the_item(model: Model) -> None:
    trade = bazaar(model, "pay")
    word = trade.voided()
    assert read_word(word, trade.deal) is Outcome.VOID
    assert standing(trade).state is TradeState.VOID
    assert trade.books.items[trade.content.serial].reserved_for is None
    assert trade.said["change"].messages == ()


@pytest.mark.parametrize("model", BOTH)
@pytest.mark.parametrize("sender", [BUYER, SELLER])
def test_v1_buyer_and_seller_void_it_once_its_time_is_over_and_the_market_is_told(
    model: Model, sender: Any
) -> None:
    trade = bazaar(model, "pay")
    with pytest.raises(TooEarly):
        trade.voided(sender)
    word = trade.voided(sender, now=LATE)
    ((to, _),) = trade.said["change"].messages
    assert (to.recipient, to.message) == (MARKET.public_key, words.Moved(word))


def test_v1_of_a_closed_game_nobody_waits() -> None:
    trade = bazaar(2, "pay")
    assert read_word(trade.voided(BUYER, closed=True), trade.deal) is Outcome.VOID


@pytest.mark.parametrize("model", BOTH)
def test_v1_is_answered_with_the_word_that_stands(model: Model) -> None:
    trade = bazaar(model, "register")
    assert trade.voided() == trade.said["8"].word
    void = bazaar(model, "pay")
    first = void.voided()
    assert void.voided(BUYER) == first


@pytest.mark.parametrize("model", BOTH)
def test_what_is_void_is_never_registered(model: Model) -> None:
    """IT-A6."""
    trade = bazaar(model, "goods")
    trade.voided()
    with pytest.raises(TradeIsVoid):
        trade.registered(trade.said["7"])
    assert list(trade.books.owners().values()) == [SELLER.public_key]


@pytest.mark.parametrize("model", BOTH)
def test_as_printed_a_refunded_buyer_registers_all_the_same(model: Model) -> None:
    """IT-A6: item and money."""
    trade = bazaar(model, "goods", off("void-is-final", "item-is-reserved"))
    void = trade.voided()
    answer = trade.registered(trade.said["7"])
    assert read_word(void, trade.deal) is Outcome.VOID
    assert read_word(answer.word, trade.deal) is Outcome.REGISTERED
    assert list(trade.books.owners().values()) == [BUYER.public_key]


def test_v1_a_stranger_or_a_made_up_deal_voids_nothing() -> None:
    trade = bazaar(1, "pay")
    with pytest.raises(NotYours):
        trade.voided(THIEF, now=LATE)
    made_up = words.VoidTrade(resigned(Deal, trade.brokerage.signed, THIEF))
    with pytest.raises(WrongDocument):
        registration.void(
            made_up, BUYER.public_key, frozenset(), game(trade.books, now=LATE), trade.books
        )


def test_v1_before_the_reservation_arrives_ends_a_trade_that_was_never_reserved() -> None:
    trade = bazaar(1, "order")
    word = trade.voided()
    assert read_word(word, trade.deal) is Outcome.VOID


# the game closes (footnote 3)


def test_a_game_that_closes_voids_what_is_reserved() -> None:
    trade = bazaar(1, "pay")
    change = registration.close(standing(trade), game(trade.books, closed=True), trade.books)
    trade.books.apply(change)
    assert standing(trade).state is TradeState.VOID
    ((to, _),) = change.messages
    assert to.recipient == MARKET.public_key
    with pytest.raises(WrongState):
        registration.close(standing(trade), game(trade.books), trade.books)


@pytest.mark.parametrize("model", BOTH)
def test_a_trade_has_one_end_whatever_comes_first(model: Model) -> None:
    trade = bazaar(model, "goods")
    trade.voided()
    with pytest.raises(TradeIsVoid):
        trade.registered(trade.said["7"])
    assert standing(trade).state is TradeState.VOID
    trade = bazaar(model, "register")
    trade.voided()
    assert standing(trade).state is TradeState.REGISTERED
