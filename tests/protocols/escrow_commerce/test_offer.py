"""Steps 1-4: register, query, response, select."""

from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.documents import Signed
from crypto.signing import SigningKey
from nodes.protocols.escrow_commerce import offer, rating
from nodes.protocols.escrow_commerce.messages import (
    MAX_LISTINGS,
    Listing,
    Offer,
    Query,
    Register,
    Response,
    Tally,
    TrustUpdate,
)
from nodes.protocols.escrow_commerce.reading import read
from nodes.protocols.escrow_commerce.refusals import (
    NothingToSelect,
    OfferIncomplete,
    OfferNotSigned,
    TooLate,
    TrustForged,
    WrongDocument,
)
from tests.protocols.escrow_commerce import market
from tests.protocols.escrow_commerce.market import (
    ALL_ON,
    BUYER,
    CONTENT_ID,
    ESCROW,
    ESCROW_SERVERS,
    NOW,
    SELLER,
    STRANGER,
    offered,
)

ANYTHING = Query("", None)


def updates(
    *values: int, seller: bytes = SELLER.public_key, by: SigningKey = ESCROW
) -> list[Signed[TrustUpdate]]:
    """What an escrow server signs as these ratings come in, oldest first."""
    tally, made = Tally(), []
    for value in values:
        update = rating.trust_update(
            by,
            sale=market.SALE,
            seller=seller,
            content_id=CONTENT_ID,
            value=1 if value > 0 else -1,
            of_content=tally,
            of_seller=tally,
        )
        tally = tally.plus(value)
        made.append(update.update)
    return made


def listed(signed: Signed[Offer], *proofs: Signed[TrustUpdate]) -> Listing:
    seller = read(Offer, signed).seller
    registration = offer.register(Register(signed), seller, NOW, ALL_ON)
    return offer.listing(registration, proofs)


def offered_by(seller: SigningKey, price: int = 3) -> Signed[Offer]:
    return offer.make_offer(
        seller,
        description="A song about harbours",
        content_id=CONTENT_ID,
        size=1000,
        price=price,
        valid_until=NOW + 1000,
    )


def chosen(*listings: Listing, query: Query = ANYTHING) -> bytes:
    return offer.select(Response(listings), query, ESCROW_SERVERS, NOW, ALL_ON).listing.peer


# Step 1


def test_step_1_an_offer_is_registered_under_its_seller() -> None:
    registration = offer.register(Register(offered()), SELLER.public_key, NOW, ALL_ON)
    assert registration.seller == SELLER.public_key
    assert registration.offer == offered()


def test_step_1_an_offer_of_another_peer_is_refused() -> None:
    with pytest.raises(OfferNotSigned):
        offer.register(Register(offered()), STRANGER.public_key, NOW, ALL_ON)


@pytest.mark.parametrize("field", [f for f in Offer.__struct_fields__ if f != "seller"])
def test_step_1_an_offer_altered_in_any_field_is_refused(field: str) -> None:
    original = read(Offer, offered())
    other = {
        "description": "A song about mountains",
        "content_id": b"x" * 32,
        "size": 1,
        "price": 1,
        "valid_until": NOW + 1,
    }
    altered = msgspec.structs.replace(original, **{field: other[field]})
    from crypto import codec

    forged = Signed[Offer](codec.encode(altered), offered().signatures)
    with pytest.raises(OfferNotSigned):
        offer.register(Register(forged), SELLER.public_key, NOW, ALL_ON)


@pytest.mark.parametrize("field", ["content_id", "size", "price", "valid_until"])
def test_step_1_an_offer_that_leaves_something_open_is_refused(field: str) -> None:
    with pytest.raises(OfferIncomplete):
        offer.register(Register(offered(**{field: None})), SELLER.public_key, NOW, ALL_ON)


def test_step_1_an_offer_that_has_expired_is_refused_and_in_its_last_moment_is_not() -> None:
    last = offered(valid_until=NOW)
    offer.register(Register(last), SELLER.public_key, NOW, ALL_ON)
    with pytest.raises(TooLate):
        offer.register(Register(last), SELLER.public_key, NOW + 1, ALL_ON)


def test_step_1_bytes_that_are_no_offer_are_refused() -> None:
    with pytest.raises(WrongDocument):
        offer.register(Register(Signed(b"no offer", ())), SELLER.public_key, NOW, ALL_ON)


# Steps 2 and 3


@pytest.mark.parametrize(
    ("words", "content_id", "found"),
    [
        ("", None, True),
        ("SONG harbours", None, True),
        ("song mountains", None, False),
        ("", CONTENT_ID, True),
        ("", b"x" * 32, False),
        ("mountains", CONTENT_ID, False),
    ],
)
def test_step_2_all_words_and_the_content_must_fit(
    words: str, content_id: bytes | None, found: bool
) -> None:
    assert offer.matches(read(Offer, offered()), Query(words, content_id)) is found


