"""Steps D1-D4, section 4.5: coins become money in an account, once."""

import hashlib
from typing import Any

import msgspec
import pytest

from crypto import codec
from crypto.documents import sign_document
from crypto.sealing import seal
from crypto.signing import SigningKey
from nodes.protocols.electronic_cash import circulation, deposit
from nodes.protocols.electronic_cash.coin import serial
from nodes.protocols.electronic_cash.documents import DepositReceipt, Redemption
from nodes.protocols.electronic_cash.guards import deposit_id
from nodes.protocols.electronic_cash.holding import SpendingPhase
from nodes.protocols.electronic_cash.messages import Redeem, Redeemed
from nodes.protocols.electronic_cash.reading import opened
from nodes.protocols.electronic_cash.refusals import (
    BeyondOutstanding,
    CoinNotCirculating,
    DepositOfAnother,
    MoveNotAllowed,
    NotYours,
    PayeeIsNotYou,
    PaymentNotAsOrdered,
    ReceiptNotSigned,
    WrongDocument,
    WrongKind,
)
from nodes.protocols.electronic_cash.spending import Wanted
from nodes.protocols.electronic_cash.state import DEPOSIT_MOVES, DepositPhase, Outstanding
from nodes.protocols.errors import Refused
from nodes.protocols.guard import ALL_ON, Guards
from tests.protocols.electronic_cash.town import LATER, TRANSACTION, Town, encoded

replace = msgspec.structs.replace
NONCE = hashlib.sha256(b"deposit").digest()
NAME = deposit_id(Town().bank, Town().alice.id, NONCE)
STRANGER = SigningKey(bytes([3]) * 32)


class Course:
    """Alice has 8 and 4 and deposits 7."""

    def __init__(self, guards: Guards = ALL_ON, kind: Any = "deposit") -> None:
        self.town = Town(guards)
        self.alice, self.server = self.town.alice, self.town.first
        self.coins = self.town.withdraw(self.alice, (8, 4))
        wanted = Wanted(kind, 7, self.town.bank, NAME, LATER, opening=NONCE)
        self.made = self.town.order(self.alice, wanted, coins=self.coins)
        self.record, held, self.message = deposit.accept_deposit(
            deposit.request_deposit(self.made),
            self.alice.id,
            self.town.outstanding[self.server.id],
            bank=self.town.bank,
            guards=guards,
            transaction=TRANSACTION,
        )
        self.town.outstanding[self.server.id] = held

    def redeem(self, message: Redeem | None = None, sender: bytes | None = None) -> Redeemed:
        message, serving = message or self.message, self.server.serving(self.town.guards)
        change, answer = deposit.redeem(
            message,
            sender or self.town.bank,
            circulation.open_parcel(message.parcel, serving),
            serving,
            self.server.records,
        )
        self.server.records.apply(change)
        return answer

    def deposited(self, message: Any, sender: bytes | None = None) -> Any:
        return deposit.deposited(
            self.made,
            message,
            sender or self.town.bank,
            self.alice.id,
            self.alice.wallet,
            self.town.guards,
        )


def refuses(
    course: Course,
    refusal: type[Refused],
    message: Redeem | None = None,
    sender: bytes | None = None,
) -> None:
    before = dict(course.server.records.coins)
    with pytest.raises(refusal):
        course.redeem(message, sender)
    assert course.server.records.coins == before


def accept(
    course: Course,
    outstanding: Outstanding,
    guards: Guards = ALL_ON,
    account: bytes | None = None,
    **changes: object,
) -> Any:
    """Step D1 once more, altered."""
    return deposit.accept_deposit(
        replace(deposit.request_deposit(course.made), **changes),
        account or course.alice.id,
        outstanding,
        bank=course.town.bank,
        guards=guards,
        transaction=TRANSACTION,
    )


# the honest course


def test_the_account_is_credited_and_the_coins_are_gone() -> None:
    course = Course()
    message = course.town.credit(course.record, course.redeem(), course.server)
    done, change = course.deposited(message)
    assert done.state is SpendingPhase.SETTLED
    assert [held.coin.amount for held in change] == [5]
    assert course.town.accounts[course.alice.id].balance == 95
    assert course.town.outstanding[course.server.id] == Outstanding(5, 0, 1)
    assert course.server.records.value == 5


