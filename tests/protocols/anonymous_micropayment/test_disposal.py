"""E1, E2: an accepted order's money goes back or on, one of the two, once."""

from typing import Any

import pytest

from nodes.protocols.anonymous_micropayment import disposal
from nodes.protocols.anonymous_micropayment.refusals import (
    AnswerNotTheBrokers,
    MoveNotAllowed,
    NoSuchVendor,
    NotTheVendor,
    OrderNotHeld,
)
from nodes.protocols.anonymous_micropayment.state import Prepaid, Sale, SaleState, Settled
from nodes.protocols.anonymous_micropayment.values import Standing
from tests.protocols.anonymous_micropayment.market import (
    OTHER,
    PRICE,
    V1,
    V12,
    altered,
    bought,
    funded,
)
from tests.protocols.anonymous_micropayment.test_order import CHANGES

TO = OTHER.public_key


def paid(amount: int = 100) -> tuple[Sale, Settled, Prepaid]:
    _, sale, answer, _ = bought(*funded(amount))
    assert answer.settled is not None
    assert answer.prepaid is not None
    return sale, answer.settled, answer.prepaid


def test_given_back_the_pseudonym_has_its_money_again() -> None:
    sale, settled, prepaid = paid()
    asked = disposal.dispose(sale.order, None, V12.key)
    done = disposal.dispose_of(asked, V12, settled, prepaid)
    assert done.prepaid is not None
    assert (done.settled.state, done.amount, done.credit_to) == (Standing.GIVEN_BACK, PRICE, None)
    assert done.prepaid.balance == prepaid.balance + PRICE
    answer = disposal.disposed(asked, done.settled, V12.key)
    assert disposal.take_disposed(asked, answer, sale, V12.key).state is SaleState.GIVEN_BACK


def test_handed_on_another_account_has_it() -> None:
    sale, settled, prepaid = paid()
    asked = disposal.dispose(sale.order, TO, V12.key)
    done = disposal.dispose_of(asked, V12, settled, prepaid)
    assert (done.settled.state, done.amount, done.credit_to) == (Standing.HANDED_ON, PRICE, TO)
    assert done.prepaid is None
    answer = disposal.disposed(asked, done.settled, V12.key)
    handed = disposal.take_disposed(asked, answer, sale, V12.key)
    assert handed.state is SaleState.HANDED_ON
    assert disposal.take_disposed(asked, answer, handed, V12.key) == handed


@pytest.mark.parametrize("first", [None, TO])
@pytest.mark.parametrize("second", [None, TO, V12.account])
def test_never_both_and_never_twice(first: bytes | None, second: bytes | None) -> None:
    sale, settled, prepaid = paid()
    done = disposal.dispose_of(disposal.dispose(sale.order, first, V12.key), V12, settled, prepaid)
    again = disposal.dispose(sale.order, second, V12.key)
    if second == first:
        repeated = disposal.dispose_of(again, V12, done.settled, done.prepaid or prepaid)
        assert (repeated.amount, repeated.prepaid, repeated.credit_to) == (0, None, None)
        return
    with pytest.raises(OrderNotHeld):
        disposal.dispose_of(again, V12, done.settled, done.prepaid or prepaid)


@pytest.mark.parametrize("changes", CHANGES)
def test_an_altered_order_disposes_of_nothing(changes: dict[str, Any]) -> None:
    sale, settled, prepaid = paid()
    asked = disposal.dispose(altered(sale.order, **changes), None, V12.key)
    with pytest.raises(OrderNotHeld):
        disposal.dispose_of(asked, V12, settled, prepaid)


def test_only_the_vendor_disposes_of_an_order() -> None:
    sale, settled, prepaid = paid()
    asked = disposal.dispose(sale.order, None, V12.key)
    for bad in (
        altered(asked, to=TO),
        altered(asked, tag=bytes(32)),
        disposal.dispose(sale.order, None, V1.key),
    ):
        with pytest.raises(NotTheVendor):
            disposal.dispose_of(bad, V12, settled, prepaid)
    with pytest.raises(NoSuchVendor):
        disposal.dispose_of(asked, None, settled, prepaid)


@pytest.mark.parametrize("state", [Standing.REJECTED, Standing.VOIDED])
def test_what_was_not_accepted_cannot_be_disposed_of(state: Standing) -> None:
    sale, settled, prepaid = paid()
    asked = disposal.dispose(sale.order, None, V12.key)
    with pytest.raises(OrderNotHeld):
        disposal.dispose_of(asked, V12, altered(settled, state=state), prepaid)
    with pytest.raises(OrderNotHeld):
        disposal.dispose_of(asked, V12, None, prepaid)


def test_the_vendor_believes_the_broker_alone() -> None:
    sale, settled, prepaid = paid()
    asked = disposal.dispose(sale.order, None, V12.key)
    done = disposal.dispose_of(asked, V12, settled, prepaid)
    answer = disposal.disposed(asked, done.settled, V12.key)
    for bad in (altered(answer, standing=Standing.HANDED_ON), altered(answer, tag=bytes(32))):
        with pytest.raises(AnswerNotTheBrokers):
            disposal.take_disposed(asked, bad, sale, V12.key)
    with pytest.raises(MoveNotAllowed):
        disposal.take_disposed(asked, answer, altered(sale, state=SaleState.REJECTED), V12.key)
