"""What a bank, a coin server and a wallet say of their e-cash: rows of their ledgers. Ids are hex.

The auditor reads them as parts of a `Ledger` (scenarios.lab.books).
"""

import msgspec


class CashAccount(msgspec.Struct, frozen=True):
    """At the bank."""

    owner: str
    balance: int
    opened_with: int


class CashHeld(msgspec.Struct, frozen=True):
    """Has left an account for a withdrawal, and is not signed for yet."""

    withdrawal: str
    owner: str
    coin_server: str
    amount: int


class CashWithdrawal(msgspec.Struct, frozen=True):
    """At the bank, whatever became of it."""

    withdrawal: str
    owner: str
    coin_server: str
    amount: int
    state: str


class CashDeposit(msgspec.Struct, frozen=True):
    """At the bank, whatever became of it."""

    deposit: str
    owner: str
    coin_server: str
    amount: int
    state: str


class CashOutstanding(msgspec.Struct, frozen=True):
    """What a coin server's coins are worth by the bank's books."""

    coin_server: str
    amount: int
    redeeming: int = 0
    """Of that: brought to the bank, and not credited yet."""
    lost: bool = False


class CashCoin(msgspec.Struct, frozen=True):
    """In circulation, at its coin server."""

    serial: str
    amount: int


class CashPending(msgspec.Struct, frozen=True):
    """Waits for a judge's word, at its coin server."""

    request: str
    amount: int
    transaction: str = ""
    """What the word is to be about."""


class CashDebt(msgspec.Struct, frozen=True):
    """Between two coin servers, not cleared yet, as the creditor shows it."""

    debtor: str
    creditor: str
    amount: int


class WalletCoin(msgspec.Struct, frozen=True):
    """As its holder knows it."""

    serial: str
    coin_server: str
    amount: int
    state: str
