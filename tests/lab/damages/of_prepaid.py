"""Money under pseudonyms: balances, order numbers, orders, deposits, vouchers."""

import msgspec

from nodes.broker.anonymous_micropayment.cash import _Taken
from nodes.broker.anonymous_micropayment.vouchers import _Outstanding
from nodes.peer.anonymous_micropayment.books import HeldVoucher
from nodes.protocols.anonymous_micropayment.state import (
    Deposited,
    Prepaid,
    Purchase,
    PurchaseState,
    Sale,
    SaleState,
    Settled,
    Wallet,
)
from nodes.protocols.anonymous_micropayment.values import Standing
from tests.lab.damages.damage import Damage, Ids, but, gone, plus

MOVED = "each pseudonym is what was moved"
KNOWN = "customers and broker agree on each pseudonym"
ORDERS = "all agree on each order"
ACCOUNT = "each account is what was moved"
VOUCHERS = "vouchers are paid for, and in wallets"
BACKED = "e-cash credited under pseudonyms is there"
VALUE = "value conserved"


def named(row: Prepaid | Wallet | Settled | Deposited) -> str:
    return f"pseudonym {row.pseudonym.hex()[:8]}"


def order(row: Sale | Purchase) -> str:
    return f"order {row.transaction.hex()[:8]} of 4"


def without_a_number(row: Prepaid, ids: Ids) -> Prepaid:
    window = msgspec.structs.replace(row.window, used=row.window.used[:-1])
    return msgspec.structs.replace(row, window=window)


def ahead(row: Prepaid, ids: Ids) -> Prepaid:
    window = msgspec.structs.replace(row.window, highest=row.window.highest + 7)
    return msgspec.structs.replace(row, window=window)


def dearer(row: Settled, ids: Ids) -> Settled:
    assert row.order is not None, "it was paid"
    return msgspec.structs.replace(row, order=msgspec.structs.replace(row.order, amount=5))


DAMAGES = (
    Damage(
        "a pseudonym with one more",
        "broker",
        "pid_prepaid",
        Prepaid,
        MOVED,
        lambda row, ids: (f"{named(row)} has 13, but what was moved makes 12",),
        but(balance=plus(1)),
    ),
    Damage(
        "a number that could serve again",
        "broker",
        "pid_prepaid",
        Prepaid,
        MOVED,
        lambda row, ids: (f"{named(row)}: number 2 of 4 could serve again",),
        without_a_number,
    ),
    Damage(
        "numbers that were never used",
        "broker",
        "pid_prepaid",
        Prepaid,
        MOVED,
        lambda row, ids: (f"{named(row)}: 9 is no number of its newest order",),
        ahead,
    ),
    Damage(
        "a paid order that was rejected",
        "broker",
        "pid_settled",
        Settled,
        ORDERS,
        lambda row, ids: ("of 4 is paid to peer-02, and rejected at the broker",),
        but(state=Standing.REJECTED),
    ),
    Damage(
        "an order of more",
        "broker",
        "pid_settled",
        Settled,
        ORDERS,
        lambda row, ids: ("of 4 is paid to peer-02, and nothing at the broker",),
        dearer,
    ),
    Damage(
        "an order paid to somebody else",
        "broker",
        "pid_settled",
        Settled,
        ACCOUNT,
        lambda row, ids: ("peer-02 has", "peer-03 has 1000, but what was moved makes 1004"),
        lambda row, ids: but(account=ids["peer-03"])(row, ids),
    ),
    Damage(
        "an order forgotten",
        "broker",
        "pid_settled",
        Settled,
        MOVED,
        lambda row, ids: (f"{named(row)} has 12, but what was moved makes 16",),
        gone,
    ),
    Damage(
        "a deposit of more",
        "broker",
        "pid_deposited",
        Deposited,
        MOVED,
        lambda row, ids: (f"{named(row)} has 12, but what was moved makes 13",),
        but(amount=plus(1)),
    ),
    Damage(
        "a deposit forgotten",
        "broker",
        "pid_deposited",
        Deposited,
        VOUCHERS,
        lambda row, ids: ("vouchers of 14 were taken, and 0 credited",),
        gone,
        lambda row, ids: row.amount == 14,
    ),
    Damage(
        "more vouchers issued",
        "broker",
        "pid_vouchers_outstanding",
        _Outstanding,
        VOUCHERS,
        lambda row, ids: (f"vouchers of {row.issued + 3} were issued, and {row.issued} paid for",),
        but(issued=plus(3)),
    ),
    Damage(
        "more vouchers taken",
        "broker",
        "pid_vouchers_outstanding",
        _Outstanding,
        VALUE,
        lambda row, ids: ("but 5006 was opened",),
        but(taken=plus(3)),
    ),
    Damage(
        "vouchers that one account paid less for",
        "broker",
        "pid_vouchers_of_account",
        _Outstanding,
        ACCOUNT,
        lambda row, ids: (
            f"peer-05 has {1000 - row.issued}, but what was moved makes {1001 - row.issued}",
        ),
        but(issued=plus(-1)),
    ),
    Damage(
        "e-cash taken for more than there is",
        "broker",
        "pid_cash_taken",
        _Taken,
        BACKED,
        lambda row, ids: ("broker credited 7 and has 6",),
        but(amount=plus(1)),
    ),
    Damage(
        "a customer that believes to have more",
        "peer-05",
        "pid_wallets",
        Wallet,
        KNOWN,
        lambda row, ids: (f"peer-05 has {named(row)} with 13 left, the broker 12",),
        but(balance=plus(1)),
    ),
    Damage(
        "a customer that would use a number twice",
        "peer-05",
        "pid_wallets",
        Wallet,
        KNOWN,
        lambda row, ids: (f"peer-05 has {named(row)} with number 1 next, the broker 2 as used",),
        but(next_number=1),
    ),
    Damage(
        "a customer without its voucher",
        "peer-05",
        "pid_vouchers",
        HeldVoucher,
        VOUCHERS,
        lambda row, ids: (f"vouchers of {row.voucher.amount} are out, customers have 0",),
        gone,
    ),
    Damage(
        "a customer that believes its order rejected",
        "peer-05",
        "pid_purchases",
        Purchase,
        ORDERS,
        lambda row, ids: (f"{order(row)} is rejected to peer-05, and accepted at the broker",),
        but(state=PurchaseState.REJECTED),
    ),
    Damage(
        "a vendor that believes it was not paid",
        "peer-02",
        "pid_sales",
        Sale,
        ORDERS,
        lambda row, ids: (f"{order(row)} is rejected to peer-02, and accepted at the broker",),
        but(state=SaleState.REJECTED),
    ),
)
