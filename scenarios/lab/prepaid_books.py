"""What a broker and a customer say of money under pseudonyms: rows of their ledgers. Ids are hex.

The auditor reads them as parts of a `Ledger` (scenarios.lab.books).
"""

import msgspec


class Pseudonym(msgspec.Struct, frozen=True):
    """What a broker holds under one pseudonym, and the order numbers that are used."""

    pseudonym: str
    balance: int
    highest: int = 0
    used: tuple[int, ...] = ()
    """As far back as the broker remembers them one by one."""


class PaidIn(msgspec.Struct, frozen=True):
    """A deposit that was credited, or a refund that was paid out."""

    pseudonym: str
    amount: int


class Order(msgspec.Struct, frozen=True):
    """What a broker decided about one number, for good."""

    pseudonym: str
    number: int
    state: str
    amount: int = 0
    account: str = ""
    """Whom it credited."""
    handed_to: str = ""
    order: str = ""
    """Digest of the order; empty for a number that was voided before its order came."""


class Vouchers(msgspec.Struct, frozen=True):
    """What a broker's vouchers in other hands are worth."""

    issued: int = 0
    taken: int = 0
    outstanding: int = 0


class VoucherAccount(msgspec.Struct, frozen=True):
    """What one account was debited for vouchers, and credited for them."""

    owner: str
    issued: int = 0
    taken: int = 0


class Wallet(msgspec.Struct, frozen=True):
    """A pseudonym as its customer knows it."""

    pseudonym: str
    balance: int
    next_number: int
