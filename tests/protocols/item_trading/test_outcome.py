"""Steps 8 to 10, V1 and V2: what the game server's word means to market, seller and buyer."""

from typing import Any

import msgspec
import pytest

from nodes.protocols.electronic_cash.documents import Verdict
from nodes.protocols.item_trading import messages as words
from nodes.protocols.item_trading import outcome
from nodes.protocols.item_trading.documents import Deal, Model, VoidReason
from nodes.protocols.item_trading.payment import Outcome, outcome_said, read_word, say
from nodes.protocols.item_trading.players import BuyerState, OfferingState, SaleState
from nodes.protocols.item_trading.refusals import (
    CertificateForged,
    DealDiffers,
    NoticeNotTheGameServers,
    NotYours,
    TooEarly,
    WrongDocument,
    WrongState,
    WrongWord,
)
from nodes.protocols.item_trading.state import BrokerageState, ListingState
from tests.protocols.item_trading.bazaar import (
    ALL_ON,
    BUYER,
    FOUND_TWIN,
    GAME,
    LATE,
    LISTING,
    MARKET,
    NOW,
    OTHER_GAME,
    OTHER_TRADE,
    PRICE,
    PUBLIC,
    SELLER,
    THIEF,
    TRADE,
    UNTIL,
    VALID_UNTIL,
    Bazaar,
    bazaar,
    certified,
    off,
    resigned,
)

BOTH: tuple[Model, Model] = (1, 2)


def forged(trade: Bazaar) -> tuple[Any, ...]:
    word = trade.said["8"].word
    other = msgspec.structs.replace(trade.deal, trade=OTHER_TRADE)
    return (
        resigned(Verdict, word, THIEF),
        resigned(Verdict, word, THIEF, judge=THIEF.public_key),
        resigned(Verdict, word, GAME, outcome=Outcome.VOID, transaction=b"t" * 32),
        say(GAME, other, Outcome.REGISTERED),
        say(OTHER_GAME, trade.deal, Outcome.REGISTERED),
        msgspec.structs.replace(word, signatures=()),
        msgspec.structs.replace(word, content=b"moved"),
    )


# step 9, market


@pytest.mark.parametrize("model", BOTH)
def test_step_10_the_seller_gets_the_word_that_makes_the_money_its_own(model: Model) -> None:
    trade = bazaar(model, "hear")
    assert trade.brokerage.state is BrokerageState.REGISTERED
    assert trade.listing.state is ListingState.SOLD
    proceeds = trade.said["Proceeds"]
    assert (proceeds.listing, proceeds.paid) == (LISTING, trade.brokerage.paid)
    assert read_word(proceeds.word, trade.deal) is Outcome.REGISTERED


@pytest.mark.parametrize("model", BOTH)
def test_step_9_a_notice_that_the_game_server_did_not_sign_is_refused(model: Model) -> None:
    """IT-A7."""
    trade = bazaar(model, "register")
    for word in forged(trade):
        with pytest.raises(NoticeNotTheGameServers):
            outcome.take_word(trade.brokerage, trade.listing, word, NOW, ALL_ON)


def test_as_printed_the_seller_tells_the_market_that_the_item_has_moved() -> None:
    """IT-A7: the market's books are wrong, though no coin server takes that word."""
    trade = bazaar(1, "pay", off("notice-by-the-game-server"))
    word = say(SELLER, trade.deal, Outcome.REGISTERED)
    step = outcome.take_word(trade.brokerage, trade.listing, word, NOW, trade.guards)
    assert step.brokerage.state is BrokerageState.REGISTERED
    with pytest.raises(WrongWord):
        read_word(word, trade.deal)


@pytest.mark.parametrize("model", BOTH)
def test_step_9_the_same_word_again_changes_nothing(model: Model) -> None:
    trade = bazaar(model, "hear")
    step = outcome.take_word(trade.brokerage, trade.listing, trade.said["8"].word, NOW, ALL_ON)
    assert (step.brokerage, step.listing, step.messages) == (trade.brokerage, None, ())


@pytest.mark.parametrize(
    ("now", "reason", "listed"),
    [
        (NOW, VoidReason.CANNOT_BE_REGISTERED, ListingState.CLOSED),
        (LATE, VoidReason.TIME_OVER, ListingState.LISTED),
        (VALID_UNTIL + 1, VoidReason.TIME_OVER, ListingState.CLOSED),
    ],
)
@pytest.mark.parametrize("model", BOTH)
def test_a_void_word_goes_to_who_waits_for_money_and_the_item_back_to_the_list(
    model: Model, now: int, reason: VoidReason, listed: ListingState
) -> None:
    trade = bazaar(model, "pay")
    word = trade.voided(now=LATE)
    step = outcome.take_word(trade.brokerage, trade.listing, word, now, ALL_ON)
    assert step.brokerage.state is BrokerageState.VOID
    assert step.listing is not None
    assert step.listing.state is listed
    told = {to.recipient: to.message for to in step.messages}
    assert told[BUYER.public_key] == words.VoidNotice(reason, word)
    assert (SELLER.public_key in told) == (model == 2)