def test_the_bank_sees_no_serial_at_a_deposit_either() -> None:
    course = Course()
    answer = course.redeem()
    view = encoded((deposit.request_deposit(course.made), course.message, answer))
    for held in course.coins:
        for secret in (serial(held.coin), held.coin.key, held.coin.entropy, held.coin.signature):
            assert secret not in view


# what the coin server refuses


def test_only_the_bank_takes_coins_out_of_circulation() -> None:
    """BS-A7: as printed D2 is signed by nobody."""
    course = Course()
    refuses(course, NotYours, sender=STRANGER.public_key)
    refuses(course, NotYours, sender=course.alice.id)


@pytest.mark.parametrize("changes", [{"amount": 12}, {"amount": 6}, {"deposit": bytes(32)}])
def test_the_bank_deposits_what_the_holder_signed(changes: dict[str, object]) -> None:
    course = Course()
    refuses(course, PaymentNotAsOrdered, replace(course.message, **changes))


def test_coins_paid_to_a_merchant_are_not_deposited_by_the_bank() -> None:
    course = Course(kind="pay")
    refuses(course, WrongKind)


def test_an_order_that_names_another_payee_is_refused() -> None:
    course = Course()
    wanted = Wanted("deposit", 7, course.alice.id, NAME, LATER)
    held = [course.alice.coins[serial(h.coin)] for h in course.coins]
    made = course.town.order(course.alice, wanted, coins=held)
    refuses(course, PayeeIsNotYou, Redeem(NAME, 7, made.parcel))


def test_a_coin_is_redeemed_once() -> None:
    """BS-A6."""
    course = Course()
    held = [course.alice.coins[serial(h.coin)] for h in course.coins]
    other = course.town.order(
        course.alice, Wanted("deposit", 12, course.town.bank, bytes(32), LATER), coins=held
    )
    course.redeem()
    refuses(course, CoinNotCirculating, Redeem(bytes(32), 12, other.parcel))


# what the bank refuses


def test_no_more_comes_back_from_a_coin_server_than_was_paid_out_through_it() -> None:
    """BS-A9: a coin server that issues too much is found out."""
    course = Course()
    for outstanding in (Outstanding(6), Outstanding(12, 6), Outstanding()):
        with pytest.raises(BeyondOutstanding):
            accept(course, outstanding)


def test_without_the_guard_an_over_issue_is_paid_out() -> None:
    """BS-A9, as printed: the shortfall is the bank's."""
    course = Course()
    without = Guards.without(["outstanding-covers-it"])
    _, held, _ = accept(course, Outstanding(), without)
    course.town.outstanding[course.server.id] = held
    course.town.credit(course.record, course.redeem(), course.server)
    short = course.town.outstanding[course.server.id]
    assert short.amount == -7
    assert codec.decode(codec.encode(short), Outstanding) == short, "it can be kept and shown"


def test_coins_are_credited_to_the_account_their_holder_signed_for() -> None:
    """BS-A10: whoever gets hold of a deposit's parcel, the bank included."""
    course = Course()
    plenty = Outstanding(100)
    assert accept(course, plenty)[0].account == course.alice.id
    with pytest.raises(DepositOfAnother):
        accept(course, plenty, account=course.town.bob.id)
    with pytest.raises(DepositOfAnother):
        accept(course, plenty, nonce=None)
    with pytest.raises(DepositOfAnother):
        accept(course, plenty, deposit=deposit_id(course.town.bank, course.town.bob.id, NONCE))
    without = Guards.without(["deposit-names-its-account"])
    assert accept(course, plenty, without, course.town.bob.id)[0].account == course.town.bob.id


