"""The durable outbox: what is still to be sent, kept until it has been acknowledged.

An entry is added in the transaction that decided it. It is sent until an answer or a refusal
comes, in order for each recipient, wrapped afresh each time (same body, so the same message).
Whoever wants to hear of the answer registers for the message's type.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from crypto import codec
from nodes.protocols.envelope import Opened
from nodes.protocols.errors import MalformedMessage, OutcomeUnknown, Refused
from nodes.protocols.message import (
    Message,
    PartyId,
    TransactionId,
    answer_to,
    declaration_at,
    declaration_of,
)
from nodes.runtime.log import get_log
from nodes.runtime.party import Party
from nodes.runtime.refusals import BUSY, ELSEWHERE, StaleMessage
from nodes.runtime.store import Transaction

FIRST_DELAY_SECONDS = 0.1
LONGEST_DELAY_SECONDS = 2.0
NOT_NOW = BUSY | ELSEWHERE | {StaleMessage.code}
"""Refusals of this attempt, not of the message: the next one carries a fresh time, and may find
clocks that agree again."""

Answered = Callable[[Opened[Any], Message, Party], Awaitable[None]]
RefusedHandler = Callable[[Refused, "Entry", Message, Party], Awaitable[None]]


class Entry(msgspec.Struct, frozen=True, array_like=True):
    to: PartyId
    protocol: str
    step: str
    transaction: TransactionId
    body: bytes

    def message(self) -> Message:
        declaration = declaration_at(self.protocol, self.step)
        if declaration is None:
            raise LookupError(f"no step {self.step} in {self.protocol}")
        return codec.decode(self.body, declaration.type)


class Outbox:
    def __init__(self, party: Party) -> None:
        self._party = party
        self._table = party.store.table("outbox", Entry)
        self._answered: dict[type[Message], Answered] = {}
        self._refused: dict[type[Message], RefusedHandler] = {}
        self._couriers: dict[PartyId, asyncio.Task[None]] = {}
        self._queues: dict[PartyId, deque[bytes]] = {}
        """Keys of the entries on disk, in order: read at a start, and kept in step from then on.
        However many wait for one who is away, the others' are found at once."""
        for key, entry in self._table.items(party.store.committed):
            self._queue(entry.to).append(key)
        self._next = 1 + int.from_bytes(self._table.last_key(party.store.committed) or b"", "big")
        self._stopped = False

    def on_answer(self, type_: type[Message], handler: Answered) -> None:
        self._answered[type_] = handler

    def on_refusal(self, type_: type[Message], handler: RefusedHandler) -> None:
        self._refused[type_] = handler

    def add(
        self, tx: Transaction, to: PartyId, message: Message, transaction: TransactionId
    ) -> None:
        """Part of `tx`; sending starts when that is on disk."""
        declaration = declaration_of(type(message))
        key = self._next.to_bytes(8, "big")
        self._next += 1
        self._table.put(
            tx,
            key,
            Entry(to, declaration.protocol, declaration.step, transaction, codec.encode(message)),
        )
        tx.after_commit.append(lambda: self._enqueue(to, key))

    def start(self) -> None:
        """Send what an earlier run of this node left."""
        for to in list(self._queues):
            self._wake(to)

    def waiting(self) -> int:
        return sum(len(queue) for queue in self._queues.values())

    async def stop(self) -> None:
        self._stopped = True
        couriers = list(self._couriers.values())
        for courier in couriers:
            courier.cancel()
        await asyncio.gather(*couriers, return_exceptions=True)

    def _queue(self, to: PartyId) -> deque[bytes]:
        return self._queues.setdefault(to, deque())

    def _enqueue(self, to: PartyId, key: bytes) -> None:
        self._queue(to).append(key)
        self._wake(to)

    def _wake(self, to: PartyId) -> None:
        courier = self._couriers.get(to)
        if not self._stopped and (courier is None or courier.done()):
            self._couriers[to] = asyncio.get_running_loop().create_task(self._deliver(to))

    async def _deliver(self, to: PartyId) -> None:
        """One entry after the other; each leaves the queue when its deletion is on disk."""
        queue = self._queue(to)
        while queue:
            delay = FIRST_DELAY_SECONDS
            while not await self._try(queue[0]):
                await asyncio.sleep(delay)
                delay = min(2 * delay, LONGEST_DELAY_SECONDS)
            queue.popleft()
            self._party.observer.notify()

    async def _try(self, key: bytes) -> bool:
        """Send and delete an entry; whether it is gone. Where the deletion fails it is sent again,
        as after a crash, and answered from what was stored."""
        entry = self._table.get(self._party.store.committed, key)
        if entry is None:
            return True
        try:
            if not await self._send(entry):
                return False
            async with self._party.store.transaction() as tx:
                self._table.delete(tx, key)
        except Exception:
            get_log().exception("outbox_entry_failed", protocol=entry.protocol, step=entry.step)
            return False
        return True

    async def _send(self, entry: Entry) -> bool:
        """Whether the entry is done with: answered, or refused for good."""
        message = entry.message()
        try:
            answer = await self._party.send(
                entry.to, message, entry.transaction, answer_to(type(message)).type
            )
        except OutcomeUnknown:
            return False
        except Refused as error:
            if error.code in NOT_NOW:
                return False
            await self._on_refused(error, entry, message)
            return True
        except MalformedMessage as error:
            await self._on_refused(Refused(f"{error.code}: {error}"), entry, message)
            return True
        handler = self._answered.get(type(message))
        if handler is not None:
            await handler(answer, message, self._party)
        return True

    async def _on_refused(self, error: Refused, entry: Entry, message: Message) -> None:
        handler = self._refused.get(type(message))
        if handler is not None:
            await handler(error, entry, message, self._party)
            return
        get_log().warning(
            "message_refused", protocol=entry.protocol, step=entry.step, code=error.code
        )
