"""A buyer of items that reads the goods and registers nothing.

It pays, takes in the certificate, and waits: the time runs out, the trade is void, the money comes
back, and it still knows what it has read.
"""

from typing import Any

from nodes.peer.item_trading.buying import Buying
from nodes.protocols.envelope import Opened
from nodes.protocols.item_trading.documents import SESSION_KEY_BYTES, Goods
from nodes.protocols.item_trading.payment import PaidIn
from nodes.protocols.item_trading.settlement import paid_in, start_paying
from nodes.protocols.message import Received
from nodes.runtime.party import Answer
from scenarios.adversaries.outsider import Mallory
from scenarios.lab.node_client import Node


class Hoarder(Buying):
    async def _take(self, received: Opened[Any], rule: Any) -> Answer:
        """As an honest buyer, but step 7 is left out."""
        party = self._party
        async with party.store.transaction() as tx:
            after = rule(self._books.purchase(tx, received.transaction))
            after = after[0] if isinstance(after, tuple) else after
            self._books.purchases.put(tx, after.trade, after)
            answer = party.answer(tx, received, Received())
        self.look_at(after)
        return answer


def hoards(mallory: Mallory) -> None:
    """From now on it registers nothing by itself."""
    mallory.items.buying.__class__ = Hoarder


async def goods_of(mallory: Mallory, owner: Node, trade: str) -> Goods:
    """Pay for what is ordered, and read it."""
    await owner.control("item_pay", transaction=trade)
    await owner.until(trade, "goods-held")
    books = mallory.items.books
    goods = books.purchase(books.reader, bytes.fromhex(trade)).goods
    assert goods is not None
    return goods


async def pay_in(mallory: Mallory, trade: str) -> PaidIn:
    """The price waits at the coin server, and nobody is told yet."""
    items, name = mallory.items, bytes.fromhex(trade)
    purchase = items.books.purchase(items.books.reader, name)
    assert purchase.payee_key is not None, "the deal comes with it"
    await items.money.sign(name, purchase.deal, purchase.payee_key)
    paid = await items.money.pay_in(name)
    key, now = mallory.party.fresh(SESSION_KEY_BYTES), mallory.party.now()
    await items.books.change_purchase(name, lambda it: paid_in(start_paying(it, key, now), paid)[0])
    return paid
