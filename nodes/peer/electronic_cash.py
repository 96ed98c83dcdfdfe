"""A peer's side of the e-cash: its wallet as a user, its till as a merchant.

cash_withdrawing.py  W1-W6       money becomes coins
cash_spending.py     X, P, D     coins for coins, for somebody, for the account
cash_recovering.py   W5, Q1      all coins again from the seed alone
"""

from nodes.cash_wallet.keys import PublishedKeys
from nodes.cash_wallet.purse import Purse
from nodes.cash_wallet.taking import Till
from nodes.peer.cash_recovering import Recovery
from nodes.peer.cash_spending import Spender
from nodes.peer.cash_withdrawing import Withdrawer
from nodes.runtime.service import Service


def install(service: Service) -> "Cash":
    return Cash(service)


class Cash:
    """What other protocols of this peer may pay with."""

    def __init__(self, service: Service) -> None:
        self.keys = PublishedKeys(service.party)
        self.purse = Purse(service)
        self.till = Till(service, self.purse)
        self.withdrawer = Withdrawer(service, self.purse, self.keys)
        self.spender = Spender(service, self.purse, self.till)
        Recovery(service, self.purse, self.keys, self.withdrawer)
