"""Trading items at a peer: it owns some, sells and buys.

    books.py    certificates, offerings, sales and purchases on disk
    owning.py   0, R1             certificates, and what the game has lost
    selling.py  1.1, 1.2, 2.x, 10 offering, proving, shipping, being paid
    buying.py   L1, 3 to 8        ordering, paying, registering
    endings.py  V1, V2            a trade that comes to nothing, on either side
    money.py                      e-cash under a condition

`install` adds it to a node that has an e-cash wallet.
"""

from nodes.items.keys import GameKeys
from nodes.peer.electronic_cash import Cash
from nodes.peer.item_trading.books import Books
from nodes.peer.item_trading.buying import Buying
from nodes.peer.item_trading.endings import Endings
from nodes.peer.item_trading.money import TradeCash
from nodes.peer.item_trading.owning import Owning
from nodes.peer.item_trading.selling import Selling
from nodes.runtime.service import Service


def install(service: Service, cash: Cash) -> "ItemTrade":
    return ItemTrade(service, cash)


class ItemTrade:
    def __init__(self, service: Service, cash: Cash) -> None:
        self.books = Books(service)
        self.money = TradeCash(service, cash)
        keys, money = GameKeys(service.party), self.money
        self.owning = Owning(service, self.books, keys)
        self.selling = Selling(service, self.books, keys, money)
        self.buying = Buying(service, self.books, keys, money)
        self.endings = Endings(service, self.books, self.selling, self.buying)
        service.at_start(self._resume)

    async def _resume(self) -> None:
        """Every trade goes on from its record."""
        await self.selling.resume()
        await self.buying.resume()