@pytest.mark.parametrize("last", ["order", "ready", "pay"])
@pytest.mark.parametrize("model", BOTH)
def test_v1_the_market_voids_what_takes_too_long(model: Model, last: str) -> None:
    trade = bazaar(model, last)
    with pytest.raises(TooEarly):
        outcome.expire_brokerage(trade.brokerage, UNTIL)
    step = outcome.expire_brokerage(trade.brokerage, LATE)
    assert step.brokerage.state is BrokerageState.VOIDING
    (to,) = step.messages
    assert (to.recipient, to.message) == (
        GAME.public_key, words.VoidTrade(trade.brokerage.signed),
    )  # fmt: skip


def test_v1_the_answer_may_be_that_it_was_registered_first() -> None:
    trade = bazaar(1, "register")
    voiding = outcome.expire_brokerage(trade.brokerage, LATE).brokerage
    word = trade.voided(now=LATE)
    step = outcome.take_word(voiding, trade.listing, word, LATE, ALL_ON)
    assert step.brokerage.state is BrokerageState.REGISTERED
    assert step.brokerage.reason is None


@pytest.mark.parametrize("model", BOTH)
def test_what_has_ended_does_not_expire(model: Model) -> None:
    with pytest.raises(WrongState):
        outcome.expire_brokerage(bazaar(model, "hear").brokerage, LATE)


# step 10, seller


def arrive(at: Bazaar, message: words.Proceeds, **changes: Any) -> Any:
    fields: dict[str, Any] = {
        "sender": MARKET.public_key, "seller": SELLER.public_key, "trade": TRADE,
    }  # fmt: skip
    known = getattr(at, "sale", None)
    return outcome.proceeds_arrive(at.offering, known, message, **{**fields, **changes})


@pytest.mark.parametrize("model", BOTH)
def test_step_10_the_seller_collects_once(model: Model) -> None:
    trade = bazaar(model, "earn")
    assert (trade.sale.state, trade.offering.state) == (SaleState.EARNED, OfferingState.SOLD)
    paid = outcome.collected(trade.sale, PRICE)
    assert (paid.state, paid.amount) == (SaleState.PAID, PRICE)
    assert outcome.collected(trade.sale, 0).state is SaleState.UNPAID
    with pytest.raises(WrongState):
        outcome.collected(paid, PRICE)


@pytest.mark.parametrize("model", BOTH)
def test_step_10_proceeds_that_prove_nothing_are_refused(model: Model) -> None:
    trade = bazaar(model, "hear")
    good = trade.said["Proceeds"]
    for word in forged(trade):
        with pytest.raises(WrongWord):
            arrive(trade, msgspec.structs.replace(good, word=word))
    void = say(GAME, trade.deal, Outcome.VOID)
    with pytest.raises(WrongWord):
        arrive(trade, msgspec.structs.replace(good, word=void))


@pytest.mark.parametrize("model", BOTH)
def test_step_10_proceeds_of_another_deal_or_market_are_refused(model: Model) -> None:
    trade = bazaar(model, "hear")
    good = trade.said["Proceeds"]
    with pytest.raises(NotYours):
        arrive(trade, good, sender=THIEF.public_key)
    for changes in ({"seller": THIEF.public_key}, {"trade": OTHER_TRADE}):
        with pytest.raises(DealDiffers):
            arrive(trade, good, **changes)
    with pytest.raises(DealDiffers):
        arrive(trade, msgspec.structs.replace(good, listing=b"another listing."))
    with pytest.raises(WrongDocument):
        arrive(trade, msgspec.structs.replace(good, deal=resigned(Deal, good.deal, THIEF)))
    cheap = resigned(Deal, good.deal, MARKET, price=1)
    with pytest.raises(DealDiffers):
        arrive(trade, msgspec.structs.replace(good, deal=cheap))


def test_v2_a_seller_whose_trade_is_void_offers_the_item_again() -> None:
    trade = bazaar(2, "pay")
    word = trade.voided(now=LATE)
    offering, sale = outcome.seller_hears(trade.offering, trade.sale, word, VoidReason.TIME_OVER)
    assert (offering.state, sale.state) == (OfferingState.LISTED, SaleState.VOID)
    offering, _ = outcome.seller_hears(trade.offering, trade.sale, word, VoidReason.SELLER_AT_FAULT)
    assert offering.state is OfferingState.CLOSED


def test_v1_a_seller_whose_market_is_silent_asks_the_game_server_itself() -> None:
    trade = bazaar(2, "register")
    with pytest.raises(TooEarly):
        outcome.seller_asks(trade.sale, UNTIL)
    to = outcome.seller_asks(trade.sale, LATE)
    assert to.recipient == GAME.public_key
    word = trade.voided(SELLER, now=LATE)
    offering, sale = outcome.seller_hears(trade.offering, trade.sale, word, VoidReason.TIME_OVER)
    assert (offering.state, sale.state) == (OfferingState.SOLD, SaleState.EARNED)
    with pytest.raises(WrongState):
        outcome.seller_asks(sale, LATE)


