"""A coin server as a node."""

from nodes.coin_server.electronic_cash import Counter
from nodes.coin_server.forwarding import Forwarding
from nodes.coin_server.vault import VaultTables
from nodes.protocols.message import Role
from nodes.runtime.service import Service
from nodes.runtime.settings import SERIAL_BITS, InvalidSettings, Settings

PURPOSE = "Coin server: knows which coins are in circulation, and no user."


def build(settings: Settings) -> Service:
    """Raise InvalidSettings where serial numbers are short and this is no lab."""
    if settings.serial_bits < SERIAL_BITS and not settings.lab:
        raise InvalidSettings("serial numbers of fewer than 256 bits are for a lab only")
    service = Service(Role.COIN_SERVER, settings, purpose=PURPOSE)
    vault = VaultTables(service)
    counter = Counter(service, vault)
    Forwarding(service, vault, counter)
    return service
