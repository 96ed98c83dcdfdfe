"""A market that gives sellers a key of its own in the place of the buyer's (IT-A14)."""

import msgspec

from nodes.items.keys import GameKeys
from nodes.market.books import Books
from nodes.market.disputes import Disputes
from nodes.market.listings import Listings
from nodes.market.trades import Trades
from nodes.protocols.item_trading.messages import BuyerFound
from nodes.protocols.item_trading.moves import To
from nodes.protocols.item_trading.purchase import Step
from nodes.protocols.message import Role
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings
from nodes.runtime.store import Transaction

PURPOSE = "A market that cheats, started on purpose to see what comes of it."


class KeySwapping(Books):
    def save(self, tx: Transaction, step: Step) -> None:
        messages = tuple(self._swapped(to) for to in step.messages)
        super().save(tx, Step(step.brokerage, step.listing, messages))

    def _swapped(self, to: To) -> To:
        """Step 2.4 with another key; everything else as it is."""
        if not isinstance(to.message, BuyerFound):
            return to
        own = self.party.sealing_key.public_key
        return To(to.recipient, msgspec.structs.replace(to.message, buyer_key=own))


def build(settings: Settings) -> Service:
    service = Service(Role.MARKET, settings, purpose=PURPOSE)
    books, keys = KeySwapping(service), GameKeys(service.party)
    Listings(service, books, keys)
    Trades(service, books)
    Disputes(service, books, keys)
    return service
