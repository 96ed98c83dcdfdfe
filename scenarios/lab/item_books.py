"""What a game server, a market and a player say of items: rows of their ledgers. Ids are hex.

The auditor reads them as parts of a `Ledger` (scenarios.lab.books).
"""

import msgspec


class Item(msgspec.Struct, frozen=True):
    """A certificate at its game server."""

    serial: str
    owner: str
    item: str
    state: str
    replaces: str
    """The serial# before, or the item's first name in the world."""
    replaced_by: str
    reserved_for: str
    """A trade's reference, or empty."""
    certificate: str


class InWorld(msgspec.Struct, frozen=True):
    """An item in the game's world, under its serial# or its first name."""

    name: str
    owner: str
    item: str


class ItemTrade(msgspec.Struct, frozen=True):
    """A trade at the game server."""

    trade: str
    reference: str
    serial: str
    state: str
    word: str
    """The game server's signed word, encoded; empty before the end."""
    price: int | None = None


class ItemSale(msgspec.Struct, frozen=True):
    """The same trade at the market."""

    trade: str
    state: str
    word: str
    price: int | None = None


class OwnCertificate(msgspec.Struct, frozen=True):
    """A certificate in a player's hands."""

    serial: str
    state: str
    certificate: str = ""
