"""Steps P1-P4, section 4.4: the merchant gets the price, the payer the rest, each exactly once."""

from typing import Any

import msgspec
import pytest

from crypto.documents import sign_document
from crypto.signing import SigningKey
from nodes.protocols.electronic_cash import circulation, exchange, payment, spending
from nodes.protocols.electronic_cash.coin import issued, serial
from nodes.protocols.electronic_cash.documents import PaymentReceipt, Presentation, Settlement
from nodes.protocols.electronic_cash.holding import INCOMING_MOVES, CoinPhase, IncomingPhase
from nodes.protocols.electronic_cash.messages import Accepted, Paid, Present
from nodes.protocols.electronic_cash.reading import checked, opened
from nodes.protocols.electronic_cash.refusals import (
    ChangeDiffers,
    CoinDiffers,
    CoinNotCirculating,
    KeyInUse,
    MoveNotAllowed,
    NotYours,
    OrderTooLate,
    PayeeIsNotYou,
    PaymentNotAsOrdered,
    ReceiptDiffers,
    SpendNotSigned,
    WrongDocument,
)
from nodes.protocols.electronic_cash.spending import Wanted
from nodes.protocols.errors import Refused
from nodes.protocols.guard import ALL_ON, Guards
from tests.protocols.electronic_cash.town import (
    LATER,
    NOW,
    Person,
    Town,
    altered_order,
    encoded,
)

replace = msgspec.structs.replace
ORDER = bytes([5]) * 32


class Course:
    """Alice has 8 and 4 and pays Bob 7."""

    def __init__(self, guards: Guards = ALL_ON) -> None:
        self.town = Town(guards)
        self.alice, self.bob, self.server = self.town.alice, self.town.bob, self.town.first
        self.coins = self.town.withdraw(self.alice, (8, 4))
        wanted = Wanted("pay", 7, self.bob.id, ORDER, LATER)
        self.made = self.town.order(self.alice, wanted, coins=self.coins)
        self.record, self.message = self.town.present(self.bob, self.made, self.server)

    def presentation(self, signer: SigningKey | None = None, /, **changes: object) -> Present:
        said = replace(checked(Presentation, self.message.presentation), **changes)
        return replace(self.message, presentation=sign_document(said, signer or self.bob.key))

    def accept(self, message: Present | None = None, **at: Any) -> Accepted:
        message = message or self.message
        serving = self.server.serving(self.town.guards, **at)
        payment.read_presentation(message.presentation, message.parcel, None)
        change, answer = payment.accept(
            message.presentation,
            circulation.open_parcel(message.parcel, serving),
            serving,
            self.server.records,
        )
        self.server.records.apply(change)
        return answer


def refuses(course: Course, refusal: type[Refused], message: Present | None = None) -> None:
    before = dict(course.server.records.coins)
    with pytest.raises(refusal):
        course.accept(message)
    assert course.server.records.coins == before


# the honest course


def test_the_price_goes_to_the_merchant_and_the_rest_to_the_payer() -> None:
    course = Course()
    answer = course.accept()
    done, coin, paid = payment.received(course.record, answer, course.bob.key, course.bob.wallet)
    assert (done.state, coin.coin.amount) == (IncomingPhase.RECEIVED, 7)
    payment.check_receipt(course.made, paid)
    settled, change = spending.settled(course.made, paid.change, course.alice.wallet, ALL_ON)
    assert [held.coin.amount for held in change] == [5]
    assert settled.settlement is not None
    circulating = {serial(coin.coin), *(serial(held.coin) for held in change)}
    assert set(course.server.records.coins) == circulating


def test_an_exact_payment_brings_no_change() -> None:
    town = Town()
    town.withdraw(town.alice, (4, 2, 1))
    town.pay(town.alice, town.bob, 7)
    assert (town.alice.value, town.bob.value) == (0, 7)


def test_the_merchant_reads_neither_the_coins_nor_the_change_nor_the_payer() -> None:
    """BS-A3, section 4.6: between user and merchant anonymity is asked for."""
    course = Course()
    message = payment.pay(course.made, bytes(32))
    answer = course.accept()
    view = encoded((message, answer, course.record))
    settled, change = spending.settled(course.made, answer.change, course.alice.wallet, ALL_ON)
    for held in (*course.coins, *change):
        for secret in (serial(held.coin), held.coin.key, held.coin.entropy, held.coin.signature):
            assert secret not in view
    assert course.alice.id not in view
    assert settled.request not in encoded((message, course.record))


