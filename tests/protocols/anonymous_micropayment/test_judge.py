"""PID-A7, PID-A10: what the broker's word decides, and what nothing can."""

from typing import Any

import pytest

from crypto import codec
from crypto.documents import sign_document
from crypto.signing import SigningKey
from nodes.protocols.anonymous_micropayment import judge as rule
from nodes.protocols.anonymous_micropayment.order import order_message
from nodes.protocols.anonymous_micropayment.values import BrokersWord, Complaint, Standing
from nodes.protocols.evidence import Answer, Ruled
from nodes.protocols.message import Role
from tests.protocols.altered_evidence import altered, enveloped
from tests.protocols.anonymous_micropayment.market import (
    BROKER,
    CATALOGUE,
    CUSTOMER,
    OTHER,
    TX,
    VENDOR,
    bought,
    funded,
)

KEYS = {Role.BROKER: frozenset({BROKER.public_key})}
WALLET, PREPAID = funded(50)
PURCHASE, SALE, SETTLED, SENT = bought(WALLET, PREPAID)


def ruled(denial: str, *pieces: bytes, keys: Any = KEYS) -> Ruled:
    (found,) = [r for r in rule.judge(pieces, keys) if r.denial == denial]
    return found


def word_of(
    standing: Standing = Standing.ACCEPTED, signer: SigningKey = BROKER, **changes: Any
) -> bytes:
    account = VENDOR.public_key if standing in rule.PAID else None
    fields = {"account": account, "order": PURCHASE.order, **changes}
    word = BrokersWord(broker=BROKER.public_key, standing=standing, **fields)
    return codec.encode(sign_document(word, signer))


@pytest.mark.parametrize("standing", [Standing.ACCEPTED, Standing.HANDED_ON])
def test_a_vendor_that_claims_a_reject_is_convicted_by_the_brokers_word(
    standing: Standing,
) -> None:
    """PID-A7."""
    found = ruled(rule.REJECTED, word_of(standing))
    assert (found.answer, found.culprit) == (Answer.DECIDED, VENDOR.public_key)


@pytest.mark.parametrize("standing", [Standing.REJECTED, Standing.VOIDED, Standing.GIVEN_BACK])
def test_a_vendor_that_was_not_paid_is_not_convicted(standing: Standing) -> None:
    found = ruled(rule.REJECTED, word_of(standing))
    assert (found.answer, found.culprit) == (Answer.DECIDED, None)


def test_keyed_hashes_decide_nothing() -> None:
    """The whole purchase as it travelled: neither order nor response is anybody's alone."""
    messages = [
        enveloped(SENT, None, CUSTOMER, TX),
        enveloped(order_message(PURCHASE), None, VENDOR, TX),
    ]
    assert ruled(rule.REJECTED, *messages).answer is Answer.UNDECIDABLE
    assert [r.culprit for r in rule.judge(messages, KEYS)] == [None, None]


def test_who_made_an_order_is_undecidable_whatever_is_shown() -> None:
    """PID-A10: the broker has the customer's key."""
    for pieces in ([], [word_of()], [enveloped(order_message(PURCHASE), None, VENDOR, TX)]):
        found = ruled(rule.ORDER, *pieces)
        assert (found.answer, found.culprit) == (Answer.UNDECIDABLE, None)
        assert "the broker has too" in found.grounds


def test_a_word_of_somebody_else_is_no_testimony() -> None:
    assert ruled(rule.REJECTED, word_of(signer=OTHER)).answer is Answer.UNDECIDABLE
    assert ruled(rule.REJECTED, word_of(), keys={}).answer is Answer.UNDECIDABLE


COMPLAINT = Complaint(
    VENDOR.public_key,
    "v12",
    BROKER.public_key,
    PURCHASE.order,
    "It ordered what is forbidden.",
)
SIGNED = codec.encode(sign_document(COMPLAINT, VENDOR))


def test_catalogue_and_complaint_bind_the_vendor() -> None:
    catalogue = codec.encode(sign_document(CATALOGUE, VENDOR))
    assert ruled(rule.OFFERED, catalogue).culprit == VENDOR.public_key
    assert ruled(rule.COMPLAINED, SIGNED).culprit == VENDOR.public_key


@pytest.mark.parametrize(
    "piece", [word_of(), SIGNED, codec.encode(sign_document(CATALOGUE, VENDOR))]
)
def test_a_paper_with_any_field_altered_convicts_nobody(piece: bytes) -> None:
    assert {r.culprit for r in rule.judge([piece], KEYS)} == {VENDOR.public_key, None}
    for path, other in altered(piece):
        assert {r.culprit for r in rule.judge([other], KEYS)} == {None}, path
