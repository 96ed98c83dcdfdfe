"""Step R1: the game has lost its world, or part of it; the certificates bring the items back.

Certificates and trades are kept apart from the world. Whoever has an item's newest certificate
gets the item, once; an older one brings nothing back, and what the lost world gave to its owner
before is taken out again.
"""

from nodes.protocols.item_trading.certificate import (
    Game,
    GameChange,
    Ledger,
    check_certificate,
    require_open,
)
from nodes.protocols.item_trading.documents import Serial
from nodes.protocols.item_trading.guards import is_the_last_certificate
from nodes.protocols.item_trading.messages import Recover, Recovered
from nodes.protocols.item_trading.reading import require_sender
from nodes.protocols.item_trading.state import ItemRecord, WorldItem
from nodes.protocols.message import PartyId


def recover(
    message: Recover, sender: PartyId, game: Game, ledger: Ledger
) -> tuple[GameChange, Recovered]:
    """R1, game server. Raises CertificateForged, NotYours, NotTheLastCertificate, GameClosed."""
    require_open(game)
    certificate = check_certificate(message.certificate, game.id, game.item_key.public_key)
    require_sender(sender, certificate.owner)
    record = ledger.item(certificate.serial)
    game.guards.require(is_the_last_certificate, record)
    item = WorldItem(certificate.serial, certificate.owner, certificate.item)
    earlier: tuple[Serial, ...] = ()
    if game.guards.is_on(is_the_last_certificate) and record is not None:
        earlier = _earlier_names(record, ledger)
    change = GameChange(leaves_world=earlier, enters_world=(item,))
    return change, Recovered(certificate.serial)


def _earlier_names(record: ItemRecord, ledger: Ledger) -> tuple[Serial, ...]:
    """Every name the item had before: older serial#s, and the first one in the world."""
    names = [record.replaces]
    while (before := ledger.item(names[-1])) is not None:
        names.append(before.replaces)
    return tuple(names)
