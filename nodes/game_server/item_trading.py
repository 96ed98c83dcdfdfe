"""The game server's desk: certificates, reservations, registrations, words, recoveries."""

from typing import Any

import msgspec

from crypto import codec
from crypto.documents import Signed
from crypto.full_domain_hash import FdhPrivateKey
from crypto.rsa_private import ENGINES
from nodes.game_server.ledger import LedgerTables
from nodes.items.certified import certified_as
from nodes.protocols.envelope import Opened
from nodes.protocols.item_trading import certificate, recovery, registration
from nodes.protocols.item_trading.certificate import Game
from nodes.protocols.item_trading.documents import SERIAL_BYTES, Deal
from nodes.protocols.item_trading.messages import (
    GameAnswer,
    GameQuery,
    ItemAnswer,
    ItemQuery,
    Recover,
    Register,
    RequestCertificate,
    Reserve,
    VoidTrade,
)
from nodes.protocols.item_trading.reading import opened
from nodes.protocols.message import PartyId, Role
from nodes.runtime.party import Answer, Party
from nodes.runtime.service import Service
from nodes.runtime.store import Reader, Transaction

CERTIFICATE_MILLISECONDS = 30 * 24 * 3_600_000
"""How long a certificate is good for; its owner gets another one then."""
_OWN, _CLOSED = b"own", b"closed"


class _ItemKey(msgspec.Struct, frozen=True):
    der: bytes


class GameDesk:
    def __init__(self, service: Service, ledger: LedgerTables) -> None:
        self._party, self._ledger = service.party, ledger
        store = service.party.store
        self._keys = store.table("item_key", _ItemKey)
        self._closed = store.table("game_closed", bool)
        self._item_key = self._load_key()
        service.handles(GameQuery, self._tell_key)
        service.handles(ItemQuery, self._tell_item)
        service.handles(RequestCertificate, self._issue)
        service.handles(Reserve, self._reserve)
        service.handles(Register, self._register)
        service.handles(VoidTrade, self._void)
        service.handles(Recover, self._recover)
        service.accounts_for(self._rows)

    def _load_key(self) -> FdhPrivateKey:
        """Made at the first start; it signs certificates and does nothing else."""
        store = self._party.store
        engine = ENGINES[self._party.settings.rsa]
        known = self._keys.get(store.committed, _OWN)
        if known is not None:
            return FdhPrivateKey.from_der(known.der, engine=engine)
        key = FdhPrivateKey.generate(engine=engine)
        with store.setup() as tx:
            self._keys.put(tx, _OWN, _ItemKey(key.to_der()))
        return key

    def game(self, reader: Reader) -> Game:
        party = self._party
        return Game(
            key=party.key,
            item_key=self._item_key,
            name=party.name,
            now=party.now(),
            certificate_milliseconds=CERTIFICATE_MILLISECONDS,
            draw=lambda: party.fresh(SERIAL_BYTES),
            closed=self._closed.get(reader, _CLOSED) or False,
            guards=party.guards,
        )

    def close(self, tx: Transaction) -> None:
        """No certificate is good any more; what is reserved is void."""
        self._closed.put(tx, _CLOSED, True)
        game, view = self.game(tx), self._ledger.at(tx)
        for trade in self._ledger.trades.values(tx):
            if trade.state == "reserved":
                self._ledger.apply(tx, registration.close(trade, game, view))

    def _rows(self) -> dict[str, Any]:
        game = self.game(self._party.store.committed)
        key = codec.encode(certificate.publish_key(game)).hex()
        return {"game_key": key, "game_closed": game.closed}

    async def _markets(self, deal: Signed[Deal]) -> frozenset[PartyId]:
        """The market a deal names, if it is one."""
        return await certified_as(self._party, opened(Deal, deal).market, Role.MARKET)

    # G1, G2

    async def _tell_key(self, received: Opened[GameQuery], party: Party) -> Answer:
        key = certificate.publish_key(self.game(party.store.committed))
        return party.reply(received, GameAnswer(key))

    async def _tell_item(self, received: Opened[ItemQuery], party: Party) -> Answer:
        record = self._ledger.items.get(party.store.committed, received.message.serial)
        return party.reply(received, ItemAnswer(certificate.is_current(record)))

    # 0

    async def _issue(self, received: Opened[RequestCertificate], party: Party) -> Answer:
        async with party.store.transaction() as tx:
            change, answer = certificate.issue(
                received.message, received.sender, self.game(tx), self._ledger.at(tx)
            )
            self._ledger.apply(tx, change)
            return party.answer(tx, received, answer)

    # 1.4

    async def _reserve(self, received: Opened[Reserve], party: Party) -> Answer:
        markets = await self._markets(received.message.deal)
        async with party.store.transaction() as tx:
            change, answer = registration.reserve(
                received.message, received.sender, markets, self.game(tx), self._ledger.at(tx)
            )
            self._ledger.apply(tx, change)
            self._ledger.evidence.keep_message(tx, received)
            return party.answer(tx, received, answer)

    # 7 to 9

    async def _register(self, received: Opened[Register], party: Party) -> Answer:
        markets = await self._markets(received.message.deal)
        async with party.store.transaction() as tx:
            change, answer = registration.register(
                received.message, received.sender, markets, self.game(tx), self._ledger.at(tx)
            )
            self._ledger.apply(tx, change)
            self._ledger.evidence.keep_message(tx, received)
            return party.answer(tx, received, answer)

    # V1

    async def _void(self, received: Opened[VoidTrade], party: Party) -> Answer:
        markets = await self._markets(received.message.deal)
        async with party.store.transaction() as tx:
            change, answer = registration.void(
                received.message, received.sender, markets, self.game(tx), self._ledger.at(tx)
            )
            self._ledger.apply(tx, change)
            self._ledger.evidence.keep_message(tx, received)
            return party.answer(tx, received, answer)

    # R1

    async def _recover(self, received: Opened[Recover], party: Party) -> Answer:
        """Not kept: the world may be lost again, and the same certificate shown again."""
        async with party.store.transaction() as tx:
            change, answer = recovery.recover(
                received.message, received.sender, self.game(tx), self._ledger.at(tx)
            )
            self._ledger.apply(tx, change)
            return party.reply(received, answer)
