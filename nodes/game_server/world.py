"""The game itself, as far as the trade needs one: items found, copies of the world, the end.

A copy holds the world and nothing else. Bringing it back is what a game does after a fault; the
certificates and trades of the meantime stay.
"""

from typing import Any

from nodes.game_server.item_trading import GameDesk
from nodes.game_server.ledger import LedgerTables
from nodes.protocols.item_trading.documents import SERIAL_BYTES, ItemInfo
from nodes.protocols.item_trading.state import WorldItem
from nodes.protocols.message import PartyId, Role
from nodes.runtime.control import Request
from nodes.runtime.party import Party
from nodes.runtime.refusals import UnknownParty
from nodes.runtime.service import Service


class FoundItem(Request, frozen=True):
    owner: str
    """A peer's name."""
    item: ItemInfo


class NoMore(Request, frozen=True):
    """Nothing to say."""


class World:
    def __init__(self, service: Service, ledger: LedgerTables, desk: GameDesk) -> None:
        self._party, self._ledger, self._desk = service.party, ledger, desk
        self._copy = service.party.store.table("world_copy", WorldItem)
        service.operation("item_found", FoundItem, self.found, "A player finds an item in the game")
        service.operation(
            "copy_world", NoMore, self.copy, "Keep a copy of the game's world", lab_only=True
        )
        service.operation(
            "rollback_world",
            NoMore,
            self.rollback,
            "Lose the game's world and bring the copy back",
            lab_only=True,
        )
        service.operation(
            "close_game", NoMore, self.close, "End the game: every certificate is void"
        )

    async def found(self, asked: FoundItem, party: Party) -> dict[str, Any]:
        owner = await self._player(asked.owner)
        item = WorldItem(party.fresh(SERIAL_BYTES), owner, asked.item)
        async with party.store.transaction() as tx:
            self._ledger.world.put(tx, item.name, item)
        return {"item": item.name.hex()}

    async def _player(self, name: str) -> PartyId:
        card = await self._party.directory.named(name)
        if card.role is not Role.PEER:
            raise UnknownParty(f"{name} is no peer")
        return card.id

    async def copy(self, asked: NoMore, party: Party) -> dict[str, Any]:
        async with party.store.transaction() as tx:
            for name, _ in list(self._copy.items(tx)):
                self._copy.delete(tx, name)
            items = list(self._ledger.world.items(tx))
            for name, item in items:
                self._copy.put(tx, name, item)
        return {"items": len(items)}

    async def rollback(self, asked: NoMore, party: Party) -> dict[str, Any]:
        async with party.store.transaction() as tx:
            for name, _ in list(self._ledger.world.items(tx)):
                self._ledger.world.delete(tx, name)
            items = list(self._copy.items(tx))
            for name, item in items:
                self._ledger.world.put(tx, name, item)
        return {"items": len(items)}

    async def close(self, asked: NoMore, party: Party) -> dict[str, Any]:
        async with party.store.transaction() as tx:
            self._desk.close(tx)
        return {}
