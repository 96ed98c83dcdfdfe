"""Each mend on and off: what it refuses, and the damage when it is off (sections 3, 3.3)."""

import hashlib
from collections.abc import Callable

import pytest

from crypto import codec
from crypto.sealing import SealingKey, seal
from nodes.protocols.anonymous_micropayment import deposit, guards, order, pseudonym, settlement
from nodes.protocols.anonymous_micropayment.messages import (
    ClaimOrder,
    ConfirmedContents,
    DepositConfirmed,
    OrderAnswered,
    PseudonymGiven,
)
from nodes.protocols.anonymous_micropayment.refusals import (
    CertificateNotTheAuthoritys,
    NoSuchPseudonym,
    OrderNotAuthentic,
)
from nodes.protocols.anonymous_micropayment.settlement import Answered
from nodes.protocols.anonymous_micropayment.state import PurchaseState, SaleState
from nodes.protocols.anonymous_micropayment.tags import (
    certificate_statement,
    order_statement,
    printed_tag,
)
from nodes.protocols.anonymous_micropayment.values import (
    Decision,
    Order,
    PseudonymCertificate,
    Reason,
    Response,
)
from nodes.protocols.guard import ALL_ON, Guard, Guards
from tests.protocols.anonymous_micropayment import market
from tests.protocols.anonymous_micropayment.market import (
    BROKER,
    BROKER_SEALING,
    LIFETIME,
    NOW,
    OTHER,
    PRICE,
    PSEUDONYM,
    SHARED,
    V1,
    V12,
    WARE,
    altered,
    claimed,
    funded,
    named,
    ordered,
    prepayment,
    received,
    secret,
    settled,
    without,
)

Attempt = Callable[[Guards], object]


def shows_the_authoritys_key(on: Guards) -> object:
    given = PseudonymGiven(named().certificate, SHARED)
    return pseudonym.take_pseudonym(given, BROKER.public_key, on)


def agrees_on_the_certificate(on: Guards) -> object:
    sent = prepayment(named())
    wallet = named()
    weak = ConfirmedContents(sent.nonce, 100, 100, wallet.certificate.tag, None)
    tag = deposit.confirmation_tag(
        weak, wallet.certificate.tag, SealingKey(sent.reply_seed).public_key
    )
    return deposit.take_confirmation(altered(weak, tag=tag), sent, wallet, on)


def shifts_a_digit(on: Guards) -> Answered:
    """PID-A3: (.., "v12", 3) reads like (.., "v1", 23): v1 claims the order v12 was sent."""
    wallet, prepaid = funded(100, on)
    _, purchase = ordered(altered(wallet, next_number=3), on)
    paid = settled(claimed(purchase.order), prepaid, guards=on).prepaid
    shifted = altered(purchase.order, vendor="v1", number=23)
    return settled(claimed(shifted, V1), paid, vendor=V1, guards=on)


def deposits_in_the_clear(on: Guards) -> object:
    sent = prepayment(named(), guards=without(guards.deposit_is_sealed))
    return deposit.open_deposit(sent.message, BROKER.public_key, BROKER_SEALING, on)


def rekeys_anothers_pseudonym(on: Guards) -> object:
    victim, prepaid = funded(100, on)
    thief = altered(victim, secret=None)
    contents = deposit.open_deposit(
        prepayment(thief, which="thief").message, BROKER.public_key, BROKER_SEALING, ALL_ON
    )
    return deposit.check_deposit(contents, prepaid, None, SHARED, NOW, on)


def answers_for_the_broker(on: Guards) -> object:
    sent = prepayment(named())
    forged = ConfirmedContents(sent.nonce, 100, 100, secret("the attacker's"), None)
    reply_key = SealingKey(sent.reply_seed).public_key
    box = seal(reply_key, codec.encode(forged), deposit.to_customer(sent.nonce))
    contents = deposit.open_confirmation(DepositConfirmed(box), sent)
    return deposit.take_confirmation(contents, sent, named(), on)


