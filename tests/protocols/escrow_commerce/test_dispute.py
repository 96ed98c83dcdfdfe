"""The content is not what was promised (PC-A1, PC-A2, PC-A7)."""

import msgspec
import pytest

from nodes.protocols.escrow_commerce import dispute
from nodes.protocols.escrow_commerce.messages import (
    Complaint,
    Finding,
    OpenDispute,
    SaleState,
    Verdict,
)
from nodes.protocols.escrow_commerce.refusals import (
    NotYourSale,
    TooEarly,
    TooLate,
    WrongState,
    WrongUpload,
)
from nodes.protocols.escrow_commerce.release import (
    Work,
    expire,
    next_work,
    payment_must_last_until,
    time_again,
)
from nodes.protocols.escrow_commerce.state import (
    BuyerState,
    Decided,
    Decision,
    Sale,
    SellerState,
    To,
)
from tests.protocols.escrow_commerce.market import (
    ALL_ON,
    BUYER,
    CONTENT_ID,
    CONTRACT,
    DEADLINE,
    DIGEST,
    ESCROW,
    KEY,
    NOW,
    OTHER_DIGEST,
    SELLER,
    STRANGER,
    TERMS,
    delivery_in,
    purchase_in,
    sale_in,
)

GARBAGE = dispute.Upload(DIGEST, b"g" * 32)
NO_KEY = dispute.Upload(DIGEST, None)
GOOD = dispute.Upload(DIGEST, CONTENT_ID)
ES = ESCROW.public_key


def judged(upload: dispute.Upload, before: Sale | None = None) -> Decided:
    disputed = before or sale_in(SaleState.DISPUTED)
    return dispute.judge_upload(disputed, upload, sender=BUYER.public_key, now=NOW)


# Escrow server


@pytest.mark.parametrize("state", [s for s in SaleState if s is not SaleState.NEW])
def test_d1_is_taken_between_the_key_and_the_payment_only(state: SaleState) -> None:
    before = sale_in(state)
    if state is SaleState.COMMITTED:
        after = dispute.open_dispute(before, sender=BUYER.public_key, now=NOW + 5, terms=TERMS).sale
        assert after.dispute_until == NOW + 5 + TERMS.dispute_milliseconds
        assert next_work(after, ALL_ON) is None, "the payment stays"
    else:
        with pytest.raises(WrongState):
            dispute.open_dispute(before, sender=BUYER.public_key, now=NOW, terms=TERMS)


def test_d1_is_the_buyers_alone_and_in_time() -> None:
    committed = sale_in(SaleState.COMMITTED)
    assert committed.dispute_until is not None
    for sender in (SELLER, STRANGER):
        with pytest.raises(NotYourSale):
            dispute.open_dispute(committed, sender=sender.public_key, now=NOW, terms=TERMS)
    last = committed.dispute_until
    dispute.open_dispute(committed, sender=BUYER.public_key, now=last, terms=TERMS)
    with pytest.raises(TooLate):
        dispute.open_dispute(committed, sender=BUYER.public_key, now=last + 1, terms=TERMS)


def test_no_content_is_too_large_to_be_shown_in_time() -> None:
    """Else a seller of garbage would only have to sell much of it."""
    committed = sale_in(SaleState.COMMITTED)
    assert committed.buyer_side is not None
    large = msgspec.structs.replace(CONTRACT, size=16 << 30)
    side = msgspec.structs.replace(committed.buyer_side, contract=large)
    before = msgspec.structs.replace(committed, buyer_side=side)
    buyer = BUYER.public_key
    disputed = dispute.open_dispute(before, sender=buyer, now=NOW, terms=TERMS).sale
    hours = 4 * 3_600_000
    assert judged_at(NOW + hours, disputed).decision is Decision.REFUND
    end = payment_must_last_until(large, TERMS)
    assert end > DEADLINE + TERMS.dispute_milliseconds + hours
    with pytest.raises(TooLate):
        judged_at(end, disputed)


def judged_at(now: int, disputed: Sale) -> Sale:
    buyer = BUYER.public_key
    return dispute.judge_upload(disputed, GARBAGE, sender=buyer, now=now).sale


