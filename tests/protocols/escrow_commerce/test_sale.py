"""Steps 6 and 7: the seller deposits, the buyer fetches and pays in."""

from typing import Any

import msgspec
import pytest

from crypto import codec
from crypto.documents import Signed, sign_document
from nodes.protocols.escrow_commerce import sale, sale_id
from nodes.protocols.escrow_commerce.messages import (
    AbortNotice,
    AbortReason,
    BuyerDeposit,
    Contract,
    SaleState,
)
from nodes.protocols.escrow_commerce.payment import Invalid, Locked
from nodes.protocols.escrow_commerce.refusals import (
    ContentNotReady,
    ContractForAnotherSale,
    ContractNamesNoContent,
    ContractNotSigned,
    ContractsDiffer,
    KeySeenBefore,
    NotYourSale,
    TooLate,
    WrongDocument,
    WrongState,
)
from nodes.protocols.escrow_commerce.release import Work, next_work, take_result
from nodes.protocols.escrow_commerce.state import (
    BuyerState,
    Decided,
    Decision,
    PaymentState,
    Sale,
    SellerState,
    To,
)
from tests.protocols.escrow_commerce.market import (
    ALL_ON,
    BUYER,
    CONTRACT,
    DEADLINE,
    DELIVERY,
    DIGEST,
    DIGESTS,
    ESCROW,
    INSTRUMENT,
    KEY,
    NOW,
    OTHER_SALE,
    PAYMENT,
    PRICE,
    SALE,
    SELLER,
    SIGNED,
    STRANGER,
    TERMS,
    buyer_deposit,
    delivery_in,
    purchase_in,
    sale_in,
    seller_deposit,
    take_buyer,
    take_seller,
)

SIDES = ["seller", "buyer"]


def take(side: str, before: Sale, signed: Signed[Contract], **changes: Any) -> Decided:
    if side == "seller":
        return take_seller(before, seller_deposit(contract=signed), **changes)
    return take_buyer(before, buyer_deposit(contract=signed), **changes)


def contract_with(**changes: Any) -> Signed[Contract]:
    return sign_document(msgspec.structs.replace(CONTRACT, **changes), BUYER, SELLER)


# Seller and buyer


def test_step_6a_the_deposit_says_what_the_buyer_will_hold() -> None:
    delivery, message = sale.deposit(DELIVERY, DIGESTS, KEY)
    assert delivery.state is SellerState.DEPOSITED
    assert (message.ciphertext_digest, message.ciphertext_size, message.key) == (DIGEST, 1072, KEY)
    assert (delivery.ciphertext_digest, delivery.key) == (DIGEST, KEY)


@pytest.mark.parametrize("state", SellerState)
def test_step_6a_is_made_once(state: SellerState) -> None:
    if state is SellerState.AGREED:
        sale.deposit(delivery_in(state), DIGESTS, KEY)
    else:
        with pytest.raises(WrongState):
            sale.deposit(delivery_in(state), DIGESTS, KEY)


@pytest.mark.parametrize("state", SellerState)
def test_step_6b_the_content_is_fetched_while_the_sale_runs(state: SellerState) -> None:
    delivery = delivery_in(state)
    with pytest.raises(NotYourSale):
        sale.may_fetch(delivery, STRANGER.public_key)
    if state is SellerState.DEPOSITED:
        sale.may_fetch(delivery, BUYER.public_key)
    else:
        refusal = ContentNotReady if state is SellerState.AGREED else WrongState
        with pytest.raises(refusal):
            sale.may_fetch(delivery, BUYER.public_key)


@pytest.mark.parametrize("state", BuyerState)
def test_step_6b_ends_once(state: BuyerState) -> None:
    if state is BuyerState.CONTRACTED:
        held = sale.hold_ciphertext(purchase_in(state), DIGEST)
        assert held.ciphertext_digest == DIGEST
    else:
        with pytest.raises(WrongState):
            sale.hold_ciphertext(purchase_in(state), DIGEST)


