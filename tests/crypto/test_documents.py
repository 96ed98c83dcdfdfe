"""Documents: checkable by anyone, by the keys they name, under their own label only."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto import codec
from crypto.codec import MalformedEncoding
from crypto.documents import (
    LARGEST_OPENED_AGAIN,
    Document,
    Signed,
    content_digest,
    countersign,
    document,
    document_digest,
    label_of,
    open_document,
    sign_document,
)
from crypto.meter import metering
from crypto.signing import InvalidSignature, PublicKey, SigningKey


@document("tests/contract", signers=("buyer", "seller"))
class Contract(Document):
    buyer: PublicKey
    seller: PublicKey
    price: int


@document("tests/offer", signers=("seller",))
class Offer(Document):
    seller: PublicKey
    price: int


@document("tests/other-offer", signers=("seller",))
class OtherOffer(Document):
    """The same fields as an offer."""

    seller: PublicKey
    price: int


@document("tests/letter", signers=("seller",))
class Letter(Document):
    seller: PublicKey
    text: str


BUYER, SELLER, STRANGER = (SigningKey(bytes([n]) * 32) for n in (1, 2, 3))
CONTRACT = Contract(BUYER.public_key, SELLER.public_key, 3)
OFFER = Offer(SELLER.public_key, 3)


def refuses(type_: type[Document], signed: Signed[Any], **asked: Any) -> bool:
    try:
        open_document(type_, signed, **asked)
    except (InvalidSignature, MalformedEncoding):
        return True
    return False


def test_a_document_opens_to_what_was_signed() -> None:
    signed = sign_document(CONTRACT, BUYER, SELLER)
    assert open_document(Contract, signed) == CONTRACT
    travelled = codec.decode(codec.encode(signed), Signed[Contract])
    assert open_document(Contract, travelled) == CONTRACT


def test_a_countersignature_stands_over_the_same_bytes() -> None:
    half = sign_document(CONTRACT, BUYER)
    whole = countersign(Contract, half, SELLER)
    assert whole == sign_document(CONTRACT, BUYER, SELLER)
    assert open_document(Contract, half, signatures=1) == CONTRACT
    assert open_document(Contract, whole) == CONTRACT


def test_missing_and_surplus_signatures_are_refused() -> None:
    half = sign_document(CONTRACT, BUYER)
    whole = countersign(Contract, half, SELLER)
    assert refuses(Contract, half)
    assert refuses(Contract, Signed(half.content, ()))
    assert refuses(Contract, whole, signatures=1)
    assert refuses(Contract, countersign(Contract, whole, STRANGER))
    assert refuses(Contract, Signed(half.content, half.signatures * 2))


@pytest.mark.parametrize(
    "keys", [(SELLER, BUYER), (STRANGER, SELLER), (BUYER, STRANGER), (BUYER, BUYER)]
)
def test_signatures_of_others_or_in_another_order_are_refused(keys: tuple[SigningKey, ...]) -> None:
    assert refuses(Contract, sign_document(CONTRACT, *keys))


@given(st.integers(0, 400), st.integers(1, 255))
def test_altered_content_is_refused(place: int, change: int) -> None:
    signed = sign_document(CONTRACT, BUYER, SELLER)
    altered = bytearray(signed.content)
    altered[place % len(altered)] ^= change
    assert refuses(Contract, Signed(bytes(altered), signed.signatures))


@given(st.integers(0, 127), st.integers(1, 255))
def test_altered_signatures_are_refused(place: int, change: int) -> None:
    signed = sign_document(CONTRACT, BUYER, SELLER)
    both = bytearray(b"".join(signed.signatures))
    both[place] ^= change
    assert refuses(Contract, Signed(signed.content, (bytes(both[:64]), bytes(both[64:]))))


def test_a_second_spelling_is_refused_though_it_is_signed() -> None:
    content = codec.encode(OFFER)
    assert content.endswith(b"\x03")
    wide = content[:-1] + b"\xcc\x03"
    signature = SELLER.sign(label_of(Offer), wide)
    assert refuses(Offer, Signed(wide, (signature,)))


def test_a_signature_serves_for_its_own_kind_of_document_alone() -> None:
    signed = sign_document(OFFER, SELLER)
    assert codec.decode(signed.content, OtherOffer)
    assert open_document(Offer, signed) == OFFER
    assert refuses(OtherOffer, signed)
    assert refuses(Contract, signed)


def test_digests_of_equal_bytes_differ_by_label() -> None:
    same = OtherOffer(OFFER.seller, OFFER.price)
    assert codec.encode(same) == codec.encode(OFFER)
    assert document_digest(same) != document_digest(OFFER)
    signed = sign_document(OFFER, SELLER)
    assert content_digest(Offer, signed.content) == document_digest(OFFER)


def test_two_documents_with_one_label_are_not_declared() -> None:
    with pytest.raises(ValueError, match="tests/offer"):
        document("tests/offer", signers=())(Document)


@given(st.binary(max_size=120), st.lists(st.binary(max_size=70), max_size=3))
def test_any_bytes_are_refused_in_one_of_two_ways(content: bytes, signatures: list[bytes]) -> None:
    assert refuses(Contract, Signed(content, tuple(signatures)))


def checks_of(type_: type[Document], signed: Signed[Any]) -> int:
    with metering() as meter:
        open_document(type_, signed)
    return meter["verify"]


def test_a_document_opened_before_is_not_checked_again() -> None:
    signed = sign_document(Offer(SELLER.public_key, 4711), SELLER)
    assert [checks_of(Offer, signed), checks_of(Offer, signed)] == [1, 0]


def test_what_differs_from_a_document_opened_before_is_refused_each_time() -> None:
    signed = sign_document(Offer(SELLER.public_key, 4712), SELLER)
    dearer = codec.encode(Offer(SELLER.public_key, 4713))
    open_document(Offer, signed)
    for _ in range(2):
        with pytest.raises(InvalidSignature):
            open_document(Offer, Signed(dearer, signed.signatures))
        with pytest.raises(InvalidSignature):
            open_document(Offer, Signed(signed.content, (bytes(64),)))
        with pytest.raises(InvalidSignature):
            open_document(OtherOffer, Signed(signed.content, signed.signatures))


def test_a_large_document_is_checked_each_time() -> None:
    letter = sign_document(Letter(SELLER.public_key, "x" * LARGEST_OPENED_AGAIN), SELLER)
    assert [checks_of(Letter, letter), checks_of(Letter, letter)] == [1, 1]
