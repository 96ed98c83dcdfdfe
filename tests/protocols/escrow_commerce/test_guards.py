"""Each mend on and off, and each refusal once: none is there for nothing."""

import inspect
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from crypto.documents import Signed, sign_document
from nodes.protocols.errors import Refused
from nodes.protocols.escrow_commerce import (
    contract,
    dispute,
    guards,
    offer,
    rating,
    receipt,
    refusals,
    release,
    sale,
)
from nodes.protocols.escrow_commerce.messages import (
    Acceptance,
    Offer,
    PaymentRelease,
    Query,
    Rate,
    Rating,
    Register,
    Request,
    Response,
    SaleState,
    Tally,
    Update,
)
from nodes.protocols.escrow_commerce.payment import Locked
from nodes.protocols.escrow_commerce.state import (
    BuyerState,
    PaymentState,
    Sale,
    SellerState,
)
from nodes.protocols.guard import Guard, Guards
from tests.protocols.escrow_commerce import market
from tests.protocols.escrow_commerce.market import (
    ALL_ON,
    BUYER,
    CONTRACT,
    ESCROW,
    ESCROW_SERVERS,
    NOW,
    OTHER_SALE,
    PRICE,
    SALE,
    SELLER,
    SIGNED,
    STRANGER,
    TERMS,
)

Attempt = Callable[[Guards], object]


def contract_with(**changes: Any) -> Any:
    return sign_document(msgspec.structs.replace(CONTRACT, **changes), BUYER, SELLER)


def registered(signed: Signed[Offer]) -> Attempt:
    return lambda on: offer.register(Register(signed), SELLER.public_key, NOW, on)


def forged_trust(on: Guards) -> object:
    registration = offer.register(Register(market.offered()), SELLER.public_key, NOW, ALL_ON)
    forged = msgspec.structs.replace(offer.listing(registration, ()), of_seller=Tally(9, 9))
    return offer.select(Response((forged,)), Query("", None), ESCROW_SERVERS, NOW, on)


def seller_deposits(signed: Any, **changes: Any) -> Attempt:
    message = market.seller_deposit(contract=signed)
    return lambda on: market.take_seller(Sale(SALE), message, guards=on, **changes)


def two_contracts(on: Guards) -> object:
    cheap = market.buyer_deposit(contract=contract_with(price=1))
    return market.take_buyer(market.sale_in(SaleState.SELLER_IN), cheap, guards=on)


def cheap_order(on: Guards) -> object:
    cheap = msgspec.structs.replace(CONTRACT, price=1)
    return market.answered(Request(sign_document(cheap, BUYER)), on)


def commits(payment: PaymentState, **changes: Any) -> Attempt:
    both = market.with_payment(market.sale_in(SaleState.BOTH_IN), payment)
    assert both.payment is not None
    both = msgspec.structs.replace(both, payment=msgspec.structs.replace(both.payment, **changes))
    return lambda on: release.commit(both, NOW, TERMS, on)


def rated(before: Sale | None, **changes: Any) -> Attempt:
    good = Rating(
        BUYER.public_key, ESCROW.public_key, SALE, SELLER.public_key, CONTRACT.content_id, 1
    )
    message = Rate(sign_document(msgspec.structs.replace(good, **changes), BUYER))
    return lambda on: rating.take_rating(
        before,
        message,
        sender=BUYER.public_key,
        transaction=SALE,
        escrow_server=ESCROW.public_key,
        guards=on,
    )


def foreign_update(on: Guards) -> object:
    return rating.take_update(
        trust_update(),
        sender=STRANGER.public_key,
        of_content=None,
        of_seller=None,
        escrow_servers=ESCROW_SERVERS,
        guards=on,
    )


def trust_update() -> Update:
    return rating.trust_update(
        ESCROW,
        sale=SALE,
        seller=SELLER.public_key,
        content_id=CONTRACT.content_id,
        value=1,
        of_content=Tally(),
        of_seller=Tally(),
    )


COMMITTED = market.sale_in(SaleState.COMMITTED)
LOCKED = PaymentState.LOCKED
UNSIGNED = Signed[Any](SIGNED.content, ())

# What each guard refuses, and what then passes when it is off, with those beside it that stop the
# same attempt.
ATTEMPTS: dict[str, tuple[Attempt, tuple[str, ...]]] = {
    "offer-signed-by-seller": (registered(Signed(market.offered().content, ())), ()),
    "offer-is-complete": (registered(market.offered(price=None)), ()),
    "trust-is-recomputed": (forged_trust, ()),
    "contract-signed-by-both": (seller_deposits(UNSIGNED), ()),
    "contract-names-sale": (seller_deposits(contract_with(sale=OTHER_SALE)), ()),
    "contract-names-content": (seller_deposits(contract_with(content_id=None)), ()),
    "contract-as-offered": (cheap_order, ()),
    "contracts-agree": (two_contracts, ()),
    "key-is-fresh": (seller_deposits(SIGNED, key_seen_before=True), ()),
    "payment-checked-before-key": (
        commits(PaymentState.LOCKING),
        ("payment-locked-before-key",),
    ),
    "payment-locked-before-key": (commits(PaymentState.CHECKED), ()),
    "payment-is-the-price": (commits(LOCKED, amount=PRICE - 1), ()),
    "payment-outlasts-the-sale": (commits(LOCKED, amount=PRICE, expires=NOW), ()),
    "payment-held-for-dispute": (lambda on: release.settle(COMMITTED, NOW, on), ()),
    "rating-follows-purchase": (rated(None), ()),
    "rating-by-the-buyer": (rated(COMMITTED, buyer=STRANGER.public_key), ()),
    "rating-names-the-sale": (rated(COMMITTED, sale=OTHER_SALE), ()),
    "one-rating-a-sale": (rated(msgspec.structs.replace(COMMITTED, rated=1)), ()),
    "update-by-the-escrow-server": (foreign_update, ()),
}
GUARDS: dict[str, Guard[...]] = {
    value.name: value for value in vars(guards).values() if isinstance(value, Guard)
}