def test_the_coin_server_never_sees_an_account() -> None:
    course = Course()
    opened_ = circulation.open_parcel(course.message.parcel, course.server.serving())
    assert course.alice.id not in encoded((opened_.spend, course.message.presentation))


def test_the_coin_server_signs_for_the_payer_that_this_merchant_was_paid() -> None:
    """BS-A4: a merchant that denies it is contradicted by the coin server."""
    course = Course()
    answer = course.accept()
    done, _ = spending.settled(course.made, answer.change, course.alice.wallet, ALL_ON)
    assert done.settlement is not None
    said = checked(Settlement, done.settlement)
    assert (said.payee, said.amount, said.reference) == (course.bob.id, 7, ORDER)


# what a merchant may not do


@pytest.mark.parametrize("changes", [{"amount": 12}, {"amount": 6}, {"reference": bytes(32)}])
def test_a_merchant_takes_what_the_payer_signed_and_for_what(changes: dict[str, object]) -> None:
    """BS-A2."""
    course = Course()
    refuses(course, PaymentNotAsOrdered, course.presentation(None, **changes))


def test_without_the_guard_the_merchant_takes_all() -> None:
    """BS-A2, as printed: the merchant tells the coin server the price."""
    course = Course(Guards.without(["payment-is-as-ordered"]))
    answer = course.accept(course.presentation(amount=12))
    assert answer.coin.amount == 12
    with pytest.raises(Refused):
        spending.settled(course.made, answer.change, course.alice.wallet, ALL_ON)


def test_a_parcel_for_one_merchant_pays_no_other() -> None:
    """BS-A5: whoever gets hold of Z."""
    course = Course()
    thief = Person.named("thief")
    stolen = course.presentation(
        thief.key, payee=thief.id, key=thief.wallet.one_time_keys(1, 1)[0].public_key
    )
    refuses(course, PayeeIsNotYou, stolen)
    unnamed = altered_order(
        course.made,
        [course.alice.wallet.one_time_key(held.path) for held in course.coins],
        payee=None,
    )
    parcel = spending.seal_parcel(unnamed, course.server.id, course.server.sealing_key.public_key)
    digest = circulation.parcel_digest(parcel)
    refuses(course, PayeeIsNotYou, replace(course.presentation(parcel=digest), parcel=parcel))


def test_without_the_guard_whoever_brings_the_parcel_is_paid() -> None:
    course = Course(Guards.without(["cash-payee-is-named"]))
    thief = Person.named("thief")
    key = thief.wallet.one_time_keys(1, 1)[0].public_key
    answer = course.accept(course.presentation(thief.key, payee=thief.id, key=key))
    assert (answer.coin.key, answer.coin.amount) == (key, 7)


def test_a_presentation_is_signed_by_who_presents_and_for_this_parcel() -> None:
    """BS-A18: the merchant's one-time key stands in what it signs."""
    course = Course()
    signed, parcel = course.message.presentation, course.message.parcel
    assert payment.read_presentation(signed, parcel, course.bob.id).amount == 7
    with pytest.raises(NotYours):
        payment.read_presentation(signed, parcel, course.alice.id)
    with pytest.raises(PaymentNotAsOrdered):
        payment.read_presentation(signed, parcel + b"!", course.bob.id)
    swapped = replace(opened(Presentation, signed), key=bytes(32))
    forged = replace(signed, content=encoded(swapped))
    with pytest.raises(WrongDocument):
        payment.read_presentation(forged, parcel, course.bob.id)


def test_a_merchant_s_key_in_use_is_refused() -> None:
    course = Course()
    (other,) = course.town.withdraw(course.bob, (1,))
    refuses(course, KeyInUse, course.presentation(key=other.coin.key))


# twice


def test_one_coin_pays_once_however_it_is_presented() -> None:
    """BS-A6: two merchants, an exchange and a payment, a deposit and a payment."""
    course = Course()
    other = course.town.order(
        course.alice,
        Wanted("pay", 12, course.alice.id, bytes(32), LATER),
        coins=[course.alice.coins[serial(h.coin)] for h in course.coins],
    )
    course.accept()
    _, message = course.town.present(course.alice, other, course.server)
    refuses(course, CoinNotCirculating, message)