def orders_nothing_in_particular(on: Guards) -> object:
    _, purchase = ordered(funded()[0])
    message = order.order_message(purchase)
    return received(altered(message, order=altered(message.order, goods=None)), on)


def diverts(on: Guards) -> Answered:
    """PID-A5: who intercepts an order claims it for an account of its own."""
    wallet, prepaid = funded(100, on)
    _, purchase = ordered(wallet, on)
    return settled(ClaimOrder(purchase.order, OTHER.public_key, None), prepaid, guards=on)


def forges_an_accept(on: Guards) -> object:
    """PID-A6: the vendor lacks BCus_key, so it cannot check B_respond."""
    wallet, _ = funded(0, on)
    _, purchase = ordered(wallet, on)
    sale = received(order.order_message(purchase), on)
    forged = OrderAnswered(Response(Decision.ACCEPT, None, bytes(32)), None)
    return settlement.take_answer(sale, forged, V12.key, on)


ATTEMPTS: dict[str, Attempt] = {
    "authority-key-stays-secret": shows_the_authoritys_key,
    "orders-are-beyond-the-authority": agrees_on_the_certificate,
    "fields-are-framed": shifts_a_digit,
    "deposit-is-sealed": deposits_in_the_clear,
    "rekey-needs-the-old-key": rekeys_anothers_pseudonym,
    "key-comes-from-the-broker": answers_for_the_broker,
    "order-names-the-goods": orders_nothing_in_particular,
    "vendor-is-authenticated": diverts,
    "answer-is-the-brokers": forges_an_accept,
}
GUARDS: dict[str, Guard[...]] = {
    value.name: value for value in vars(guards).values() if isinstance(value, Guard)
}


def test_every_guard_has_its_attempt() -> None:
    assert set(ATTEMPTS) == set(GUARDS)


@pytest.mark.parametrize("name", ATTEMPTS)
def test_a_guard_refuses_when_on_and_lets_through_when_off(name: str) -> None:
    attempt = ATTEMPTS[name]
    with pytest.raises(GUARDS[name].refuses):
        attempt(ALL_ON)
    attempt(Guards(frozenset({name})))


@pytest.mark.parametrize("name", ATTEMPTS)
def test_a_guard_that_is_off_lets_no_other_attempt_through(name: str) -> None:
    for other, attempt in ATTEMPTS.items():
        if other != name:
            with pytest.raises(GUARDS[other].refuses):
                attempt(Guards(frozenset({name})))


def test_every_attack_that_is_mended_has_a_guard() -> None:
    """A4, A7, A13, A14 are refused either way; A9 is a mode; A8 in part and A10 stay open."""
    mended = {attack for value in GUARDS.values() for attack in value.mends}
    assert mended == {f"PID-A{n}" for n in (1, 2, 3, 5, 6, 8, 11, 12)}


# The damage


def test_pid_a3_the_printed_hash_of_two_orders_is_the_same() -> None:
    """The concatenation, written out: not a byte of what is hashed differs."""
    one = Order(PRICE, "v12", PSEUDONYM, 3, None, None, bytes(32))
    other = Order(PRICE, "v1", PSEUDONYM, 23, None, None, bytes(32))
    key = secret("BCus_key")
    text = f"{PRICE}{PSEUDONYM.hex()}v123".encode()
    expected = hashlib.sha256(text + key).digest()
    for each in (one, other):
        assert printed_tag(key, *order_statement(each).printed) == expected
    mended = [guards.tag_of(key, order_statement(each), ALL_ON) for each in (one, other)]
    assert mended[0] != mended[1]


def test_pid_a3_the_customer_pays_twice_and_its_own_later_order_is_refused() -> None:
    printed = without(guards.fields_are_framed)
    second = shifts_a_digit(printed)
    assert (second.credit_to, second.amount) == (V1.account, PRICE)
    assert second.prepaid is not None
    assert second.prepaid.balance == 100 - 2 * PRICE
    wallet, _ = funded(100, printed)
    _, later = ordered(altered(wallet, next_number=23), printed)
    answer = settled(claimed(later.order), second.prepaid, second.settled, guards=printed)
    assert answer.response.reason is Reason.NUMBER_USED


