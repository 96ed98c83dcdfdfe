"""E-cash: the bank's accounts and books, coins in circulation, wallets, what waits for a word."""

import msgspec

from nodes.protocols.electronic_cash.coin import serial, serial_of
from nodes.protocols.electronic_cash.holding import CoinPhase, HeldCoin
from nodes.protocols.electronic_cash.state import (
    Account,
    BankDeposit,
    Circulating,
    DepositPhase,
    Entry,
    Outstanding,
    WaitingCoin,
    Withdrawal,
    WithdrawalPhase,
)
from tests.lab.damages.damage import Damage, Ids, but, copied, gone, plus

BANK, HOME = "bank-account-server", "coin-server-1"
CONSERVED = "e-cash conserved"
BOOKS = "the bank's books say what circulates"
JOURNALS = "coin servers keep no spent coins"
WALLETS = "e-cash in wallets circulates"
TWICE = "no e-cash coin twice"
ACCOUNT = "each account at the bank is what was moved"
ENDED = "every transaction reached its end"
WAITS = "money waits for running trades only"


def of_coin(row: HeldCoin) -> str:
    return f"coin {serial(row.coin).hex()[:8]} of {row.coin.amount}"


def name_of(row: Circulating) -> str:
    return serial_of(row.key, row.entropy).hex()[:8]


def of_peer_one(row: Account, ids: Ids) -> bool:
    return row.owner == ids["peer-01"]


def is_held(row: HeldCoin, ids: Ids) -> bool:
    return row.state is CoinPhase.HELD


def is_spent(row: HeldCoin, ids: Ids) -> bool:
    return row.state is CoinPhase.SPENT


def dearer(row: HeldCoin, ids: Ids) -> HeldCoin:
    coin = msgspec.structs.replace(row.coin, amount=row.coin.amount + 1)
    return msgspec.structs.replace(row, coin=coin)


def as_an_answer(row: WaitingCoin, ids: Ids) -> Entry:
    """A line of the journal, which is empty."""
    return Entry(b"answer", b"", None, None, None, ("holder",), 2**52)


DAMAGES = (
    Damage(
        "an account with one more",
        BANK,
        "cash_accounts",
        Account,
        ACCOUNT,
        lambda row, ids: (
            f"peer-01 has {row.balance + 1}, but what was moved makes {row.balance}",
        ),
        but(balance=plus(1)),
        of_peer_one,
    ),
    Damage(
        "an account opened with more",
        BANK,
        "cash_accounts",
        Account,
        CONSERVED,
        lambda row, ids: ("but 3001 was opened",),
        but(opened_with=plus(1)),
        of_peer_one,
    ),
    Damage(
        "a withdrawal of less",
        BANK,
        "cash_withdrawals",
        Withdrawal,
        ACCOUNT,
        lambda row, ids: ("peer-01 has 960, but what was moved makes 961",),
        but(amount=plus(-1)),
        lambda row, ids: row.account == ids["peer-01"],
    ),
    Damage(
        "a withdrawal that is not signed for",
        BANK,
        "cash_withdrawals",
        Withdrawal,
        ENDED,
        lambda row, ids: (f"{BANK}: electronic_cash {row.transaction.hex()[:8]} of 40 is held",),
        but(state=WithdrawalPhase.HELD),
        lambda row, ids: row.account == ids["peer-01"],
    ),
    Damage(
        "a withdrawal forgotten",
        BANK,
        "cash_withdrawals",
        Withdrawal,
        ACCOUNT,
        lambda row, ids: ("peer-05 has 994, but what was moved makes 1000",),
        gone,
        lambda row, ids: row.account == ids["peer-05"],
    ),
    Damage(
        "a deposit that was refused",
        BANK,
        "cash_deposits",
        BankDeposit,
        ACCOUNT,
        lambda row, ids: ("peer-02 has 1003, but what was moved makes 1000",),
        but(state=DepositPhase.REFUSED),
    ),
    Damage(
        "a deposit for somebody else",
        BANK,
        "cash_deposits",
        BankDeposit,
        ACCOUNT,
        lambda row, ids: (
            "peer-02 has 1003, but what was moved makes 1000",
            "peer-01 has 960, but what was moved makes 963",
        ),
        lambda row, ids: but(account=ids["peer-01"])(row, ids),
    ),
    Damage(
        "more outstanding at a coin server",
        BANK,
        "outstanding",
        Outstanding,
        BOOKS,
        lambda row, ids: ("coin-server-1 says", f"the bank says {row.amount + 2}"),
        but(amount=plus(2)),
        lambda row, ids: row.number > 0,
    ),
    Damage(
        "a coin in circulation with one more",
        HOME,
        "circulating",
        Circulating,
        WALLETS,
        lambda row, ids: (f"coin {name_of(row)} of {row.amount} is one of {row.amount + 1}",),
        but(amount=plus(1)),
    ),
    Damage(
        "a coin that circulates no more",
        HOME,
        "circulating",
        Circulating,
        WALLETS,
        lambda row, ids: (f"counts coin {name_of(row)} of {row.amount}, which does not circulate",),
        gone,
    ),
    Damage(
        "a coin that circulates at two coin servers",
        HOME,
        "circulating",
        Circulating,
        TWICE,
        lambda row, ids: (f"coin {name_of(row)} of {row.amount} circulates 2 times",),
        copied,
        into="coin-server-2",
    ),
    Damage(
        "a coin with one more in its wallet",
        "peer-02",
        "cash_coins",
        HeldCoin,
        WALLETS,
        lambda row, ids: (
            f"peer-02's coin {serial(row.coin).hex()[:8]} of {row.coin.amount + 1} "
            f"is one of {row.coin.amount}",
        ),
        dearer,
        is_held,
    ),
    Damage(
        "a coin that its holder believes spent",
        "peer-03",
        "cash_coins",
        HeldCoin,
        WALLETS,
        lambda row, ids: (f"{of_coin(row)} at coin-server-", "is in no wallet"),
        but(state=CoinPhase.SPENT),
        is_held,
    ),
    Damage(
        "a spent coin that counts again",
        "peer-01",
        "cash_coins",
        HeldCoin,
        WALLETS,
        lambda row, ids: (f"peer-01 counts {of_coin(row)}, which does not circulate",),
        but(state=CoinPhase.HELD),
        is_spent,
    ),
    Damage(
        "a coin in two wallets",
        "peer-01",
        "cash_coins",
        HeldCoin,
        TWICE,
        lambda row, ids: (f"{of_coin(row)} is counted by peer-01 and peer-02",),
        copied,
        is_held,
        into="peer-02",
    ),
    Damage(
        "money that waits again",
        HOME,
        "pending_coins",
        WaitingCoin,
        WAITS,
        lambda row, ids: (f"{row.amount} wait at coin-server-1 for trade", "of 4: registered"),
        but(released_to=None),
    ),
    Damage(
        "an answer that is kept",
        HOME,
        "pending_coins",
        WaitingCoin,
        JOURNALS,
        lambda row, ids: ("coin-server-1 keeps 1 answer",),
        as_an_answer,
        as_one_of="journal",
    ),
)
