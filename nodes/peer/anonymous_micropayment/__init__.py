"""The anonymous micropayment at a peer: customer and vendor.

naming.py     1, 2        a pseudonym
vouchers.py   V1-V6, R1   vouchers: bought, given back for unspent money, cashed
prepaying.py  3, 4        money under a pseudonym
cash_funds.py 3           paid in with e-cash
buying.py     G1, 5, 8, Q1, Q2   an order, brought to its end
selling.py    S1, G2, 5-8        a stall, its goods, and orders for them
after_sale.py E1, T0      money given back; complaints
books.py                  the records, and what is shown of them
"""

from nodes.peer.anonymous_micropayment.after_sale import AfterSale
from nodes.peer.anonymous_micropayment.books import Books
from nodes.peer.anonymous_micropayment.buying import Buyer
from nodes.peer.anonymous_micropayment.cash_funds import CashFunds
from nodes.peer.anonymous_micropayment.naming import Naming
from nodes.peer.anonymous_micropayment.prepaying import Prepayer
from nodes.peer.anonymous_micropayment.selling import Seller
from nodes.peer.anonymous_micropayment.vouchers import Purse
from nodes.peer.electronic_cash import Cash
from nodes.runtime.service import Service


def install(service: Service, cash: Cash | None = None) -> None:
    """`cash`: this peer's e-cash, where it has any to deposit."""
    books = Books(service)
    purse = Purse(service, books)
    Naming(service, books)
    Prepayer(service, books, purse, CashFunds(service, cash) if cash else None)
    Buyer(service, books)
    Seller(service, books)
    AfterSale(service, books)
    service.shows(books)