@pytest.mark.parametrize("field", ["coin_server", "bank", "deposit", "amount"])
def test_a_redemption_of_something_else_credits_nothing(field: str) -> None:
    course = Course()
    answer = course.redeem()
    other: dict[str, object] = {
        "coin_server": course.town.second.id,
        "bank": STRANGER.public_key,
        "deposit": bytes(32),
        "amount": 8,
    }
    said = replace(opened(Redemption, answer.receipt), **{field: other[field]})
    key = course.town.second.key if field == "coin_server" else course.server.key
    with pytest.raises(ReceiptNotSigned):
        course.town.credit(
            course.record, replace(answer, receipt=sign_document(said, key)), course.server
        )
    unsigned = replace(answer.receipt, signatures=(bytes(64),))
    with pytest.raises(WrongDocument):
        course.town.credit(course.record, replace(answer, receipt=unsigned), course.server)
    assert course.town.accounts[course.alice.id].balance == 88


def test_a_deposit_is_credited_once() -> None:
    course = Course()
    answer = course.redeem()
    course.town.credit(course.record, answer, course.server)
    with pytest.raises(MoveNotAllowed):
        course.town.credit(course.town.deposits[NAME], answer, course.server)
    assert course.town.accounts[course.alice.id].balance == 95


def test_a_refused_deposit_frees_what_was_being_redeemed_and_hands_on_the_proof() -> None:
    course = Course()
    error = CoinNotCirculating(evidence=b"sealed")
    done, freed, message = deposit.refuse(
        course.record, course.town.outstanding[course.server.id], error
    )
    assert (done.state, freed.redeeming, freed.amount) == (DepositPhase.REFUSED, 0, 12)
    assert (message.refusal, message.evidence) == (CoinNotCirculating.code, b"sealed")


# what the holder checks


def test_a_credit_without_the_bank_s_receipt_is_none() -> None:
    """BS-A10."""
    course = Course()
    message = course.town.credit(course.record, course.redeem(), course.server)
    assert message.receipt is not None
    said = opened(DepositReceipt, message.receipt)
    wrong = [
        sign_document(replace(said, **changes), key)
        for changes, key in (
            ({"account": STRANGER.public_key}, course.town.bank_key),
            ({"deposit": bytes(32)}, course.town.bank_key),
            ({"amount": 6}, course.town.bank_key),
            ({"bank": STRANGER.public_key}, STRANGER),
        )
    ]
    wrong.append(replace(message.receipt, signatures=(bytes(64),)))
    for receipt in wrong:
        with pytest.raises(ReceiptNotSigned):
            course.deposited(replace(message, receipt=receipt))
    for nothing in (replace(message, receipt=None), replace(message, change=None)):
        with pytest.raises(ReceiptNotSigned):
            course.deposited(nothing)
    with pytest.raises(NotYours):
        course.deposited(message, STRANGER.public_key)


def test_without_the_guard_the_bank_s_word_is_enough() -> None:
    """BS-A10, as printed: Ebm(result)."""
    course = Course(Guards.without(["deposit-is-receipted"]))
    message = course.town.credit(course.record, course.redeem(), course.server)
    assert message.receipt is not None
    less = sign_document(
        replace(opened(DepositReceipt, message.receipt), amount=1), course.town.bank_key
    )
    done, _ = course.deposited(replace(message, receipt=less))
    assert done.state is SpendingPhase.SETTLED


def test_a_refusal_with_proof_ends_the_order_and_one_without_is_a_dispute() -> None:
    """BS-A15."""
    course = Course()
    _, _, message = deposit.refuse(
        course.record, course.town.outstanding[course.server.id], CoinNotCirculating()
    )
    done, coins = course.deposited(message)
    assert (done.state, coins) == (SpendingPhase.DISPUTED, ())
    evidence = seal(
        course.alice.wallet.reply_key(course.made.index).public_key,
        encoded(course.made.spend),
        circulation._evidence_context(course.made.request),
    )
    done, _ = course.deposited(replace(message, evidence=evidence))
    assert done.state is SpendingPhase.REFUSED


@pytest.mark.parametrize("start", list(DepositPhase))
@pytest.mark.parametrize("end", list(DepositPhase))
def test_a_deposit_makes_only_the_moves_of_its_table(
    start: DepositPhase, end: DepositPhase
) -> None:
    record = replace(Course().record, state=start)
    if end in DEPOSIT_MOVES[start]:
        assert record.moved(end).state is end
    else:
        with pytest.raises(MoveNotAllowed):
            record.moved(end)
