"""Steps F1-F7: payments across coin servers, cleared in batches; one server lost."""

from typing import Any

import msgspec
import pytest

from crypto.documents import Signed, sign_document
from crypto.signing import SigningKey
from nodes.protocols.electronic_cash import circulation, clearing, payment, spending
from nodes.protocols.electronic_cash.clearing import Books
from nodes.protocols.electronic_cash.coin import serial_of
from nodes.protocols.electronic_cash.documents import Debt, Presentation
from nodes.protocols.electronic_cash.messages import VoidDebt
from nodes.protocols.electronic_cash.reading import opened
from nodes.protocols.electronic_cash.refusals import (
    BeyondOutstanding,
    CoinNotCirculating,
    DebtIsCleared,
    NotLost,
    NotYours,
    PayeeIsNotYou,
    WrongCoinServer,
    WrongDebt,
    WrongDocument,
)
from nodes.protocols.electronic_cash.spending import Wanted
from nodes.protocols.electronic_cash.state import DebtFate, KnownDebt, Outstanding
from nodes.protocols.guard import ALL_ON, Guards
from tests.protocols.electronic_cash.town import LATER, Person, Town

replace = msgspec.structs.replace
STRANGER = SigningKey(bytes([3]) * 32)
ORDER = bytes([5]) * 32


class Course:
    """Alice's 8 and 4 are the first server's; Bob presents 7 of it to the second."""

    def __init__(self) -> None:
        self.town = Town()
        self.home, self.entry = self.town.first, self.town.second
        coins = self.town.withdraw(self.town.alice, (8, 4))
        wanted = Wanted("pay", 7, self.town.bob.id, ORDER, LATER)
        self.made = self.town.order(self.town.alice, wanted, coins=coins)
        self.record, self.present = self.town.present(self.town.bob, self.made, self.entry)
        self.forwarded, self.request = clearing.forward(
            self.present.presentation, self.present.parcel, self.town.bob.id, self.entry.id, None
        )

    def retire(self, request: Any = None) -> Any:
        request = request or self.request
        presented = circulation.open_parcel(request.parcel, self.home.serving())
        change, answer = clearing.retire_for(
            request, self.entry.id, presented, self.home.serving(), self.home.records
        )
        self.home.records.apply(change)
        return answer

    def complete(self, answer: Any, home: bytes | None = None) -> Any:
        change, accepted, done = clearing.complete(
            self.forwarded,
            answer,
            home or self.home.id,
            self.entry.serving(),
            self.entry.records,
        )
        self.entry.records.apply(change)
        return accepted, done


def debt(course: Course, **changes: object) -> Signed[Debt]:
    said = Debt(course.home.id, course.entry.id, course.town.bank, 7, bytes(32))
    key = changes.pop("signed_by", course.home.key)
    assert isinstance(key, SigningKey)
    return sign_document(replace(said, **changes), key)


def test_the_merchant_gets_a_coin_of_the_server_it_knows_and_the_payer_its_change() -> None:
    course = Course()
    retired = course.retire()
    accepted, done = course.complete(retired)
    assert (accepted.coin.coin_server, accepted.coin.amount) == (course.entry.id, 7)
    assert (course.home.records.value, course.entry.records.value) == (5, 7)
    assert done.debt == retired.debt
    course.town.receive(course.town.alice, course.town.bob, course.made, course.record, accepted)
    assert (course.town.alice.value, course.town.bob.value) == (5, 7)


def test_many_payments_are_cleared_with_one_message() -> None:
    """ "Reduce transactions", the paper's open question."""
    town = Town()
    town.withdraw(town.alice, (8, 8))
    debts = [
        town.pay_across(town.alice, town.bob, 2, town.first, town.second).debt for _ in range(8)
    ]
    town.clear(debts, town.second)
    assert town.outstanding[town.first.id].amount == 0
    assert town.outstanding[town.second.id].amount == 16


