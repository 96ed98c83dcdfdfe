"""The record of an account and what may happen to it. Amounts are whole minor units."""

import msgspec

from nodes.protocols.accounts.refusals import AccountIsFrozen, BalanceTooSmall, NoSuchAccount
from nodes.protocols.message import Amount, PartyId


class Account(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    owner: PartyId
    balance: Amount
    frozen: bool = False


def open_account(existing: Account | None, owner: PartyId, opening_balance: Amount) -> Account:
    """A1: a new account, or the one there is, as it stands."""
    return existing or Account(owner, opening_balance)


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
