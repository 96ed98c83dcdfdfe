"""Steps 0 and R1: a player's certificates, and items that its game has lost."""

from typing import Any

from nodes.items.keys import GameKeys
from nodes.peer.item_trading.books import Books
from nodes.protocols.item_trading.certificate import read_certificate, receive_certificate
from nodes.protocols.item_trading.documents import SERIAL_BYTES
from nodes.protocols.item_trading.messages import (
    CertificateIssued,
    Recover,
    Recovered,
    RequestCertificate,
)
from nodes.protocols.item_trading.refusals import UnknownItem
from nodes.protocols.message import Role
from nodes.runtime.control import Request, bytes_from_hex
from nodes.runtime.party import Party
from nodes.runtime.refusals import UnknownParty
from nodes.runtime.service import Service


class AskedCertificate(Request, frozen=True):
    game_server: str
    """Its name."""
    item: str
    """As the game named it, hex; a serial# whose certificate has expired."""


class AskedRecovery(Request, frozen=True):
    serial: str
    """Of the certificate to show, hex."""


class Owning:
    def __init__(self, service: Service, books: Books, keys: GameKeys) -> None:
        self._books, self._keys = books, keys
        service.operation(
            "item_certificate",
            AskedCertificate,
            self.certificate,
            "Have an item of the game certified",
        )
        service.operation(
            "item_recover", AskedRecovery, self.recover, "Show a certificate to get an item back"
        )

    async def certificate(self, asked: AskedCertificate, party: Party) -> dict[str, Any]:
        """Step 0. Raises the game server's refusal."""
        item = bytes_from_hex(asked.item, "item", SERIAL_BYTES)
        card = await party.directory.named(asked.game_server)
        if card.role is not Role.GAME_SERVER:
            raise UnknownParty(f"{asked.game_server} is no game server")
        key, transaction = await self._keys.of(card.id), party.fresh_transaction()
        question = RequestCertificate(item)
        answer = await party.send(card.id, question, transaction, CertificateIssued)
        receive_certificate(answer.message, party.id, card.id, key)
        async with party.store.transaction() as tx:
            serial = self._books.keep_item(tx, answer.message.certificate)
        return {"transaction": transaction.hex(), "serial": serial.hex()}

    async def recover(self, asked: AskedRecovery, party: Party) -> dict[str, Any]:
        """Step R1. Raises the game server's refusal."""
        serial = bytes_from_hex(asked.serial, "serial", SERIAL_BYTES)
        own = self._books.items.get(party.store.committed, serial)
        if own is None:
            raise UnknownItem()
        game_server = read_certificate(own.certificate.content).server
        transaction = party.fresh_transaction()
        await party.send(game_server, Recover(own.certificate), transaction, Recovered)
        return {"transaction": transaction.hex()}