def test_the_home_gives_its_answer_again_to_its_payee_until_it_has_arrived() -> None:
    course = Course()
    retired = course.retire()
    entry = course.home.records.journal[opened(Debt, retired.debt).request]
    assert clearing.may_retire_again(course.request, entry)
    carol = Person.named("carol")
    other = replace(opened(Presentation, course.present.presentation), payee=carol.id)
    stolen = replace(course.request, presentation=sign_document(other, carol.key))
    with pytest.raises(NotYours):
        clearing.may_retire_again(stolen, entry)
    left = spending.acknowledged(entry, circulation.PRESENTER)
    assert left is not None, "its payer has not said that the change arrived"
    assert not clearing.may_retire_again(course.request, left)


def test_what_is_on_its_way_is_asked_for_as_it_was_first() -> None:
    course = Course()
    again = replace(opened(Presentation, course.present.presentation), key=bytes([7]) * 32)
    signed = sign_document(again, course.town.bob.key)
    known, request = clearing.forward(
        signed, course.present.parcel, course.town.bob.id, course.entry.id, course.forwarded
    )
    assert (known, request) == (course.forwarded, course.request)


def test_only_coins_of_another_home_are_forwarded() -> None:
    course = Course()
    with pytest.raises(WrongCoinServer):
        clearing.forward(
            course.present.presentation,
            course.present.parcel,
            course.town.bob.id,
            course.home.id,
            None,
        )
    with pytest.raises(NotYours):
        clearing.forward(
            course.present.presentation,
            course.present.parcel,
            STRANGER.public_key,
            course.entry.id,
            None,
        )


def test_a_coin_server_cannot_present_what_the_merchant_did_not() -> None:
    course = Course()
    said = replace(opened(Presentation, course.request.presentation), payee=STRANGER.public_key)
    forged = replace(course.request, presentation=sign_document(said, STRANGER))
    with pytest.raises(PayeeIsNotYou):
        course.retire(forged)
    unsigned = replace(course.request.presentation, signatures=(bytes(64),))
    with pytest.raises(WrongDocument):
        course.retire(replace(course.request, presentation=unsigned))
    assert course.home.records.value == 12


def test_one_coin_at_two_entry_servers_is_taken_once() -> None:
    course = Course()
    course.retire()
    _, direct = course.town.present(course.town.bob, course.made, course.home)
    presented = circulation.open_parcel(direct.parcel, course.home.serving())
    with pytest.raises(CoinNotCirculating):
        payment.accept(direct.presentation, presented, course.home.serving(), course.home.records)


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 8},
        {"creditor": STRANGER.public_key},
        {"debtor": STRANGER.public_key, "signed_by": STRANGER},
    ],
)
def test_no_coin_is_issued_for_a_debt_that_does_not_fit(changes: dict[str, object]) -> None:
    course = Course()
    answer = replace(course.retire(), debt=debt(course, **changes))
    with pytest.raises(WrongDebt):
        course.complete(answer)
    assert course.entry.records.value == 0


# the bank


def books(course: Course, amount: int, redeeming: int = 0) -> Books:
    return Books({course.home.id: Outstanding(amount, redeeming)}, {})


def test_a_debt_is_cleared_once_however_often_it_is_shown() -> None:
    course = Course()
    one = debt(course)
    after, answer = clearing.clear(
        [one, one], course.entry.id, course.town.bank, books(course, amount=12), ALL_ON
    )
    assert len(answer.cleared) == 2
    assert after.outstanding[course.home.id].amount == 5
    again, _ = clearing.clear([one], course.entry.id, course.town.bank, after, ALL_ON)
    assert again == after


@pytest.mark.parametrize(
    "changes",
    [
        {"creditor": STRANGER.public_key},
        {"bank": STRANGER.public_key},
        {"signed_by": STRANGER},
        {"debtor": Town().second.id, "signed_by": Town().second.key},
    ],
)
def test_a_debt_that_is_not_the_sender_s_moves_nothing(changes: dict[str, object]) -> None:
    course = Course()
    with pytest.raises((WrongDebt, WrongDocument)):
        clearing.clear(
            [debt(course), debt(course, **changes)],
            course.entry.id,
            course.town.bank,
            books(course, amount=20),
            ALL_ON,
        )