# step 8, buyer


@pytest.mark.parametrize("model", BOTH)
def test_step_8_the_certificate_is_the_buyers(model: Model) -> None:
    purchase = bazaar(model, "register").purchase
    assert purchase.state is BuyerState.REGISTERED
    assert purchase.certificate is not None


@pytest.mark.parametrize("model", BOTH)
def test_step_8_an_answer_that_proves_nothing_is_refused(model: Model) -> None:
    trade = bazaar(model, "goods")
    answer = trade.registered(trade.said["7"])
    trade.said["8"] = answer
    for word in forged(trade):
        with pytest.raises(WrongWord):
            outcome.registered(trade.purchase, msgspec.structs.replace(answer, word=word), PUBLIC)
    twin = certified(trade.books, FOUND_TWIN, BUYER)
    for other in (None, trade.certificate, twin):
        with pytest.raises(CertificateForged):
            outcome.registered(trade.purchase, words.Registered(answer.word, other), PUBLIC)


def test_step_8_the_word_that_it_cannot_be_ends_the_purchase() -> None:
    trade = bazaar(2, "goods")
    answer = trade.registered(trade.said["7"], now=trade.content.expires + 1)
    purchase = outcome.registered(trade.purchase, answer, PUBLIC)
    assert purchase.state is BuyerState.VOID
    assert purchase.reason is VoidReason.CANNOT_BE_REGISTERED


# V2, buyer


@pytest.mark.parametrize("last", ["order", "ready"])
def test_v2_a_trade_that_was_not_to_be_ends_without_a_word_while_nothing_is_paid(
    last: str,
) -> None:
    purchase = bazaar(1, last).purchase
    notice = words.VoidNotice(VoidReason.NOT_RESERVED, None)
    ended = outcome.void_arrives(purchase, notice, MARKET.public_key)
    assert (ended.state, ended.reason) == (BuyerState.VOID, VoidReason.NOT_RESERVED)
    with pytest.raises(NotYours):
        outcome.void_arrives(purchase, notice, THIEF.public_key)


@pytest.mark.parametrize("model", BOTH)
def test_v2_whoever_has_paid_needs_the_word(model: Model) -> None:
    trade = bazaar(model, "pay")
    with pytest.raises(WrongWord):
        outcome.void_arrives(
            trade.purchase, words.VoidNotice(VoidReason.TIME_OVER, None), MARKET.public_key
        )
    word = trade.voided(now=LATE)
    ended = outcome.void_arrives(
        trade.purchase, words.VoidNotice(VoidReason.TIME_OVER, word), MARKET.public_key
    )
    assert ended.state is BuyerState.VOID
    back = outcome.refunded(ended, PRICE)
    assert (back.state, back.amount) == (BuyerState.REFUNDED, PRICE)


@pytest.mark.parametrize("model", BOTH)
def test_v2_a_forged_word_or_one_that_says_registered_voids_nothing(model: Model) -> None:
    trade = bazaar(model, "goods")
    answer = trade.registered(trade.said["7"])
    trade.said["8"] = answer
    for word in forged(trade):
        notice = words.VoidNotice(VoidReason.TIME_OVER, word)
        with pytest.raises(WrongWord):
            outcome.void_arrives(trade.purchase, notice, MARKET.public_key)
    with pytest.raises(WrongState):
        outcome.buyer_hears(trade.purchase, answer.word, VoidReason.TIME_OVER)


@pytest.mark.parametrize("model", BOTH)
def test_a_buyer_that_has_not_paid_ends_it_alone_and_one_that_has_asks(model: Model) -> None:
    for last, alone in (("order", True), ("ready", True), ("pay", False), ("goods", False)):
        purchase = bazaar(model, last).purchase
        with pytest.raises(TooEarly):
            outcome.expire_purchase(purchase, UNTIL)
        ended, to = outcome.expire_purchase(purchase, LATE)
        assert (ended.state is BuyerState.VOID) == alone
        assert (to is None) == alone
        if to is not None:
            assert (to.recipient, ended) == (GAME.public_key, purchase)


@pytest.mark.parametrize("model", BOTH)
def test_an_ended_purchase_does_not_expire(model: Model) -> None:
    with pytest.raises(WrongState):
        outcome.expire_purchase(bazaar(model, "register").purchase, LATE)


def test_bytes_that_are_no_word_say_nothing() -> None:
    word = say(GAME, bazaar(1, "order").deal, Outcome.VOID)
    assert outcome_said(word) is Outcome.VOID
    with pytest.raises(WrongWord):
        outcome_said(msgspec.structs.replace(word, content=b"void"))