@pytest.mark.parametrize("state", BuyerState)
def test_step_7_is_paid_once_and_only_for_a_ciphertext_that_is_held(state: BuyerState) -> None:
    purchase = purchase_in(state)
    if state is BuyerState.CIPHERTEXT_HELD:
        assert sale.start_paying(purchase, INSTRUMENT, DEADLINE).instrument == INSTRUMENT
    else:
        with pytest.raises(WrongState):
            sale.start_paying(purchase, INSTRUMENT, NOW)
    if state is BuyerState.PAYING:
        paid, message = sale.pay(purchase, PAYMENT)
        assert paid.state is BuyerState.PAID
        assert message == buyer_deposit()
        again = sale.cannot_pay(purchase)
        assert (again.state, again.instrument) == (BuyerState.CIPHERTEXT_HELD, None)
    else:
        with pytest.raises(WrongState):
            sale.pay(purchase, PAYMENT)
        with pytest.raises(WrongState):
            sale.cannot_pay(purchase)


def test_step_7_nobody_starts_paying_after_the_deadline() -> None:
    with pytest.raises(TooLate):
        sale.start_paying(purchase_in(BuyerState.CIPHERTEXT_HELD), INSTRUMENT, DEADLINE + 1)


# Escrow server


@pytest.mark.parametrize("first", SIDES)
def test_steps_6a_and_7_may_come_in_either_order(first: str) -> None:
    if first == "seller":
        one = take_seller(Sale(SALE)).sale
        both = take_buyer(one).sale
        assert one.state is SaleState.SELLER_IN
    else:
        one = take_buyer(Sale(SALE)).sale
        both = take_seller(one).sale
        assert one.state is SaleState.BUYER_IN
    assert both.state is SaleState.BOTH_IN
    assert both.seller_side is not None
    assert both.buyer_side is not None
    assert both.seller_side.key == KEY


def test_step_7_the_payment_is_handed_to_the_instrument_for_this_sale_and_price() -> None:
    lock = take_buyer(Sale(SALE)).lock
    assert lock is not None
    assert (lock.sale, lock.buyer, lock.payment) == (SALE, BUYER.public_key, PAYMENT)
    assert (lock.instrument, lock.price) == (INSTRUMENT, PRICE)


@pytest.mark.parametrize("state", SaleState)
def test_step_6a_in_every_state(state: SaleState) -> None:
    before = sale_in(state)
    if state in (SaleState.NEW, SaleState.BUYER_IN):
        assert take_seller(before).sale.seller_side is not None
    else:
        with pytest.raises(WrongState):
            take_seller(before)


