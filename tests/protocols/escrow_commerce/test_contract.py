"""Step 5: what both sides sign before anything moves."""

from typing import Any

import msgspec
import pytest

from crypto import codec
from crypto.documents import Signed, countersign, document_digest, sign_document
from nodes.protocols.escrow_commerce import contract
from nodes.protocols.escrow_commerce.messages import AbortReason, Acceptance, Contract, Request
from nodes.protocols.escrow_commerce.refusals import (
    ContractChanged,
    ContractForAnotherSale,
    ContractNamesNoContent,
    ContractNotAsOffered,
    ContractNotSigned,
    NotYourSale,
    TooEarly,
    TooLate,
    UnknownEscrowServer,
    WrongDocument,
    WrongState,
)
from nodes.protocols.escrow_commerce.state import BuyerState, SellerState
from nodes.protocols.guard import Guards
from tests.protocols.escrow_commerce.market import (
    ALL_ON,
    BUYER,
    CONTRACT,
    DEADLINE,
    ESCROW,
    NOW,
    OTHER_SALE,
    PRICE,
    SALE,
    SELLER,
    SIGNED,
    STRANGER,
    answered,
    delivery_in,
    offered,
    ordered,
    purchase_in,
)

OTHER_VALUES: dict[str, Any] = {
    "buyer": STRANGER.public_key,
    "seller": STRANGER.public_key,
    "escrow_server": STRANGER.public_key,
    "description": "Another song",
    "deadline": DEADLINE + 1,
    "sale": OTHER_SALE,
    "offer": b"o" * 32,
    "content_id": b"x" * 32,
    "size": 1,
    "price": 1,
}


def request_with(**changes: Any) -> Request:
    """A request the buyer signed with something else in it."""
    return Request(sign_document(msgspec.structs.replace(CONTRACT, **changes), BUYER))


def test_step_5_the_contract_says_what_was_offered_and_both_sign_the_same_bytes() -> None:
    purchase, request = ordered()
    delivery, acceptance = answered(request)
    assert contract.agreed(purchase, acceptance, ALL_ON).state is BuyerState.CONTRACTED
    assert delivery.state is SellerState.AGREED
    agreed = delivery.contract
    assert (agreed.price, agreed.sale, agreed.buyer) == (PRICE, SALE, BUYER.public_key)
    assert acceptance.contract.content == request.contract.content
    assert len(acceptance.contract.signatures) == 2


def test_step_5_the_same_order_gives_the_same_bytes() -> None:
    assert ordered() == ordered()


