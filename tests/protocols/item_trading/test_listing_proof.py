"""Steps 2.1 and 2.2: the seller proves to own a signature that the market never sees."""

from typing import Any

import msgspec
import pytest

from crypto import codec
from crypto.documents import sign_document
from crypto.guillou_quisquater import ROUNDS
from nodes.protocols.item_trading import certificate, listing_proof, registration
from nodes.protocols.item_trading import messages as words
from nodes.protocols.item_trading.documents import (
    Deal,
    Goods,
    ItemCertificate,
    ListingStatement,
    certificate_digest,
)
from nodes.protocols.item_trading.players import OfferingState
from nodes.protocols.item_trading.refusals import (
    CertificateExpired,
    CertificateForged,
    CertificateRevoked,
    ChallengeNotOpened,
    NotYours,
    ProofForAnotherMarket,
    ProofNotAccepted,
    TooLate,
    TransfereeNotNamed,
    WrongState,
)
from nodes.protocols.item_trading.state import ListingState
from tests.protocols.item_trading.bazaar import (
    ALL_ON,
    BUYER,
    GAME,
    LISTING,
    MARKET,
    MARKETS,
    MINUTE,
    NOW,
    OTHER_ITEM_KEY,
    OTHER_MARKET,
    PAYEE_KEY,
    PRICE,
    PUBLIC,
    SEED,
    SELLER,
    SWORD,
    THIEF,
    TRADE,
    UNTIL,
    VALID_UNTIL,
    Bazaar,
    Books,
    bazaar,
    certified,
    game,
    off,
    resigned,
)

LISTED = bazaar(2, "list")
PROOF: words.ProofAnswer = LISTED.said["2.2d"]
OTHER_VALUES: dict[str, Any] = {
    "seller": THIEF.public_key,
    "market": OTHER_MARKET.public_key,
    "listing": b"another listing.",
    "serial": b"another serial..",
    "price": 1,
    "transcript": b"t" * 32,
}


def with_other_answers(answer: words.ProofAnswer, place: int) -> words.ProofAnswer:
    numbers = list(answer.numbers)
    numbers[place] = bytes(255) + b"\x02"
    return msgspec.structs.replace(answer, numbers=tuple(numbers))


def test_step_2_2_the_owner_convinces_the_market_and_the_item_is_listed() -> None:
    assert LISTED.listing.state is ListingState.LISTED
    assert LISTED.offering.state is OfferingState.LISTED
    assert (LISTED.listing.item, LISTED.listing.price) == (SWORD, PRICE)
    assert LISTED.listing.certificate is None


def test_step_2_2_nothing_that_the_market_keeps_or_hears_is_the_signature() -> None:
    heard = [codec.encode(LISTED.said[step]) for step in ("2.1", "2.2b", "2.2d")]
    kept = codec.encode(LISTED.listing)
    for said in (*heard, kept):
        assert LISTED.certificate.signature not in said


def test_step_2_2_what_the_market_saw_registers_nothing() -> None:
    """All it has is Cert and the numbers of the proof: none of them is good for a signature."""
    deal = Deal(2, TRADE, GAME.public_key, MARKET.public_key, SELLER.public_key,
                MARKET.public_key, LISTED.content.serial,
                certificate_digest(LISTED.certificate.content), SWORD, PRICE, UNTIL)  # fmt: skip
    signed = sign_document(deal, MARKET)
    for number in (*LISTED.said["2.2b"].numbers, *PROOF.numbers):
        goods = Goods(ItemCertificate(LISTED.certificate.content, number), None, None, signed)
        with pytest.raises(CertificateForged):
            LISTED.registered(words.Register(signed, goods), MARKET)


@pytest.mark.parametrize("place", range(ROUNDS))
def test_step_2_2_one_wrong_answer_is_refused(place: int) -> None:
    with pytest.raises(ProofNotAccepted):
        LISTED.take_proof(with_other_answers(PROOF, place))


def test_step_2_2_whoever_has_only_the_certificate_is_refused() -> None:
    """A copy of Cert, and the signature of another one."""
    for number in range(20):
        wrong = ItemCertificate(LISTED.certificate.content, bytes([number + 1]) * 256)
        offering = msgspec.structs.replace(LISTED.asked_offering, certificate=wrong)
        owner = LISTED.owner()
        _, announced = owner.announce(offering, LISTED.said["2.2a"])
        fresh = msgspec.structs.replace(LISTED.proving, announced=None)
        proving, opened = listing_proof.take_announcement(fresh, announced, SELLER.public_key)
        with pytest.raises(ProofNotAccepted):
            LISTED.take_proof(owner.answer(offering, opened), proving)