def test_step_3_trust_is_zero_before_anybody_rated() -> None:
    found = listed(offered())
    assert found.of_content.trust == found.of_seller.trust == 0


def test_step_3_trust_is_the_newest_update_whatever_the_order_they_are_kept_in() -> None:
    proofs = updates(1, 1, -1)
    for order in (proofs, proofs[::-1]):
        assert listed(offered(), *order).of_seller == Tally(1, 3)


def test_step_3_what_several_escrow_servers_saw_is_added_up() -> None:
    proofs = updates(1, 1) + updates(-1, by=STRANGER)
    assert listed(offered(), *proofs).of_seller == Tally(1, 3)


def test_step_3_ratings_of_another_content_count_for_the_seller_alone() -> None:
    found = listed(offered(content_id=b"x" * 32), *updates(1, 1))
    assert (found.of_content, found.of_seller) == (Tally(), Tally(2, 2))


def test_step_3_the_most_trusted_are_kept_when_there_are_too_many() -> None:
    sellers = [SigningKey(bytes([n, 7]) * 16) for n in range(MAX_LISTINGS + 1)]
    trusted = sellers[-1]
    listings = [
        listed(
            offered_by(seller),
            *(updates(1, seller=seller.public_key) if seller is trusted else []),
        )
        for seller in sellers
    ]
    response = offer.answer(listings)
    assert len(response.listings) == MAX_LISTINGS
    assert response.listings[0].peer == trusted.public_key


# Step 4 (PC-R6: trust = sum/(n + 2))


@given(st.lists(st.sampled_from([-1, 1]), max_size=50))
def test_trust_stays_between_minus_one_and_one(values: list[int]) -> None:
    tally = Tally()
    for value in values:
        tally = tally.plus(value)
    assert tally.trust == Fraction(sum(values), len(values) + 2)
    assert -1 < tally.trust < 1


def test_a_newcomer_ranks_above_a_cheater_and_below_an_honest_seller() -> None:
    honest = listed(offered_by(SELLER, 9), *updates(1))
    newcomer = listed(offered_by(BUYER, 5))
    cheater = listed(offered_by(STRANGER, 1), *updates(-1, seller=STRANGER.public_key))
    assert chosen(cheater, newcomer, honest) == SELLER.public_key
    assert chosen(cheater, newcomer) == BUYER.public_key


def test_step_4_between_equally_trusted_the_lower_price_wins() -> None:
    assert chosen(listed(offered_by(SELLER, 4)), listed(offered_by(STRANGER, 3))) == (
        STRANGER.public_key
    )


def test_step_4_nobody_buys_from_itself() -> None:
    own = listed(offered_by(BUYER))
    with pytest.raises(NothingToSelect):
        offer.select(
            Response((own,)), ANYTHING, ESCROW_SERVERS, NOW, ALL_ON, without=BUYER.public_key
        )


def test_step_4_an_answer_to_another_question_and_an_expired_offer_are_passed_over() -> None:
    with pytest.raises(NothingToSelect):
        chosen(listed(offered()), query=Query("mountains", None))
    response = Response((listed(offered(valid_until=NOW)),))
    with pytest.raises(NothingToSelect):
        offer.select(response, ANYTHING, ESCROW_SERVERS, NOW + 1, ALL_ON)


@pytest.mark.parametrize("field", ["of_content", "of_seller"])
def test_step_4_trust_that_is_not_what_the_updates_say_is_detected(field: str) -> None:
    forged = msgspec.structs.replace(listed(offered(), *updates(-1)), **{field: Tally(9, 9)})
    with pytest.raises(TrustForged):
        chosen(forged)


def test_step_4_an_update_that_no_trusted_escrow_server_signed_is_detected() -> None:
    with pytest.raises(TrustForged):
        chosen(listed(offered(), *updates(1, by=STRANGER)))
    (true,) = updates(1)
    forged = Signed[TrustUpdate](true.content, (b"s" * 64,))
    with pytest.raises(TrustForged):
        chosen(listed(offered(), forged))


def test_step_4_a_peer_that_is_not_the_offers_seller_is_detected() -> None:
    swapped = msgspec.structs.replace(listed(offered()), peer=STRANGER.public_key)
    with pytest.raises(OfferNotSigned):
        chosen(swapped)


def test_step_4_one_listing_that_cannot_be_believed_spoils_the_whole_answer() -> None:
    forged = msgspec.structs.replace(listed(offered()), of_seller=Tally(9, 9))
    with pytest.raises(TrustForged):
        chosen(listed(offered_by(STRANGER)), forged)
