"""The greeting protocol as a module of a node: counts, remembers notes, keeps secrets."""

import asyncio
from collections import Counter
from typing import Any

from nodes.protocols.envelope import Opened
from nodes.protocols.errors import Refused
from nodes.protocols.message import Message, Received
from nodes.runtime.control import Request
from nodes.runtime.outbox import Entry
from nodes.runtime.party import Answer, Party
from nodes.runtime.service import Service
from tests.greeting.messages import Greet, Greeting, Hush, Note, Whisper


class NoOneHome(Refused):
    """Nobody answers the door."""

    code = "greeting/no-one-home"
    status = 423


class Ring(Request, frozen=True):
    times: int = 1


class Greeter:
    """One node's side of it. A test may hold the door (`door.clear()`) or make notes fail."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.party = service.party
        self.counts = service.party.store.table("greetings", int)
        self.notes = service.party.store.table("notes", str)
        self.door = asyncio.Event()
        self.door.set()
        self.failures = 0
        """So many notes from now on break this node's handler."""
        self.handled: Counter[str] = Counter()
        self.answers: list[Message] = []
        self.refusals: list[Refused] = []
        service.handles(Greet, self.greet)
        service.handles(Note, self.note)
        service.handles(Whisper, self.whisper)
        service.on_answer(Note, self.answered)
        service.on_refusal(Note, self.refused)
        service.operation("ring", Ring, self.ring, "Ring the bell")
        service.shows(self)
        service.accounts_for(lambda: {"greetings": self.counts.count(self._reader)})

    @property
    def _reader(self) -> Any:
        return self.party.store.committed

    @property
    def total(self) -> int:
        return self.counts.get(self._reader, b"total") or 0

    async def greet(self, received: Opened[Greet], party: Party) -> Answer:
        self.handled["greet"] += 1
        if received.message.words == "divide":
            raise ZeroDivisionError
        await self.door.wait()
        async with party.store.transaction() as tx:
            count = (self.counts.get(tx, b"total") or 0) + 1
            self.counts.put(tx, b"total", count)
            return party.answer(tx, received, Greeting(words="hello", count=count))

    async def note(self, received: Opened[Note], party: Party) -> Answer:
        self.handled["note"] += 1
        await self.door.wait()
        if self.failures:
            self.failures -= 1
            raise ZeroDivisionError
        if received.message.text == "refuse me":
            raise NoOneHome("not today", evidence=b"the door")
        async with party.store.transaction() as tx:
            key = party.now().to_bytes(8, "big") + self.notes.count(tx).to_bytes(4, "big")
            self.notes.put(tx, key, received.message.text)
            return party.answer(tx, received, Received())

    async def whisper(self, received: Opened[Whisper], party: Party) -> Answer:
        return party.reply(received, Hush(secret=received.message.secret[::-1]))

    async def answered(self, answer: Opened[Any], message: Message, party: Party) -> None:
        self.answers.append(message)

    async def refused(self, error: Refused, entry: Entry, message: Message, party: Party) -> None:
        self.refusals.append(error)

    async def ring(self, asked: Ring, party: Party) -> dict[str, Any]:
        return {"rung": asked.times}

    def heard(self) -> list[str]:
        return self.notes.values(self._reader)

    def summaries(self) -> list[dict[str, Any]]:
        return [{"id": "00" * 16, "protocol": "greeting", "state": str(self.total)}]

    def details(self, transaction: bytes) -> list[dict[str, Any]]:
        return self.summaries() if transaction == bytes(16) else []