def test_step_2_2_a_thief_with_certificate_and_signature_but_not_the_owners_key_is_refused() -> (
    None
):
    theft = resigned(ListingStatement, PROOF.statement, THIEF)
    with pytest.raises(ProofForAnotherMarket):
        LISTED.take_proof(msgspec.structs.replace(PROOF, statement=theft))
    own_name = resigned(ListingStatement, PROOF.statement, THIEF, seller=THIEF.public_key)
    proving = msgspec.structs.replace(LISTED.proving, seller=THIEF.public_key)
    for statement in (own_name, PROOF.statement, None):
        answer = msgspec.structs.replace(PROOF, statement=statement)
        with pytest.raises(ProofForAnotherMarket):
            LISTED.take_proof(answer, proving, sender=THIEF.public_key)


@pytest.mark.parametrize("field", ListingStatement.__struct_fields__)
def test_step_2_2_a_statement_of_anything_else_is_refused(field: str) -> None:
    other = resigned(ListingStatement, PROOF.statement, SELLER, **{field: OTHER_VALUES[field]})
    with pytest.raises(ProofForAnotherMarket):
        LISTED.take_proof(msgspec.structs.replace(PROOF, statement=other))


def test_step_2_2_a_proof_under_another_games_key_is_refused() -> None:
    with pytest.raises(ProofNotAccepted):
        LISTED.take_proof(PROOF, game_key=OTHER_ITEM_KEY.public_key)


def test_step_2_2_a_certificate_on_the_revocation_list_is_not_listed() -> None:
    with pytest.raises(CertificateRevoked):
        LISTED.take_proof(PROOF, is_current=False)


# the order of the four moves


def test_step_2_2_nothing_else_is_announced_once_the_challenges_are_open() -> None:
    first = LISTED.said["2.2b"]
    again, opened = listing_proof.take_announcement(LISTED.proving, first, SELLER.public_key)
    assert (again, opened) == (LISTED.proving, LISTED.said["2.2c"])
    other = msgspec.structs.replace(first, numbers=first.numbers[::-1])
    with pytest.raises(WrongState):
        listing_proof.take_announcement(LISTED.proving, other, SELLER.public_key)


def test_step_2_2_answers_before_an_announcement_are_refused() -> None:
    with pytest.raises(WrongState):
        LISTED.take_proof(PROOF, msgspec.structs.replace(LISTED.proving, announced=None))


def test_step_2_2_the_market_cannot_open_other_challenges_than_it_committed_to() -> None:
    """Two answers to one announcement would give it the signature."""
    other = Bazaar(2)
    other.list()
    seed = b"t" * 32
    elsewhere = msgspec.structs.replace(LISTED.proving, seed=seed, announced=None)
    _, opened = listing_proof.take_announcement(elsewhere, LISTED.said["2.2b"], SELLER.public_key)
    with pytest.raises(ChallengeNotOpened):
        LISTED.owner().answer(LISTED.offering, opened)


def test_step_2_2_the_market_commits_once() -> None:
    with pytest.raises(ChallengeNotOpened):
        LISTED.owner().announce(
            msgspec.structs.replace(LISTED.offering, state=OfferingState.ASKED),
            words.ChallengeCommitted(b"c" * 32),
        )


def test_step_2_2_a_crash_repeats_the_same_numbers() -> None:
    owner, offering = LISTED.owner(), LISTED.asked_offering
    assert owner.announce(offering, LISTED.said["2.2a"])[1] == LISTED.said["2.2b"]
    assert owner.answer(LISTED.offering, LISTED.said["2.2c"]) == PROOF


def test_step_2_2_another_listing_of_the_same_item_shares_no_number() -> None:
    elsewhere = msgspec.structs.replace(LISTED.asked_offering, listing=b"another listing.")
    _, announced = LISTED.owner().announce(elsewhere, LISTED.said["2.2a"])
    assert not set(announced.numbers) & set(LISTED.said["2.2b"].numbers)


# IT-A15: relaying


def relayed(on: Any) -> Any:
    """Another market passes the challenges of MARKET on to the owner, and the answers back."""
    trade = Bazaar(2, on)
    offering, _ = trade._offer(listing_proof.offer_by_proof, {"me": SELLER.public_key})
    offering = msgspec.structs.replace(offering, market=OTHER_MARKET.public_key)
    asked = words.ItemInformation(trade.certificate.content, PRICE, VALID_UNTIL)
    proving = listing_proof.take_information(
        None, asked, sender=THIEF.public_key, listing=LISTING, seed=SEED, now=NOW
    )
    committed = listing_proof.committed(proving, MARKET.public_key, on)
    offering, announced = trade.owner().announce(offering, committed)
    proving, opened = listing_proof.take_announcement(proving, announced, THIEF.public_key)
    answer = trade.owner().answer(offering, opened)
    return trade.take_proof(answer, proving, sender=THIEF.public_key)


