"""A market as a node."""

from nodes.items.keys import GameKeys
from nodes.market.books import Books
from nodes.market.disputes import Disputes
from nodes.market.listings import Listings
from nodes.market.trades import Trades
from nodes.protocols.message import Role
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings

PURPOSE = "Market: lists items of online games and sells them. It holds no money."


def build(settings: Settings) -> Service:
    service = Service(Role.MARKET, settings, purpose=PURPOSE)
    books, keys = Books(service), GameKeys(service.party)
    Listings(service, books, keys)
    Trades(service, books)
    Disputes(service, books, keys)
    return service