def test_every_guard_has_its_attempt() -> None:
    assert set(ATTEMPTS) == set(GUARDS)


@pytest.mark.parametrize("name", ATTEMPTS)
def test_a_guard_refuses_when_on_and_lets_through_when_off(name: str) -> None:
    attempt, beside = ATTEMPTS[name]
    with pytest.raises(GUARDS[name].refuses):
        attempt(ALL_ON)
    with pytest.raises(GUARDS[name].refuses):
        attempt(Guards.without(set(GUARDS) - {name} - set(beside)))
    attempt(Guards.without({name, *beside}))


def test_every_attack_that_is_mended_has_a_guard() -> None:
    """PC-A7 and PC-A12 are refused either way; A10, A11 and A14 stay open."""
    mended = {attack for value in GUARDS.values() for attack in value.mends}
    assert mended == {f"PC-A{n}" for n in (1, 2, 3, 4, 5, 6, 8, 9, 13, 15)}


# Refusals that are no guard's: the plain rules


def nothing_to_select(on: Guards) -> object:
    return offer.select(Response(()), Query("", None), ESCROW_SERVERS, NOW, on)


def changed_contract(on: Guards) -> object:
    purchase = market.ordered()[0]
    return contract.agreed(purchase, Acceptance(contract_with(price=9)), on)


def unknown_escrow(on: Guards) -> object:
    return market.answered(market.ordered()[1], on, escrow_servers=frozenset())


def wrong_upload(on: Guards) -> object:
    upload = dispute.Upload(b"x" * 32, None)
    disputed = market.sale_in(SaleState.DISPUTED)
    return dispute.judge_upload(disputed, upload, sender=BUYER.public_key, now=NOW)


def underpaid(on: Guards) -> object:
    deposited = market.delivery_in(SellerState.DEPOSITED)
    message = PaymentRelease("test-coins", 1, b"")
    return receipt.may_be_paid(deposited, message, ESCROW.public_key)


PLAIN: dict[type[Refused], Attempt] = {
    refusals.WrongState: lambda on: release.settle(market.sale_in(SaleState.NEW), NOW, on),
    refusals.NotYourSale: lambda on: receipt.status(COMMITTED, STRANGER.public_key),
    refusals.UnknownSale: lambda on: receipt.known(None),
    refusals.WrongDocument: lambda on: registered(Signed(b"", ()))(on),
    refusals.TooLate: lambda on: sale.start_paying(
        market.purchase_in(BuyerState.CIPHERTEXT_HELD), "x", NOW + 10**9
    ),
    refusals.TooEarly: lambda on: release.expire(COMMITTED, NOW, on),
    refusals.NothingToSelect: nothing_to_select,
    refusals.ContractChanged: changed_contract,
    refusals.UnknownEscrowServer: unknown_escrow,
    refusals.ContentNotReady: lambda on: sale.may_fetch(
        market.delivery_in(SellerState.AGREED), BUYER.public_key
    ),
    refusals.WrongUpload: wrong_upload,
    refusals.PaymentNotAsAgreed: underpaid,
}


def test_every_refusal_is_raised_by_a_guard_or_a_plain_rule() -> None:
    declared = {
        value
        for _, value in inspect.getmembers(refusals, inspect.isclass)
        if issubclass(value, Refused) and value is not Refused
    }
    assert declared == {value.refuses for value in GUARDS.values()} | set(PLAIN)
    assert len({refusal.code for refusal in declared}) == len(declared)


@pytest.mark.parametrize("refusal", PLAIN, ids=lambda refusal: refusal.code)
def test_a_plain_rule_refuses_whatever_guards_are_off(refusal: type[Refused]) -> None:
    with pytest.raises(refusal):
        PLAIN[refusal](ALL_ON)
    if refusal is not refusals.TooEarly:  # the dispute time is what its guard holds
        with pytest.raises(refusal):
            PLAIN[refusal](Guards.without(GUARDS))


def test_with_every_guard_off_an_honest_sale_still_goes_through() -> None:
    printed = Guards.without(GUARDS)
    both = market.take_buyer(market.take_seller(Sale(SALE), guards=printed).sale, guards=printed)
    assert both.sale.state is SaleState.COMMITTED
    released = release.expire(both.sale, NOW, printed).sale
    assert release.next_work(released, printed) is release.Work.LOCK
    paid = release.take_result(
        released, release.Work.LOCK, Locked(PRICE, None), NOW, TERMS, printed
    ).sale
    assert release.take_paid_out(paid, b"paid").sale.state is SaleState.CLOSED
