"""A market that tells buyers to pay to a key of its own choice (IT-A4).

Everything else it does as an honest one does; its owner says whose the key is.
"""

from typing import Any

import msgspec

from nodes.items.keys import GameKeys
from nodes.market.books import Books
from nodes.market.disputes import Disputes
from nodes.market.listings import Listings
from nodes.market.trades import Trades
from nodes.protocols.item_trading.state import Brokerage, Listing
from nodes.protocols.message import Role, TransactionId
from nodes.runtime.control import Request, bytes_from_hex
from nodes.runtime.party import Party
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings
from nodes.runtime.store import Reader

PURPOSE = "A market that cheats, started on purpose to see what comes of it."


class Divert(Request, frozen=True):
    key: str
    """Under which the proceeds of model 1 are wanted, hex."""


class Diverting(Books):
    key: bytes | None = None

    async def divert(self, asked: Divert, party: Party) -> dict[str, Any]:
        self.key = bytes_from_hex(asked.key, "key", 32)
        return {}

    def load(self, reader: Reader, trade: TransactionId) -> tuple[Brokerage, Listing]:
        brokerage, listing = super().load(reader, trade)
        if self.key is None or listing.payee_key is None:
            return brokerage, listing
        return brokerage, msgspec.structs.replace(listing, payee_key=self.key)


def build(settings: Settings) -> Service:
    service = Service(Role.MARKET, settings, purpose=PURPOSE)
    books, keys = Diverting(service), GameKeys(service.party)
    Listings(service, books, keys)
    Trades(service, books)
    Disputes(service, books, keys)
    service.operation("divert", Divert, books.divert, "Have what is paid go to another key")
    return service
