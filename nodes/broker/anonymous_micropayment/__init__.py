"""The broker's side of the anonymous micropayment.

    books.py        what it keeps: pseudonyms, numbers, vendors
    vouchers.py     V1-V6   money that does not say whose it was
    deposits.py     3, 4    prepayment, by whatever instruments are installed
    cash.py         3       e-cash as such an instrument
    customers.py    Q1, Q2, R1   what a customer asks about its own
    vendors.py      S1, 6, 7, E1 names, and the commit point
    testifying.py           a word for a judge
    tracing.py      K1, T0, T1   the key shared with the authority, complaints, names

`install` adds it to a node that has accounts.
"""

from collections.abc import Iterable

from nodes.broker.accounts import Accounts
from nodes.broker.anonymous_micropayment.books import Books
from nodes.broker.anonymous_micropayment.customers import Customers
from nodes.broker.anonymous_micropayment.deposits import Deposits, Instrument
from nodes.broker.anonymous_micropayment.testifying import Testifying
from nodes.broker.anonymous_micropayment.tracing import Tracing
from nodes.broker.anonymous_micropayment.vendors import Vendors
from nodes.broker.anonymous_micropayment.vouchers import Vouchers
from nodes.runtime.service import Service


def install(service: Service, accounts: Accounts, instruments: Iterable[Instrument] = ()) -> None:
    """`instruments`: further ways to pay in, beside vouchers."""
    books = Books(service)
    vouchers = Vouchers(service, accounts)
    Tracing(service, books)
    Deposits(service, books, (vouchers, *instruments))
    Customers(service, books, vouchers)
    Vendors(service, books, accounts)
    Testifying(service, books)
