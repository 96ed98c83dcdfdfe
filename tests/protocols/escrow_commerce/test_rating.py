"""Steps 9 and 10: only who bought rates, once, and everybody can add it up (PC-A8, PC-A9)."""

from typing import Any

import msgspec
import pytest

from crypto import codec
from crypto.documents import Signed, sign_document
from nodes.protocols.escrow_commerce import rating
from nodes.protocols.escrow_commerce.messages import (
    Rate,
    Rating,
    SaleState,
    Tally,
    TrustUpdate,
    Update,
)
from nodes.protocols.escrow_commerce.reading import read
from nodes.protocols.escrow_commerce.refusals import (
    NotPurchased,
    NotTheBuyersRating,
    RatedAlready,
    RatingNotOfThisSale,
    UpdateNotTheEscrowServers,
    WrongDocument,
    WrongState,
)
from nodes.protocols.escrow_commerce.release import Work, next_work, take_paid_out
from nodes.protocols.escrow_commerce.state import BuyerState, Decided, Decision, Sale
from tests.protocols.escrow_commerce.market import (
    ALL_ON,
    BUYER,
    CONTENT_ID,
    ESCROW,
    ESCROW_SERVERS,
    OTHER_SALE,
    SALE,
    SELLER,
    STRANGER,
    off,
    purchase_in,
    sale_in,
)

NONE_YET = Tally()
GOOD = Rating(BUYER.public_key, ESCROW.public_key, SALE, SELLER.public_key, CONTENT_ID, 1)


def rate_with(**changes: Any) -> Rate:
    return Rate(sign_document(msgspec.structs.replace(GOOD, **changes), BUYER))


def taken(
    before: Sale | None, message: Rate | None = None, **changes: Any
) -> tuple[Rating, Decided | None]:
    fields: dict[str, Any] = {
        "sender": BUYER.public_key,
        "transaction": SALE,
        "escrow_server": ESCROW.public_key,
        "guards": ALL_ON,
    }
    return rating.take_rating(before, message or rate_with(), **{**fields, **changes})


# Buyer


@pytest.mark.parametrize("state", BuyerState)
@pytest.mark.parametrize("value", [-1, 1])
def test_step_9_a_buyer_rates_what_it_opened_or_was_denied(state: BuyerState, value: Any) -> None:
    purchase = purchase_in(state)
    if state is BuyerState.OPENED:
        rated, message = rating.rate(purchase, value, BUYER)
        assert (rated.state, rated.rated) == (BuyerState.ACCEPTED, value)
        assert read(Rating, message.rating) == msgspec.structs.replace(GOOD, value=value)
    elif state is BuyerState.DENIED:
        assert rating.rate(purchase, value, BUYER)[0].rated == value
    else:
        refusal = RatedAlready if state is BuyerState.ACCEPTED else WrongState
        with pytest.raises(refusal):
            rating.rate(purchase, value, BUYER)


# Escrow server


@pytest.mark.parametrize("state", SaleState)
def test_step_9_only_a_purchase_is_rated(state: SaleState) -> None:
    before = sale_in(state)
    if state not in (SaleState.COMMITTED, SaleState.RELEASED, SaleState.CLOSED):
        with pytest.raises(NotPurchased):
            taken(before)
        return
    _, decided = taken(before)
    assert decided is not None
    assert decided.sale.rated == 1
    assert decided.rated == (1 if state is SaleState.CLOSED else None)
    with pytest.raises(RatedAlready):
        taken(decided.sale)


@pytest.mark.parametrize("value", [-1, 1])
def test_step_9_is_the_acceptance_whatever_the_value(value: int) -> None:
    _, decided = taken(sale_in(SaleState.COMMITTED), rate_with(value=value))
    assert decided is not None
    assert (decided.sale.state, decided.sale.decision) == (SaleState.RELEASED, Decision.RELEASE)
    assert next_work(decided.sale, ALL_ON) is Work.PAY_OUT


@pytest.mark.parametrize("value", [-1, 1])
def test_step_10_follows_8b(value: int) -> None:
    _, decided = taken(sale_in(SaleState.COMMITTED), rate_with(value=value))
    assert decided is not None
    closed = take_paid_out(decided.sale, b"paid")
    assert closed.rated == value
    assert take_paid_out(sale_in(SaleState.RELEASED), b"paid").rated is None


