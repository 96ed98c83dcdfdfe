"""A game server's database: the certificates, the trades, and apart from them the world."""

from typing import Any

from crypto import codec
from nodes.protocols.item_trading.certificate import GameChange
from nodes.protocols.item_trading.documents import Deal, Reference, Serial
from nodes.protocols.item_trading.reading import opened
from nodes.protocols.item_trading.state import (
    TRADE_MOVES,
    GameTrade,
    ItemRecord,
    WorldItem,
)
from nodes.runtime.evidence import Evidence
from nodes.runtime.service import Service
from nodes.runtime.store import Reader, Transaction


class LedgerTables:
    """The tables; `at(reader)` is what the rules see of them."""

    def __init__(self, service: Service) -> None:
        self._party = service.party
        store = service.party.store
        self.items = store.table("items", ItemRecord)
        self.replacing = store.table("items_replacing", bytes)
        """The serial# that came after a name."""
        self.trades = store.table("item_trades", GameTrade)
        self.world = store.table("world", WorldItem)
        self.evidence = Evidence(store, "item_trading_evidence")
        service.shows(self)
        service.accounts_for(self._rows)

    def at(self, reader: Reader) -> "LedgerAt":
        return LedgerAt(self, reader)

    def apply(self, tx: Transaction, change: GameChange) -> None:
        """All of it or nothing: records, the world, and who is told."""
        for record in change.items:
            self.items.put(tx, record.serial, record)
            self.replacing.put(tx, record.replaces, record.serial)
        for trade in change.trades:
            self.trades.put(tx, trade.reference, trade)
        for name in change.leaves_world:
            self.world.delete(tx, name)
        for item in change.enters_world:
            self.world.put(tx, item.name, item)
        for to, transaction in change.messages:
            self._party.post(tx, to.recipient, to.message, transaction)

    # what is shown

    def summaries(self) -> list[dict[str, Any]]:
        return [_summary(trade) for trade in self.trades.values(self._party.store.committed)]

    def details(self, transaction: bytes) -> list[dict[str, Any]]:
        reader = self._party.store.committed
        return [
            {**_summary(trade), **_terms(trade), "evidence": self.evidence.of(reader, transaction)}
            for trade in self.trades.values(reader)
            if opened(Deal, trade.deal).trade == transaction
        ]

    def _rows(self) -> dict[str, Any]:
        reader = self._party.store.committed
        return {
            "items": [_item_row(record) for record in self.items.values(reader)],
            "world": [
                {"name": item.name.hex(), "owner": item.owner.hex(), "item": item.item}
                for item in self.world.values(reader)
            ],
            "item_trades": [
                {**_terms(trade), "state": trade.state.value}
                for trade in self.trades.values(reader)
            ],
        }


class LedgerAt:
    """The rules' view, inside one transaction or of what is committed."""

    def __init__(self, tables: LedgerTables, reader: Reader) -> None:
        self._tables, self._reader = tables, reader

    def item(self, serial: Serial) -> ItemRecord | None:
        return self._tables.items.get(self._reader, serial)

    def trade(self, reference: Reference) -> GameTrade | None:
        return self._tables.trades.get(self._reader, reference)

    def in_world(self, name: Serial) -> WorldItem | None:
        return self._tables.world.get(self._reader, name)

    def replacing(self, name: Serial) -> ItemRecord | None:
        serial = self._tables.replacing.get(self._reader, name)
        return self.item(serial) if serial else None


def _item_row(record: ItemRecord) -> dict[str, Any]:
    return {
        "serial": record.serial.hex(),
        "owner": record.owner.hex(),
        "item": record.item,
        "state": record.state.value,
        "replaces": record.replaces.hex(),
        "replaced_by": record.replaced_by.hex() if record.replaced_by else "",
        "reserved_for": record.reserved_for.hex() if record.reserved_for else "",
        "certificate": codec.encode(record.certificate).hex(),
    }


def _summary(trade: GameTrade) -> dict[str, Any]:
    return {
        "id": opened(Deal, trade.deal).trade.hex(),
        "protocol": "item_trading",
        "side": "game_server",
        "state": trade.state.value,
        "final": not TRADE_MOVES[trade.state],
    }


def _terms(trade: GameTrade) -> dict[str, Any]:
    deal = opened(Deal, trade.deal)
    return {
        "trade": deal.trade.hex(),
        "reference": trade.reference.hex(),
        "model": deal.model,
        "serial": deal.serial.hex(),
        "market": deal.market.hex(),
        "seller": deal.seller.hex(),
        "buyer": deal.buyer.hex(),
        "price": deal.price,
        "until": deal.until,
        "word": codec.encode(trade.word).hex() if trade.word else "",
    }