def test_a_coin_server_owes_no_more_than_is_outstanding() -> None:
    """BS-A9."""
    course = Course()
    for outstanding in (books(course, amount=6), books(course, amount=12, redeeming=6)):
        with pytest.raises(BeyondOutstanding):
            clearing.clear([debt(course)], course.entry.id, course.town.bank, outstanding, ALL_ON)
    without = Guards.without(["outstanding-covers-it"])
    after, _ = clearing.clear(
        [debt(course)], course.entry.id, course.town.bank, books(course, amount=6), without
    )
    assert after.outstanding[course.home.id].amount == -1


def test_a_debt_without_cover_holds_up_no_other() -> None:
    """BS-A9: one coin server that owes too much does not keep the others' debts from clearing."""
    course = Course()
    good, too_large = debt(course), debt(course, amount=1000, request=bytes([9]) * 32)
    after, answer = clearing.clear(
        [too_large, good], course.entry.id, course.town.bank, books(course, amount=7), ALL_ON
    )
    assert (answer.cleared, answer.void) == ((clearing.debt_digest(good),), ())
    assert list(after.debts) == [clearing.debt_digest(good)]
    amounts = {id_: one.amount for id_, one in after.outstanding.items()}
    assert amounts == {course.home.id: 0, course.entry.id: 7}


# a server lost for good


def void(course: Course, signed: Signed[Debt], *, lost: bool = True, **known: Any) -> KnownDebt:
    return clearing.void_debt(
        VoidDebt(signed),
        course.home.id,
        course.town.bank,
        Outstanding(lost=lost),
        known.get("known"),
    )


def test_the_home_serves_the_merchant_when_the_other_server_is_lost() -> None:
    course = Course()
    retired = course.retire()
    entry = course.home.records.journal[course.made.request]
    assert clearing.debt_of(entry) == retired.debt
    assert void(course, retired.debt).fate is DebtFate.VOID
    change, accepted = clearing.serve_payee(
        entry, course.town.bob.id, course.home.serving(), course.home.records
    )
    course.home.records.apply(change)
    coin = accepted.coin
    assert (coin.coin_server, coin.amount) == (course.home.id, 7)
    assert serial_of(coin.key, coin.entropy) in course.home.records.coins
    assert course.home.records.value == 12
    served = course.home.records.journal[course.made.request]
    assert clearing.debt_of(served) is None
    with pytest.raises(NotYours):
        clearing.serve_payee(served, course.town.bob.id, course.home.serving(), course.home.records)


def test_nobody_but_the_merchant_is_served() -> None:
    course = Course()
    course.retire()
    entry = course.home.records.journal[course.made.request]
    with pytest.raises(NotYours):
        clearing.serve_payee(
            entry, Person.named("thief").id, course.home.serving(), course.home.records
        )


def test_a_void_debt_is_never_cleared_and_a_cleared_one_never_void() -> None:
    course = Course()
    one = debt(course)
    known = {clearing.debt_digest(one): void(course, one)}
    after, answer = clearing.clear(
        [one],
        course.entry.id,
        course.town.bank,
        Books({course.home.id: Outstanding(12)}, known),
        ALL_ON,
    )
    assert (answer.cleared, answer.void) == ((), (clearing.debt_digest(one),))
    assert after.outstanding[course.home.id].amount == 12
    with pytest.raises(DebtIsCleared):
        void(course, one, known=KnownDebt(DebtFate.CLEARED, 7))
    assert void(course, one, known=KnownDebt(DebtFate.VOID, 7)).fate is DebtFate.VOID


def test_a_debt_is_void_only_for_its_debtor_and_a_server_that_is_lost() -> None:
    course = Course()
    with pytest.raises(NotLost):
        void(course, debt(course), lost=False)
    with pytest.raises(NotYours):
        void(course, debt(course, debtor=STRANGER.public_key, signed_by=STRANGER))
    with pytest.raises(WrongDebt):
        void(course, debt(course, bank=STRANGER.public_key))
    with pytest.raises(WrongDocument):
        void(course, debt(course, signed_by=STRANGER))
