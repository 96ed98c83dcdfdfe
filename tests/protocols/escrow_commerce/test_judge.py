"""PC-20: who signed what, from public keys and evidence alone."""

from typing import Any

import pytest

from crypto import codec
from crypto.documents import Signed
from crypto.signing import SigningKey
from nodes.protocols.envelope import wrap
from nodes.protocols.escrow_commerce.judge import Answer, Digests, cite, judge
from nodes.protocols.message import Message
from tests.protocols.escrow_commerce.market import (
    BUYER,
    CONTRACT,
    ESCROW,
    NOW,
    OTHER_DIGEST,
    OTHER_SALE,
    SALE,
    SELLER,
    SIGNED,
    STRANGER,
    buyer_deposit,
    offered,
    seller_deposit,
)


def enveloped(message: Message, key: SigningKey | None, sale: bytes = SALE) -> bytes:
    wire, _ = wrap(
        message,
        key=key,
        to=ESCROW.public_key,
        transaction=sale,
        nonce=b"n" * 16,
        now=NOW,
    )
    return wire


def step_6a(key: SigningKey | None = SELLER, sale: bytes = SALE, **changes: Any) -> bytes:
    return enveloped(seller_deposit(**changes), key, sale)


def step_7(key: SigningKey | None = BUYER, sale: bytes = SALE, **changes: Any) -> bytes:
    return enveloped(buyer_deposit(**changes), key, sale)


AGREED = codec.encode(SIGNED)


@pytest.mark.parametrize("with_contract", [True, False])
def test_a_signed_contract_6a_and_7_convict_the_denier(with_contract: bool) -> None:
    ruling = judge([AGREED, step_6a(), step_7()][0 if with_contract else 1 :])
    assert ruling.answer is Answer.DECIDED
    assert ruling.digests is Digests.EQUAL
    assert ruling.contract == CONTRACT
    signed = {(fact.signer, fact.what) for fact in ruling.facts}
    assert signed == {
        (BUYER.public_key, "contract"),
        (SELLER.public_key, "contract"),
        (SELLER.public_key, "6a"),
        (BUYER.public_key, "7"),
    }


def test_as_printed_nothing_is_signed_and_nothing_can_be_decided() -> None:
    bare = Signed[Any](SIGNED.content, ())
    printed = [
        codec.encode(bare),
        step_6a(key=None, contract=bare),
        step_7(key=None, contract=bare),
    ]
    ruling = judge(printed)
    assert ruling.answer is Answer.UNDECIDABLE
    assert ruling.facts == ()
    assert ruling.worthless == 3


@pytest.mark.parametrize(
    ("pieces", "missing"),
    [
        ([], "the one contract with both signatures"),
        ([AGREED, step_7()], "the seller's 6a"),
        ([AGREED, step_6a()], "the buyer's 7"),
    ],
)
def test_what_is_missing_is_named(pieces: list[bytes], missing: str) -> None:
    ruling = judge(pieces)
    assert ruling.answer is Answer.UNDECIDABLE
    assert missing in ruling.missing


def test_two_digests_that_differ_are_both_proven_and_who_lied_is_not() -> None:
    """PC-A12."""
    ruling = judge([step_6a(), step_7(ciphertext_digest=OTHER_DIGEST)])
    assert ruling.answer is Answer.DECIDED
    assert ruling.digests is Digests.DIFFER


@pytest.mark.parametrize(
    "pieces",
    [
        [step_6a(key=STRANGER), step_7()],
        [step_6a(), step_7(key=STRANGER)],
        [step_6a(sale=OTHER_SALE), step_7()],
        [step_6a(), step_7(sale=OTHER_SALE)],
    ],
)
def test_what_another_signed_or_for_another_sale_proves_nothing_here(pieces: list[bytes]) -> None:
    assert judge([AGREED, *pieces]).answer is Answer.UNDECIDABLE


@pytest.mark.parametrize("position", range(0, len(step_7()), 97))
def test_no_byte_of_the_evidence_can_be_changed(position: int) -> None:
    altered = bytearray(step_7())
    altered[position] ^= 1
    ruling = judge([AGREED, step_6a(), bytes(altered)])
    assert ruling.answer is Answer.UNDECIDABLE
    assert ruling.worthless == 1


@pytest.mark.parametrize(
    "stranger", [b"", b"\xc0", b"\x92\xa0\xa0", b"x" * 1000, codec.encode([b"", b""])]
)
def test_what_a_stranger_shows_is_worthless_and_harms_nothing(stranger: bytes) -> None:
    ruling = judge([stranger, AGREED, step_6a(), step_7()])
    assert ruling.answer is Answer.DECIDED
    assert ruling.worthless == 1


def test_other_documents_are_facts_too_and_each_is_said_in_a_line() -> None:
    ruling = judge([codec.encode(offered()), AGREED])
    lines = [cite(fact) for fact in ruling.facts]
    assert f"{SELLER.public_key.hex()} signed offer" in lines
    assert f"{BUYER.public_key.hex()} signed contract of sale {SALE.hex()}" in lines


def test_the_same_piece_twice_is_one_fact() -> None:
    assert judge([AGREED, AGREED]).facts == judge([AGREED]).facts
