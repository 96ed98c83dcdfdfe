"""A game server as a node."""

from nodes.game_server.item_trading import GameDesk
from nodes.game_server.ledger import LedgerTables
from nodes.game_server.world import World
from nodes.protocols.message import Role
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings

PURPOSE = "Game server: certifies who owns the items of its game. It sees no money."


def build(settings: Settings) -> Service:
    service = Service(Role.GAME_SERVER, settings, purpose=PURPOSE)
    ledger = LedgerTables(service)
    desk = GameDesk(service, ledger)
    World(service, ledger, desk)
    return service