@pytest.mark.parametrize("state", [s for s in SaleState if s is not SaleState.NEW])
def test_an_upload_is_taken_in_a_dispute_only(state: SaleState) -> None:
    before = sale_in(state)
    if state is SaleState.DISPUTED:
        expected = dispute.may_upload(before, BUYER.public_key, NOW)
        assert (expected.ciphertext_digest, expected.key) == (DIGEST, KEY)
    else:
        with pytest.raises(WrongState):
            dispute.may_upload(before, BUYER.public_key, NOW)


def test_an_upload_is_the_buyers_alone_and_in_time() -> None:
    disputed = sale_in(SaleState.DISPUTED)
    assert disputed.dispute_until is not None
    for sender in (SELLER, STRANGER):
        with pytest.raises(NotYourSale):
            dispute.may_upload(disputed, sender.public_key, NOW)
    with pytest.raises(TooLate):
        dispute.may_upload(disputed, BUYER.public_key, disputed.dispute_until + 1)


@pytest.mark.parametrize(
    ("upload", "finding"),
    [(GARBAGE, Finding.WRONG_CONTENT), (NO_KEY, Finding.CANNOT_DECRYPT)],
)
def test_d2_garbage_or_a_wrong_key_refunds_the_buyer_and_rates_the_seller(
    upload: dispute.Upload, finding: Finding
) -> None:
    decided = judged(upload)
    after = decided.sale
    assert (after.state, after.decision, after.finding, after.rated) == (
        SaleState.REFUNDED,
        Decision.REFUND,
        finding,
        -1,
    )
    assert decided.rated == -1
    verdict = Verdict(True, finding)
    assert set(decided.messages) == {
        To(BUYER.public_key, verdict),
        To(SELLER.public_key, verdict),
    }
    assert next_work(after, ALL_ON) is Work.PAY_OUT


def test_d2_a_false_complaint_is_denied_and_the_seller_paid() -> None:
    """PC-A7."""
    decided = judged(GOOD)
    assert (decided.sale.state, decided.sale.finding) == (
        SaleState.RELEASED,
        Finding.AS_PROMISED,
    )
    assert decided.sale.decision is Decision.RELEASE
    assert decided.rated is None
    assert all(to.message == Verdict(False, Finding.AS_PROMISED) for to in decided.messages)


@pytest.mark.parametrize("plaintext", [None, CONTENT_ID, b"g" * 32])
def test_d2_only_the_bytes_both_sides_gave_the_digest_of_are_judged(
    plaintext: bytes | None,
) -> None:
    with pytest.raises(WrongUpload):
        judged(dispute.Upload(OTHER_DIGEST, plaintext))


def test_d2_where_the_contract_names_no_content_garbage_cannot_be_told_from_it() -> None:
    """PC-A1 as printed."""
    disputed = sale_in(SaleState.DISPUTED)
    assert disputed.buyer_side is not None
    nameless = msgspec.structs.replace(disputed.contract, content_id=None)
    side = msgspec.structs.replace(disputed.buyer_side, contract=nameless)
    decided = judged(GARBAGE, msgspec.structs.replace(disputed, buyer_side=side))
    assert decided.sale.finding is Finding.NOTHING_PROMISED
    assert decided.sale.decision is Decision.RELEASE


def test_d2_no_upload_in_time_pays_the_seller() -> None:
    disputed = sale_in(SaleState.DISPUTED)
    assert disputed.dispute_until is not None
    decided = expire(disputed, disputed.dispute_until + 1, ALL_ON)
    assert decided.sale.finding is Finding.NOTHING_UPLOADED
    assert decided.sale.decision is Decision.RELEASE


# Buyer


@pytest.mark.parametrize("state", BuyerState)
def test_what_the_buyer_finds_is_known_once_the_key_is_there(state: BuyerState) -> None:
    purchase = purchase_in(state)
    if state is BuyerState.KEY_HELD:
        assert dispute.opened(purchase).state is BuyerState.OPENED
        found = dispute.found_garbage(purchase, Complaint.CANNOT_DECRYPT)
        assert (found.state, found.complaint) == (
            BuyerState.GARBAGE,
            Complaint.CANNOT_DECRYPT,
        )
    else:
        with pytest.raises(WrongState):
            dispute.opened(purchase)
        with pytest.raises(WrongState):
            dispute.found_garbage(purchase, Complaint.CANNOT_DECRYPT)