@pytest.mark.parametrize("state", SaleState)
def test_step_7_in_every_state(state: SaleState) -> None:
    before = sale_in(state)
    if state in (SaleState.NEW, SaleState.SELLER_IN):
        assert take_buyer(before).sale.buyer_side is not None
    else:
        with pytest.raises(WrongState):
            take_buyer(before)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"sale": OTHER_SALE}, ContractForAnotherSale),
        ({"sale": None}, ContractForAnotherSale),
        ({"escrow_server": STRANGER.public_key}, ContractForAnotherSale),
        ({"content_id": None}, ContractNamesNoContent),
    ],
)
def test_steps_6a_and_7_a_contract_that_does_not_serve_here_is_refused(
    side: str, changes: dict[str, Any], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        take(side, Sale(SALE), contract_with(**changes))


@pytest.mark.parametrize("side", SIDES)
def test_steps_6a_and_7_nobody_opens_a_sale_under_an_id_that_another_drew(side: str) -> None:
    anothers = sale_id.draw(STRANGER.public_key, b"sale one")
    with pytest.raises(ContractForAnotherSale):
        take(side, Sale(anothers), contract_with(sale=anothers))


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("field", Contract.__struct_fields__)
def test_steps_6a_and_7_a_contract_altered_in_any_field_is_refused(side: str, field: str) -> None:
    other = {
        "buyer": STRANGER.public_key,
        "seller": STRANGER.public_key,
        "escrow_server": STRANGER.public_key,
        "description": "x",
        "deadline": DEADLINE + 1,
        "sale": OTHER_SALE,
        "offer": None,
        "content_id": b"x" * 32,
        "size": 1,
        "price": 1,
    }
    altered = msgspec.structs.replace(CONTRACT, **{field: other[field]})
    forged = Signed[Contract](codec.encode(altered), SIGNED.signatures)
    with pytest.raises((ContractNotSigned, ContractForAnotherSale)):
        take(side, Sale(SALE), forged)


@pytest.mark.parametrize("side", SIDES)
def test_steps_6a_and_7_a_contract_with_one_signature_is_refused(side: str) -> None:
    with pytest.raises(ContractNotSigned):
        take(side, Sale(SALE), Signed(SIGNED.content, SIGNED.signatures[:1]))


@pytest.mark.parametrize("side", SIDES)
def test_steps_6a_and_7_bytes_that_are_no_contract_are_refused(side: str) -> None:
    with pytest.raises(WrongDocument):
        take(side, Sale(SALE), Signed(b"no contract", ()))


@pytest.mark.parametrize("sender", [STRANGER, ESCROW, BUYER])
def test_step_6a_comes_from_the_seller_alone(sender: Any) -> None:
    with pytest.raises(NotYourSale):
        take_seller(Sale(SALE), sender=sender.public_key)


@pytest.mark.parametrize("sender", [STRANGER, ESCROW, SELLER])
def test_step_7_comes_from_the_buyer_alone(sender: Any) -> None:
    with pytest.raises(NotYourSale):
        take_buyer(Sale(SALE), sender=sender.public_key)


def test_two_different_contracts_do_not_meet_in_one_sale() -> None:
    cheaper = contract_with(price=1)
    with pytest.raises(ContractsDiffer):
        take("buyer", take_seller(Sale(SALE)).sale, cheaper)
    with pytest.raises(ContractsDiffer):
        take("seller", take_buyer(Sale(SALE)).sale, cheaper)


def test_step_6a_a_key_that_has_served_before_is_refused() -> None:
    with pytest.raises(KeySeenBefore):
        take_seller(Sale(SALE), key_seen_before=True)


def test_step_6a_after_the_deadline_is_refused_and_in_the_last_moment_is_not() -> None:
    take_seller(Sale(SALE), now=DEADLINE)
    with pytest.raises(TooLate):
        take_seller(Sale(SALE), now=DEADLINE + 1)


# A payment that comes too late is not lost (G2)


def late(state: SaleState) -> Sale:
    if state is SaleState.ABORTED:
        from nodes.protocols.escrow_commerce.release import expire

        return expire(take_seller(Sale(SALE)).sale, DEADLINE + 1, ALL_ON).sale
    return sale_in(state)


@pytest.mark.parametrize("state", [SaleState.NEW, SaleState.SELLER_IN, SaleState.ABORTED])
def test_step_7_after_the_deadline_is_taken_in_and_given_back(state: SaleState) -> None:
    decided = take_buyer(late(state), now=DEADLINE + 1)
    after = decided.sale
    assert (after.state, after.reason) == (SaleState.ABORTED, AbortReason.DEADLINE_PASSED)
    assert after.decision is Decision.REFUND
    assert decided.lock is not None
    assert To(BUYER.public_key, AbortNotice(AbortReason.DEADLINE_PASSED)) in decided.messages
    assert next_work(after, ALL_ON) is Work.LOCK
    followed = take_result(after, Work.LOCK, Locked(PRICE, None), DEADLINE + 2, TERMS, ALL_ON).sale
    assert followed.state is SaleState.ABORTED
    assert next_work(followed, ALL_ON) is Work.PAY_OUT


def test_a_late_payment_is_taken_in_once() -> None:
    given_back = take_buyer(late(SaleState.ABORTED), now=DEADLINE + 1).sale
    with pytest.raises(WrongState):
        take_buyer(given_back, now=DEADLINE + 2)


def test_what_came_of_a_late_payment_in_part_goes_back_too() -> None:
    given_back = take_buyer(late(SaleState.NEW), now=DEADLINE + 1).sale
    failed = take_result(given_back, Work.LOCK, Invalid("one is spent"), NOW, TERMS, ALL_ON).sale
    assert failed.payment is not None
    assert failed.payment.state is PaymentState.FAILED
    assert next_work(failed, ALL_ON) is Work.PAY_OUT


@pytest.mark.parametrize("field", ["ciphertext_digest"])
def test_a_deposit_altered_in_its_digest_does_not_match(field: str) -> None:
    message: BuyerDeposit = buyer_deposit(**{field: b"x" * 32})
    decided = take_buyer(take_seller(Sale(SALE)).sale, message)
    assert decided.sale.state is SaleState.ABORTED