@pytest.mark.parametrize("field", Contract.__struct_fields__)
def test_step_5_a_contract_altered_in_any_field_after_signing_is_refused(field: str) -> None:
    altered = msgspec.structs.replace(CONTRACT, **{field: OTHER_VALUES[field]})
    forged = Request(Signed(codec.encode(altered), SIGNED.signatures[:1]))
    with pytest.raises((ContractNotSigned, NotYourSale)):
        answered(forged)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"seller": STRANGER.public_key}, NotYourSale),
        ({"escrow_server": STRANGER.public_key}, UnknownEscrowServer),
        ({"sale": OTHER_SALE}, ContractForAnotherSale),
        ({"sale": None}, ContractForAnotherSale),
        ({"offer": b"o" * 32}, ContractNotAsOffered),
        ({"offer": None}, ContractNotAsOffered),
        ({"content_id": None}, ContractNamesNoContent),
        ({"content_id": b"x" * 32}, ContractNotAsOffered),
        ({"size": 1}, ContractNotAsOffered),
        ({"price": PRICE - 1}, ContractNotAsOffered),
        ({"price": None}, ContractNotAsOffered),
        ({"deadline": NOW - 1}, TooLate),
    ],
)
def test_step_5_the_seller_refuses_to_sign_anything_else(
    changes: dict[str, Any], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        answered(request_with(**changes))


def test_step_5_an_order_in_anothers_name_is_refused() -> None:
    with pytest.raises(NotYourSale):
        answered(ordered()[1], sender=STRANGER.public_key)


def test_step_5_an_expired_offer_is_neither_ordered_nor_agreed_to() -> None:
    expired = offered(valid_until=NOW - 1)
    with pytest.raises(TooLate):
        ordered(offer=expired)
    request = request_with(offer=None)
    with pytest.raises((TooLate, ContractNotAsOffered)):
        answered(request, offered=expired)
    late = NOW + 3_600_001
    with pytest.raises(TooLate):
        answered(request_with(deadline=late + 1), now=late)


def test_step_5_a_buyer_signs_no_contract_that_names_no_content() -> None:
    """Its payment would be signed away, and refused by the escrow server."""
    with pytest.raises(ContractNamesNoContent):
        ordered(Guards.without(["offer-is-complete"]), offer=offered(content_id=None))


def test_step_5_bytes_that_are_no_contract_are_refused() -> None:
    with pytest.raises(WrongDocument):
        answered(Request(Signed(b"no contract", ())))


def test_step_5_a_sale_has_one_contract() -> None:
    with pytest.raises(WrongState):
        answered(ordered()[1], known=delivery_in(SellerState.AGREED))


def test_step_5_the_offer_meant_is_found_by_its_digest_or_as_printed_by_description() -> None:
    other = offered(description="A song about mountains")
    assert contract.offer_wanted(CONTRACT, [other, offered()]) == offered()
    printed = msgspec.structs.replace(CONTRACT, offer=None)
    assert contract.offer_wanted(printed, [other, offered()]) == offered()
    with pytest.raises(ContractNotAsOffered):
        contract.offer_wanted(CONTRACT, [other])


# Step 5r


def test_step_5r_another_contract_than_the_one_signed_is_refused() -> None:
    changed = msgspec.structs.replace(CONTRACT, price=PRICE + 1)
    forged = Acceptance(sign_document(changed, BUYER, SELLER))
    with pytest.raises(ContractChanged):
        contract.agreed(ordered()[0], forged, ALL_ON)


@pytest.mark.parametrize("signatures", [(), SIGNED.signatures[:1], SIGNED.signatures[::-1]])
def test_step_5r_a_contract_the_seller_did_not_sign_is_refused(
    signatures: tuple[bytes, ...],
) -> None:
    with pytest.raises(ContractNotSigned):
        contract.agreed(ordered()[0], Acceptance(Signed(SIGNED.content, signatures)), ALL_ON)


def test_step_5r_a_stranger_cannot_countersign() -> None:
    by_stranger = countersign(Contract, ordered()[1].contract, STRANGER)
    with pytest.raises(ContractNotSigned):
        contract.agreed(ordered()[0], Acceptance(by_stranger), ALL_ON)


@pytest.mark.parametrize("state", BuyerState)
def test_step_5r_is_taken_in_one_state_only(state: BuyerState) -> None:
    purchase = purchase_in(state)
    if state is BuyerState.ORDERED:
        assert contract.agreed(purchase, Acceptance(SIGNED), ALL_ON).signed == SIGNED
    else:
        with pytest.raises(WrongState):
            contract.agreed(purchase, Acceptance(SIGNED), ALL_ON)


@pytest.mark.parametrize("state", BuyerState)
def test_a_declined_order_ends_and_nothing_later_does(state: BuyerState) -> None:
    purchase = purchase_in(state)
    if state is BuyerState.ORDERED:
        assert contract.declined(purchase).state is BuyerState.ABORTED
    else:
        with pytest.raises(WrongState):
            contract.declined(purchase)


# Deadlines


@pytest.mark.parametrize("state", BuyerState)
def test_a_deadline_ends_a_purchase_that_is_not_paid_and_no_other(state: BuyerState) -> None:
    purchase = purchase_in(state)
    with pytest.raises(TooEarly):
        contract.expire_purchase(purchase, DEADLINE)
    if state in (BuyerState.ORDERED, BuyerState.CONTRACTED, BuyerState.CIPHERTEXT_HELD):
        ended = contract.expire_purchase(purchase, DEADLINE + 1)
        assert (ended.state, ended.reason) == (BuyerState.ABORTED, AbortReason.DEADLINE_PASSED)
    else:
        with pytest.raises(WrongState):
            contract.expire_purchase(purchase, DEADLINE + 1)


@pytest.mark.parametrize("state", SellerState)
def test_a_deadline_ends_a_delivery_that_is_not_deposited_and_no_other(
    state: SellerState,
) -> None:
    delivery = delivery_in(state)
    with pytest.raises(TooEarly):
        contract.expire_delivery(delivery, DEADLINE)
    if state is SellerState.AGREED:
        assert contract.expire_delivery(delivery, DEADLINE + 1).state is SellerState.ABORTED
    else:
        with pytest.raises(WrongState):
            contract.expire_delivery(delivery, DEADLINE + 1)


def test_the_contract_cites_the_offer_and_names_the_escrow_server() -> None:
    from nodes.protocols.escrow_commerce.messages import Offer
    from nodes.protocols.escrow_commerce.reading import read

    assert CONTRACT.offer == document_digest(read(Offer, offered()))
    assert CONTRACT.escrow_server == ESCROW.public_key
