"""An honest coin server's parts, put together by whoever is going to misuse one of them."""

from nodes.coin_server.electronic_cash import Counter
from nodes.coin_server.forwarding import Forwarding
from nodes.coin_server.vault import VaultTables
from nodes.protocols.message import Role
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings

PURPOSE = "A coin server that cheats, started on purpose to see what comes of it."


def build_coin_server(
    settings: Settings, counter: type[Counter], forwarding: type[Forwarding] = Forwarding
) -> Service:
    service = Service(Role.COIN_SERVER, settings, purpose=PURPOSE)
    vault = VaultTables(service)
    forwarding(service, vault, counter(service, vault))
    return service