@pytest.mark.parametrize("state", BuyerState)
def test_d1_is_made_for_garbage_only(state: BuyerState) -> None:
    purchase = purchase_in(state)
    if state is BuyerState.GARBAGE:
        disputed, message = dispute.complain(purchase, NOW)
        assert disputed.state is BuyerState.DISPUTED
        assert message == OpenDispute(Complaint.WRONG_CONTENT)
        with pytest.raises(TooLate):
            dispute.complain(purchase, NOW + 120_001)
    else:
        with pytest.raises(WrongState):
            dispute.complain(purchase, NOW)


@pytest.mark.parametrize("state", BuyerState)
@pytest.mark.parametrize("upheld", [True, False])
def test_d2_reaches_the_buyer_in_a_dispute_only(state: BuyerState, upheld: bool) -> None:
    purchase = purchase_in(state)
    verdict = Verdict(upheld, Finding.WRONG_CONTENT if upheld else Finding.AS_PROMISED)
    with pytest.raises(NotYourSale):
        dispute.buyer_hears(purchase, verdict, SELLER.public_key)
    if state is BuyerState.DISPUTED:
        after = dispute.buyer_hears(purchase, verdict, ES)
        assert after.state is (BuyerState.UPHELD if upheld else BuyerState.DENIED)
        assert after.finding is verdict.finding
    else:
        with pytest.raises(WrongState):
            dispute.buyer_hears(purchase, verdict, ES)


# Seller


@pytest.mark.parametrize("state", SellerState)
@pytest.mark.parametrize("upheld", [True, False])
def test_d2_reaches_the_seller_while_the_sale_runs(state: SellerState, upheld: bool) -> None:
    delivery = delivery_in(state)
    verdict = Verdict(upheld, Finding.WRONG_CONTENT if upheld else Finding.AS_PROMISED)
    with pytest.raises(NotYourSale):
        dispute.seller_hears(delivery, verdict, BUYER.public_key)
    if state is SellerState.DEPOSITED:
        after = dispute.seller_hears(delivery, verdict, ES)
        assert after.state is (SellerState.REFUNDED if upheld else SellerState.DEPOSITED)
        assert after.finding is verdict.finding
    else:
        with pytest.raises(WrongState):
            dispute.seller_hears(delivery, verdict, ES)


# A server that was away


@pytest.mark.parametrize("state", [SaleState.COMMITTED, SaleState.DISPUTED])
def test_after_a_start_there_is_time_again(state: SaleState) -> None:
    """PC-22: nobody could complain, or show what it got, to a server that was away."""
    before = sale_in(state)
    assert before.dispute_until is not None
    late = before.dispute_until + 1
    after = time_again(with_expiry(before, None), late, TERMS)
    assert after.dispute_until == late + TERMS.dispute_milliseconds
    with pytest.raises(TooEarly):
        expire(after, late, ALL_ON)


def test_no_longer_than_the_payment_lasts() -> None:
    before = sale_in(SaleState.DISPUTED)
    assert before.dispute_until is not None
    expires = before.dispute_until + TERMS.margin_milliseconds + 7
    after = time_again(with_expiry(before, expires), expires, TERMS)
    assert after.dispute_until == before.dispute_until + 7
    gone = with_expiry(before, before.dispute_until)
    assert time_again(gone, expires, TERMS) == gone


def test_time_that_is_left_is_not_taken_away() -> None:
    before = with_expiry(sale_in(SaleState.COMMITTED), None)
    assert before.dispute_until is not None
    early = before.dispute_until - 10 * TERMS.dispute_milliseconds
    assert time_again(before, early, TERMS) == before


@pytest.mark.parametrize(
    "state", sorted(set(SaleState) - {SaleState.COMMITTED, SaleState.DISPUTED, SaleState.NEW})
)
def test_no_other_sale_gets_time(state: SaleState) -> None:
    before = sale_in(state)
    assert time_again(before, NOW + 10**9, TERMS) == before


def with_expiry(sale: Sale, expires: int | None) -> Sale:
    assert sale.payment is not None
    payment = msgspec.structs.replace(sale.payment, expires=expires)
    return msgspec.structs.replace(sale, payment=payment)
