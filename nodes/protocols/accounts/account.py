"""The record of an account and what may happen to it. Amounts are whole minor units."""

import msgspec

from nodes.protocols.accounts.refusals import AccountIsFrozen, BalanceTooSmall, NoSuchAccount
from nodes.protocols.message import Amount, PartyId


class Account(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    owner: PartyId
    balance: Amount
    frozen: bool = False
    opened_with: Amount | None = None
    """What A1 gave it; None for one that only took in or was frozen so far."""


def unopened(owner: PartyId) -> Account:
    """Of a party that never asked for one, and is paid or frozen all the same."""
    return Account(owner, 0)


def open_account(existing: Account | None, owner: PartyId, opening_balance: Amount) -> Account:
    """A1: the opening balance once, whatever was paid in before; else the account as it stands."""
    account = existing or unopened(owner)
    if account.opened_with is not None:
        return account
    opened = credit(account, opening_balance)
    return msgspec.structs.replace(opened, opened_with=opening_balance)


def require_account(account: Account | None) -> Account:
    """Raises NoSuchAccount."""
    if account is None:
        raise NoSuchAccount()
    return account


def debit(account: Account, amount: Amount) -> Account:
    """Take out. Raises AccountIsFrozen or BalanceTooSmall."""
    if account.frozen:
        raise AccountIsFrozen()
    if account.balance < amount:
        raise BalanceTooSmall(f"{account.balance} there, {amount} wanted")
    return msgspec.structs.replace(account, balance=account.balance - amount)


def credit(account: Account, amount: Amount) -> Account:
    """Put in; a frozen account takes it too."""
    return msgspec.structs.replace(account, balance=account.balance + amount)


def freeze(account: Account) -> Account:
    return msgspec.structs.replace(account, frozen=True)
