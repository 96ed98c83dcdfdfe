"""Steps C1-C4: a coin that waits for a judge's word goes to one of two keys, once."""

from typing import Any

import msgspec
import pytest

from crypto.documents import Signed, sign_document
from crypto.signing import SigningKey
from nodes.protocols.electronic_cash import circulation, condition, spending
from nodes.protocols.electronic_cash.coin import serial
from nodes.protocols.electronic_cash.documents import Condition, Outcome, PendingCoin, Verdict
from nodes.protocols.electronic_cash.holding import Path
from nodes.protocols.electronic_cash.messages import Resolve
from nodes.protocols.electronic_cash.reading import checked
from nodes.protocols.electronic_cash.refusals import (
    PaymentNotAsOrdered,
    SpendNotSigned,
    UnknownPending,
    WrongDocument,
    WrongVerdict,
)
from nodes.protocols.electronic_cash.spending import Wanted
from nodes.protocols.guard import ALL_ON
from tests.protocols.electronic_cash.town import LATER, NOW, Town, altered_order

replace = msgspec.structs.replace
GAME = SigningKey(bytes([4]) * 32)
STRANGER = SigningKey(bytes([3]) * 32)
ITEM = bytes([6]) * 32


class Course:
    """Alice pays 7 for an item of Bob's, if the game server registers it."""

    def __init__(self) -> None:
        self.town = Town()
        self.alice, self.bob, self.server = self.town.alice, self.town.bob, self.town.first
        self.coins = self.town.withdraw(self.alice, (8, 4))
        self.condition = Condition(
            judge=GAME.public_key,
            transaction=ITEM,
            payee_key=self.bob.wallet.one_time_key(Path(90, 0)).public_key,
            refund_key=self.alice.wallet.one_time_key(Path(91, 0)).public_key,
            until=LATER,
        )
        reference = condition.condition_digest(self.condition)
        wanted = Wanted("pend", 7, None, reference, LATER, None, self.condition)
        self.made = self.town.order(self.alice, wanted, coins=self.coins)

    def pend(self, spend: Any = None) -> Any:
        presented = circulation.read_spend(spend or condition.request_pend(self.made).spend)
        change, answer = condition.pend(presented, self.server.serving(), self.server.records)
        self.server.records.apply(change)
        return answer

    def altered(self, **changes: object) -> Any:
        keys = [self.alice.wallet.one_time_key(held.path) for held in self.coins]
        return altered_order(self.made, keys, **changes)

    def resolve(self, verdict: Signed[Verdict], request: bytes | None = None) -> Any:
        request = request or self.made.request
        change, answer = condition.resolve(
            Resolve(request, verdict),
            self.server.records.waiting.get(request),
            self.server.serving(),
            self.server.records,
        )
        self.server.records.apply(change)
        return answer


def verdict(outcome: Outcome, key: SigningKey = GAME, transaction: bytes = ITEM) -> Any:
    return sign_document(Verdict(key.public_key, transaction, outcome), key)


def test_a_pending_coin_is_nobody_s_and_its_receipt_tells_of_no_person() -> None:
    course = Course()
    before = course.town.value
    answer = course.pend()
    assert (course.server.records.value, course.town.value) == (12, before)
    assert sum(coin.amount for coin in course.server.records.coins.values()) == 5
    done, change = spending.settled(course.made, answer.change, course.alice.wallet, ALL_ON)
    assert [held.coin.amount for held in change] == [5]
    assert done.pending is not None
    receipt = checked(PendingCoin, done.pending)
    assert (receipt.amount, receipt.condition) == (7, course.condition)
    for person in (course.alice, course.bob):
        assert person.id not in done.pending.content


@pytest.mark.parametrize(
    ("outcome", "field"), [(Outcome.REGISTERED, "payee_key"), (Outcome.VOID, "refund_key")]
)
def test_the_judge_s_word_gives_the_coin_to_one_of_the_two(outcome: Outcome, field: str) -> None:
    course = Course()
    course.pend()
    key = getattr(course.condition, field)
    assert course.resolve(verdict(outcome)).key == key
    serial_ = course.server.records.serial_under(key)
    assert serial_ is not None
    assert course.server.records.coins[serial_].amount == 7
    assert course.server.records.value == 12


def test_anyone_may_repeat_the_word_and_it_gives_one_coin() -> None:
    course = Course()
    course.pend()
    first = course.resolve(verdict(Outcome.REGISTERED))
    coins = dict(course.server.records.coins)
    assert course.resolve(verdict(Outcome.REGISTERED)) == first
    assert course.resolve(verdict(Outcome.VOID)) == first
    assert course.server.records.coins == coins


def test_the_payee_finds_its_coin_by_its_key() -> None:
    course = Course()
    course.pend()
    course.resolve(verdict(Outcome.REGISTERED))
    wallet, path = course.bob.wallet, Path(90, 0)
    query = spending.ask_for_coin(wallet, path, course.server.id, NOW, bytes([9]) * 32)
    answer = spending.tell_coin(query, course.server.serving(), course.server.records)
    held = spending.found(answer, wallet, path, course.server.id)
    assert held is not None
    assert serial(held.coin) in course.server.records.coins


def test_only_the_named_judge_on_this_transaction_is_heard() -> None:
    course = Course()
    course.pend()
    good = verdict(Outcome.REGISTERED)
    for wrong, refusal in (
        (verdict(Outcome.VOID, STRANGER), WrongVerdict),
        (verdict(Outcome.VOID, GAME, bytes(32)), WrongVerdict),
        (replace(good, signatures=(bytes(64),)), WrongDocument),
        (replace(verdict(Outcome.VOID), signatures=good.signatures), WrongDocument),
    ):
        with pytest.raises(refusal):
            course.resolve(wrong)
    with pytest.raises(UnknownPending):
        course.resolve(good, bytes(32))
    assert course.server.records.waiting[course.made.request].released_to is None


def test_an_order_without_a_condition_or_with_another_one_is_refused() -> None:
    course = Course()
    other = replace(course.condition, payee_key=STRANGER.public_key)
    outputs = circulation.read_spend(course.made.spend).order.outputs
    for changes in (
        {"condition": None},
        {"condition": other},
        {"reference": None},
        {"amount": 0, "outputs": (replace(outputs[0], amount=12),)},
    ):
        with pytest.raises(PaymentNotAsOrdered):
            course.pend(course.altered(**changes))
    unsigned = replace(course.made.spend, signatures=())
    with pytest.raises(SpendNotSigned):
        course.pend(unsigned)
    assert not course.server.records.waiting
