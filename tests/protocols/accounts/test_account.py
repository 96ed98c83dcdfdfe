"""Accounts at the broker: opened once, debited, credited, frozen."""

import pytest

from nodes.protocols.accounts import account as rule
from nodes.protocols.accounts.account import Account
from nodes.protocols.accounts.messages import AccountOpened, AskBalance, Balance, OpenAccount
from nodes.protocols.accounts.refusals import AccountIsFrozen, BalanceTooSmall, NoSuchAccount
from nodes.protocols.message import answer_to, declarations

OWNER = bytes(range(32))


def test_an_account_opens_with_the_opening_balance() -> None:
    opened = rule.open_account(None, OWNER, 1000)
    assert opened == Account(OWNER, 1000, frozen=False, opened_with=1000)


def test_opening_it_again_gives_nothing_more() -> None:
    spent = rule.debit(rule.open_account(None, OWNER, 1000), 400)
    assert rule.open_account(spent, OWNER, 1000) == spent


def test_opening_with_nothing_is_opening_too() -> None:
    opened = rule.open_account(None, OWNER, 0)
    assert rule.open_account(opened, OWNER, 1000) == opened


def test_who_is_paid_before_it_opens_an_account_has_that_and_no_more() -> None:
    paid = rule.credit(rule.unopened(OWNER), 7)
    assert (paid.balance, paid.opened_with) == (7, None)
    opened = rule.open_account(paid, OWNER, 1000)
    assert (opened.balance, opened.opened_with) == (1007, 1000)
    assert rule.open_account(opened, OWNER, 1000) == opened


def test_who_is_frozen_before_it_opens_an_account_stays_frozen() -> None:
    opened = rule.open_account(rule.freeze(rule.unopened(OWNER)), OWNER, 1000)
    assert (opened.balance, opened.frozen) == (1000, True)


def test_debits_and_credits_add_up() -> None:
    account = rule.credit(rule.debit(Account(OWNER, 1000), 64), 3)
    assert account.balance == 939


def test_the_last_coin_can_be_taken_and_no_more() -> None:
    empty = rule.debit(Account(OWNER, 5), 5)
    assert empty.balance == 0
    with pytest.raises(BalanceTooSmall):
        rule.debit(empty, 1)


def test_nothing_leaves_a_frozen_account_and_it_still_takes_in() -> None:
    frozen = rule.freeze(Account(OWNER, 5))
    with pytest.raises(AccountIsFrozen):
        rule.debit(frozen, 1)
    assert rule.credit(frozen, 1) == Account(OWNER, 6, frozen=True)
    assert rule.freeze(frozen) == frozen


def test_a_party_without_account_is_told_so() -> None:
    with pytest.raises(NoSuchAccount):
        rule.require_account(None)
    assert rule.require_account(Account(OWNER, 1)).balance == 1


def test_the_messages_stand_in_step_order() -> None:
    assert [d.step for d in declarations("accounts")] == ["A1", "A2", "A3", "A4"]
    assert answer_to(OpenAccount).type is AccountOpened
    assert answer_to(AskBalance).type is Balance