def test_pid_a5_the_money_goes_to_who_intercepted_the_order() -> None:
    answer = diverts(without(guards.vendor_is_authenticated))
    assert (answer.credit_to, answer.amount) == (OTHER.public_key, PRICE)


def test_pid_a6_the_vendor_owes_goods_nobody_paid() -> None:
    sale = forges_an_accept(without(guards.answer_is_the_brokers))
    assert getattr(sale, "state", None) is SaleState.PAID


def minted(on: Guards) -> object:
    """PID-A1: a customer that was given BCA_key makes a certificate for any pseudonym."""
    known = market.named(on).shared_key or secret("a guess")
    expires = NOW + LIFETIME
    tag = guards.tag_of(known, certificate_statement(b"minted..........", expires), on)
    forged = PseudonymCertificate(b"minted..........", expires, tag)
    pseudonym.check_certificate(forged, SHARED, NOW, on)
    return forged


def orders_in_anothers_name(on: Guards) -> Answered:
    """PID-A1: and with the same key it makes another customer's order."""
    _, victim = funded(100, on)
    known = market.named(on, b"cheat's own PID.").shared_key or secret("a guess")
    forged = order.sign_order(
        Order(PRICE, "v12", victim.pseudonym, 1, None, WARE.goods.digest, bytes(32)), known, on
    )
    return settled(claimed(forged), victim, guards=on)


def test_pid_a1_with_the_authoritys_key_a_customer_mints_and_spends_for_others() -> None:
    printed = without(guards.authority_key_stays_secret)
    minted(printed)
    answer = orders_in_anothers_name(printed)
    assert (answer.response.decision, answer.amount) == (Decision.ACCEPT, PRICE)
    with pytest.raises(CertificateNotTheAuthoritys):
        minted(ALL_ON)
    with pytest.raises(OrderNotAuthentic):
        orders_in_anothers_name(ALL_ON)


def authority_orders(on: Guards) -> Answered:
    """PID-A2: the authority can compute every certificate, so also a key that is one."""
    wallet, prepaid = funded(100, on)
    certificate = wallet.certificate
    statement = certificate_statement(certificate.pseudonym, certificate.expires)
    known = guards.tag_of(SHARED, statement, on)
    forged = order.sign_order(
        Order(PRICE, "v12", wallet.pseudonym, 1, None, WARE.goods.digest, bytes(32)), known, on
    )
    return settled(claimed(forged), prepaid, guards=on)


def test_pid_a2_the_authority_spends_only_where_the_key_is_the_certificate() -> None:
    printed = without(guards.orders_are_beyond_the_authority)
    assert authority_orders(printed).amount == PRICE
    with pytest.raises(OrderNotAuthentic):
        authority_orders(ALL_ON)


def test_a_stranger_orders_nothing_even_with_every_guard_off() -> None:
    printed = Guards.without(GUARDS)
    wallet, prepaid = funded(100, printed)
    forged = order.sign_order(
        Order(PRICE, "v12", wallet.pseudonym, 1, None, None, bytes(32)), secret("a guess"), printed
    )
    with pytest.raises(OrderNotAuthentic):
        settled(claimed(forged), prepaid, guards=printed)
    with pytest.raises(NoSuchPseudonym):
        settled(claimed(forged), None, guards=printed)


@pytest.mark.parametrize("hides", [False, True])
def test_with_every_guard_off_an_honest_purchase_still_goes_through(hides: bool) -> None:
    printed = Guards.without(GUARDS)
    purchase, _, answer, sent = market.bought(*funded(100, printed, hides=hides), guards=printed)
    done = order.take_goods(purchase, sent, printed)
    assert done.state is PurchaseState.DELIVERED
    assert answer.prepaid is not None
    assert answer.prepaid.balance == 100 - PRICE