def test_step_9_of_a_sale_nobody_knows_is_refused() -> None:
    with pytest.raises(NotPurchased):
        taken(None)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"buyer": STRANGER.public_key}, NotTheBuyersRating),
        ({"escrow_server": STRANGER.public_key}, RatingNotOfThisSale),
        ({"sale": OTHER_SALE}, RatingNotOfThisSale),
        ({"seller": STRANGER.public_key}, RatingNotOfThisSale),
        ({"content_id": None}, RatingNotOfThisSale),
        ({"content_id": b"x" * 32}, RatingNotOfThisSale),
    ],
)
def test_step_9_a_rating_of_anything_else_is_refused(
    changes: dict[str, Any], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        taken(sale_in(SaleState.COMMITTED), rate_with(**changes))


@pytest.mark.parametrize("field", Rating.__struct_fields__)
def test_step_9_a_rating_altered_in_any_field_after_signing_is_refused(field: str) -> None:
    other = {
        "buyer": STRANGER.public_key,
        "escrow_server": STRANGER.public_key,
        "sale": OTHER_SALE,
        "seller": STRANGER.public_key,
        "content_id": None,
        "value": -1,
    }
    altered = msgspec.structs.replace(GOOD, **{field: other[field]})
    forged = Rate(Signed(codec.encode(altered), rate_with().rating.signatures))
    with pytest.raises(NotTheBuyersRating):
        taken(sale_in(SaleState.COMMITTED), forged)


def test_step_9_a_rating_sent_or_signed_by_another_is_refused() -> None:
    with pytest.raises(NotTheBuyersRating):
        taken(sale_in(SaleState.COMMITTED), sender=SELLER.public_key)
    own = msgspec.structs.replace(GOOD, buyer=SELLER.public_key)
    by_seller = Rate(sign_document(own, SELLER))
    with pytest.raises(NotTheBuyersRating):
        taken(sale_in(SaleState.COMMITTED), by_seller, sender=SELLER.public_key)


def test_step_9_bytes_that_are_no_rating_are_refused() -> None:
    with pytest.raises(WrongDocument):
        taken(sale_in(SaleState.COMMITTED), Rate(Signed(b"no rating", ())))


def test_with_the_guard_off_anybody_rates_what_nobody_bought() -> None:
    """PC-A8 as printed."""
    rated, decided = taken(None, guards=off("rating-follows-purchase"))
    assert rated.value == 1
    assert decided is None


# Step 10


def updated(value: Any, of_content: Tally = NONE_YET, of_seller: Tally = NONE_YET) -> Update:
    return rating.trust_update(
        ESCROW,
        sale=SALE,
        seller=SELLER.public_key,
        content_id=CONTENT_ID,
        value=value,
        of_content=of_content,
        of_seller=of_seller,
    )


def received(
    message: Update,
    of_content: Signed[TrustUpdate] | None = None,
    of_seller: Signed[TrustUpdate] | None = None,
    **changes: Any,
) -> tuple[Signed[TrustUpdate], Signed[TrustUpdate]]:
    fields: dict[str, Any] = {
        "sender": ESCROW.public_key,
        "escrow_servers": ESCROW_SERVERS,
        "guards": ALL_ON,
    }
    return rating.take_update(
        message, of_content=of_content, of_seller=of_seller, **{**fields, **changes}
    )


def test_step_10_the_update_counts_the_new_rating_on_top() -> None:
    update = read(TrustUpdate, updated(-1, Tally(2, 2), Tally(3, 5)).update)
    assert (update.of_content, update.of_seller, update.value) == (Tally(1, 3), Tally(2, 6), -1)


def test_step_10_the_newest_update_is_kept_in_whatever_order_they_arrive() -> None:
    first, second = updated(1), updated(1, Tally(1, 1), Tally(1, 1))
    assert received(first) == (first.update, first.update)
    assert received(second, first.update, first.update) == (second.update, second.update)
    assert received(first, second.update, second.update) == (second.update, second.update)
    assert received(second, second.update, second.update) == (second.update, second.update)


def test_step_10_an_update_of_another_content_is_newest_for_the_seller_alone() -> None:
    of_content, of_seller = updated(1, Tally(4, 4), Tally(1, 4)), updated(-1, Tally(), Tally(2, 5))
    kept = received(of_seller, of_content.update, of_content.update)
    assert kept == (of_content.update, of_seller.update)


def test_step_10_an_update_that_its_escrow_server_did_not_sign_is_refused() -> None:
    forged = Update(Signed(updated(1).update.content, (b"s" * 64,)))
    for message, sender in [
        (forged, ESCROW.public_key),
        (updated(1), STRANGER.public_key),
        (updated(1), SELLER.public_key),
    ]:
        with pytest.raises(UpdateNotTheEscrowServers):
            received(message, sender=sender)


def test_step_10_an_update_of_an_escrow_server_nobody_named_is_refused() -> None:
    with pytest.raises(UpdateNotTheEscrowServers):
        received(updated(1), escrow_servers=frozenset())
    received(updated(1), escrow_servers=None)


def test_step_10_bytes_that_are_no_update_are_refused() -> None:
    with pytest.raises(WrongDocument):
        received(Update(Signed(b"no update", ())))


def test_a_tally_cannot_claim_more_than_its_ratings() -> None:
    with pytest.raises(ValueError, match="more was rated"):
        Tally(3, 2)