def test_a_payment_not_presented_yet_is_taken_back_by_exchanging_its_coins() -> None:
    """BS-A19 and the crash table: exactly one of the two happens."""
    course = Course()
    held = [course.alice.coins[serial(h.coin)] for h in course.coins]
    back = course.town.order(
        course.alice, Wanted("exchange", 0, None, None, LATER, (12,)), coins=held
    )
    presented = circulation.read_spend(back.spend)
    change, _ = exchange.exchange(presented, course.server.serving(), course.server.records)
    course.server.records.apply(change)
    refuses(course, CoinNotCirculating)


def test_a_late_presentation_is_refused() -> None:
    course = Course()
    with pytest.raises(OrderTooLate):
        course.accept(now=LATER + 1)


def test_a_parcel_whose_coins_did_not_sign_is_refused() -> None:
    course = Course()
    spend = replace(course.made.spend, signatures=())
    parcel = spending.seal_parcel(spend, course.server.id, course.server.sealing_key.public_key)
    digest = circulation.parcel_digest(parcel)
    refuses(course, SpendNotSigned, replace(course.presentation(parcel=digest), parcel=parcel))


# what the merchant and the payer check


def test_the_merchant_takes_only_its_own_coin_of_the_right_amount() -> None:
    course = Course()
    answer = course.accept()
    coin = answer.coin
    for wrong in (
        replace(coin, amount=8),
        replace(coin, key=course.alice.id),
        replace(coin, signature=bytes(64)),
        replace(coin, entropy=bytes(32)),
        replace(coin, period=1),
        issued(course.town.second.key, coin.key, coin.entropy, coin.amount),
        issued(course.server.key, coin.key, coin.entropy, 6),
    ):
        with pytest.raises(CoinDiffers):
            payment.received(
                course.record, replace(answer, coin=wrong), course.bob.key, course.bob.wallet
            )


@pytest.mark.parametrize("field", ["payee", "amount", "reference", "parcel"])
def test_a_receipt_for_something_else_is_refused(field: str) -> None:
    course = Course()
    answer = course.accept()
    _, _, paid = payment.received(course.record, answer, course.bob.key, course.bob.wallet)
    other: dict[str, object] = {
        "payee": course.alice.id,
        "amount": 6,
        "reference": bytes(32),
        "parcel": bytes(32),
    }
    said = replace(opened(PaymentReceipt, paid.receipt), **{field: other[field]})
    key = course.alice.key if field == "payee" else course.bob.key
    with pytest.raises(ReceiptDiffers):
        payment.check_receipt(course.made, Paid(sign_document(said, key), paid.change))
    with pytest.raises(WrongDocument):
        payment.check_receipt(
            course.made, replace(paid, receipt=replace(paid.receipt, signatures=(bytes(64),)))
        )


def test_a_merchant_that_keeps_the_change_does_not_stop_it() -> None:
    """BS-A3, BS-R14: the payer fetches it from the coin server."""
    course = Course()
    course.accept()
    query = spending.ask_for_change(course.made, course.alice.wallet)
    entry = course.server.records.journal[course.made.request]
    told = spending.tell_change(query, entry, course.server.id, course.server.records)
    assert told.change is not None
    _, coins = spending.settled(course.made, told.change, course.alice.wallet, ALL_ON)
    assert sum(held.coin.amount for held in coins) == 5
    with pytest.raises(ChangeDiffers):
        spending.settled(course.made, told.change, course.bob.wallet, ALL_ON)


def test_a_repeat_of_p2_has_the_same_bytes() -> None:
    course = Course()
    assert encoded(payment.present(course.record)) == encoded(course.message)


def test_pledged_coins_are_not_chosen_again() -> None:
    course = Course()
    assert {h.state for h in course.alice.coins.values()} == {CoinPhase.PLEDGED}
    assert course.alice.value == 0
    assert NOW < LATER


@pytest.mark.parametrize("start", list(IncomingPhase))
@pytest.mark.parametrize("end", list(IncomingPhase))
def test_a_merchant_s_record_makes_only_the_moves_of_its_table(
    start: IncomingPhase, end: IncomingPhase
) -> None:
    record = replace(Course().record, state=start)
    if end in INCOMING_MOVES[start]:
        assert record.moved(end).state is end
    else:
        with pytest.raises(MoveNotAllowed):
            record.moved(end)