def test_a_proof_cannot_be_relayed_to_another_market() -> None:
    """IT-A15: the owner sees that the challenges are not for the market it talks to."""
    with pytest.raises(ChallengeNotOpened):
        relayed(ALL_ON)


def test_as_printed_a_relayed_proof_lists_anothers_item() -> None:
    listed = relayed(off("proof-names-the-market"))
    assert (listed.state, listed.seller) == (ListingState.LISTED, THIEF.public_key)


# who, when


def test_step_2_1_an_expired_certificate_or_listing_is_refused() -> None:
    asked = LISTED.said["2.1"]
    late: dict[str, Any] = {"sender": SELLER.public_key, "listing": LISTING, "seed": SEED}
    with pytest.raises(CertificateExpired):
        listing_proof.take_information(None, asked, now=LISTED.content.expires + 1, **late)
    with pytest.raises(TooLate):
        listing_proof.take_information(None, asked, now=VALID_UNTIL + 1, **late)
    with pytest.raises(WrongState):
        listing_proof.take_information(LISTED.proving, asked, now=NOW, **late)
    none = msgspec.structs.replace(asked, certificate=b"none")
    with pytest.raises(CertificateForged):
        listing_proof.take_information(None, none, now=NOW, **late)


def test_step_2_1_only_the_owner_offers_a_certificate() -> None:
    offer: dict[str, Any] = {"market": MARKET.public_key, "listing": LISTING, "price": PRICE,
                             "payee_key": PAYEE_KEY, "valid_until": VALID_UNTIL}  # fmt: skip
    with pytest.raises(NotYours):
        listing_proof.offer_by_proof(LISTED.certificate, me=BUYER.public_key, now=NOW, **offer)
    late = LISTED.content.expires + MINUTE
    with pytest.raises(CertificateExpired):
        listing_proof.offer_by_proof(LISTED.certificate, me=SELLER.public_key, now=late, **offer)


def test_step_2_2_a_strangers_moves_are_refused() -> None:
    with pytest.raises(NotYours):
        listing_proof.take_announcement(LISTED.proving, LISTED.said["2.2b"], THIEF.public_key)
    with pytest.raises(NotYours):
        LISTED.take_proof(PROOF, sender=THIEF.public_key)


def test_step_2_2_a_listing_is_proven_once() -> None:
    with pytest.raises(WrongState):
        LISTED.take_proof(PROOF, LISTED.listing)
    with pytest.raises(WrongState):
        LISTED.owner().announce(LISTED.offering, LISTED.said["2.2a"])


def test_a_certificate_of_model_1_is_never_proven() -> None:
    with pytest.raises(WrongState):
        listing_proof.committed(bazaar(1, "list").listing, MARKET.public_key, ALL_ON)


def test_what_is_shown_to_the_market_is_good_for_no_transfer() -> None:
    """Even with the signature stolen: the item moves by the owner's word alone (IT-A10)."""
    books = Books()
    stolen = certified(books)
    made = certificate.read_certificate(stolen.content)
    deal = Deal(2, TRADE, GAME.public_key, MARKET.public_key, SELLER.public_key,
                THIEF.public_key, made.serial, certificate_digest(stolen.content),
                SWORD, PRICE, UNTIL)  # fmt: skip
    signed = sign_document(deal, MARKET)
    message = words.Register(signed, Goods(stolen, None, None, signed))
    with pytest.raises(TransfereeNotNamed):
        registration.register(message, THIEF.public_key, MARKETS, game(books), books)
    change, answer = registration.register(
        message, THIEF.public_key, MARKETS, game(books, off("transferee-is-named")), books
    )
    assert answer.certificate is not None
    assert certificate.check_certificate(
        answer.certificate, GAME.public_key, PUBLIC
    ).owner == THIEF.public_key  # fmt: skip
    assert change.leaves_world == (made.serial,)


def test_a_refused_proof_ends_its_listing() -> None:
    closed = listing_proof.unproven(LISTED.proving)
    assert closed.state is ListingState.CLOSED
    with pytest.raises(WrongState):
        LISTED.take_proof(PROOF, closed)
