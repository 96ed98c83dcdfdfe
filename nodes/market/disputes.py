"""Steps C1 to C3 at the market: the seller is asked for the key, and what it opens is looked at."""

import contextlib
from typing import Any

from nodes.items.keys import GameKeys
from nodes.market.books import PROTOCOL, Books
from nodes.protocols.envelope import Opened
from nodes.protocols.item_trading import complaint
from nodes.protocols.item_trading.messages import Complain, KeyDemand
from nodes.protocols.item_trading.refusals import WrongState
from nodes.protocols.message import Message, Received
from nodes.runtime.party import Answer, Party
from nodes.runtime.service import Service


class Disputes:
    def __init__(self, service: Service, books: Books, keys: GameKeys) -> None:
        self._party, self._books, self._keys = service.party, books, keys
        service.handles(Complain, self._take)
        service.on_answer(KeyDemand, self._key_shown)

    async def _take(self, received: Opened[Complain], party: Party) -> Answer:
        """C1, C2. A seller that does not answer loses by time alone."""
        async with party.store.transaction() as tx:
            brokerage, _ = self._books.load(tx, received.transaction)
            step = complaint.take_complaint(
                brokerage, received.message, received.sender, party.guards
            )
            self._books.save(tx, step)
            self._books.evidence.keep_message(tx, received)
            return party.answer(tx, received, Received())

    async def _key_shown(self, answer: Opened[Any], message: Message, party: Party) -> None:
        """C2r, C3."""
        brokerage, _ = self._books.load(party.store.committed, answer.transaction)
        game_key = await self._keys.of(brokerage.deal.game_server)
        with contextlib.suppress(WrongState):  # it has ended meanwhile
            async with party.store.transaction() as tx:
                brokerage, _ = self._books.load(tx, answer.transaction)
                step = complaint.key_shown(brokerage, answer.message, game_key)
                self._books.save(tx, step)
                self._books.evidence.keep_message(tx, answer)
        party.observer.read(PROTOCOL, "C2r", answer.transaction, "key", answer.message)
