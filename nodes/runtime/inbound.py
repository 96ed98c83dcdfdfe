"""From the bytes of a request to the bytes of its answer.

unseal, check the envelope      anything wrong: a refusal, nothing happened
seen before?                    the stored answer, whatever the message's age
fresh? certified? right role?   a refusal, nothing happened
the handler                     load, decide, save, answer
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from crypto.meter import metering
from crypto.sealing import is_usable
from nodes.protocols.envelope import (
    CannotSeal,
    Opened,
    SenderMissing,
    SenderShown,
    unseal_wire,
    unwrap,
)
from nodes.protocols.errors import ProtocolError
from nodes.protocols.message import Declaration, Message, answer_to
from nodes.runtime.log import get_log
from nodes.runtime.party import Answer, Party, StoredAnswer
from nodes.runtime.refusals import (
    StaleMessage,
    UnexpectedFailure,
    WrongRole,
)
from nodes.runtime.trace_rows import trace_message

Handler = Callable[[Opened[Any], Party], Awaitable[Answer]]


class Inbound:
    """Serves the messages of one party."""

    def __init__(self, party: Party) -> None:
        self._party = party
        self._handlers: dict[type[Message], Handler] = {}
        self._served: dict[bytes, asyncio.Future[bytes]] = {}
        self._admitting: set[type[Message]] = set()

    def add(self, type_: type[Message], handler: Handler, *, from_strangers: bool = False) -> None:
        """`from_strangers`: the sender need not be certified yet (enrolment)."""
        if type_ in self._handlers:
            raise TypeError(f"{type_.__name__} has two handlers")
        self._handlers[type_] = handler
        if from_strangers:
            self._admitting.add(type_)

    def replace(self, type_: type[Message], handler: Handler) -> Handler:
        """Another one in its place; the one that was there, for who wants to pass some on."""
        before = self._handlers[type_]
        self._handlers[type_] = handler
        return before

    def handled(self) -> list[type[Message]]:
        return list(self._handlers)

    async def serve(self, declaration: Declaration, body: bytes) -> bytes:
        """The answer's bytes. Raises the refusal or failure that is to be told instead."""
        protocol, step = declaration.protocol, declaration.step
        with metering(self._party.observer.counter(protocol, step)) as meter:
            try:
                return await self._serve(declaration, body)
            except ProtocolError as error:
                meter["refused"] += 1
                get_log().info("refused", protocol=protocol, step=step, code=error.code)
                raise
            except Exception as error:
                get_log().exception("unexpected_failure", protocol=protocol, step=step)
                raise UnexpectedFailure() from error
            finally:
                meter["messages"] += 1
                meter["bytes_in"] += len(body)

    async def _serve(self, declaration: Declaration, body: bytes) -> bytes:
        party = self._party
        wire = body
        if declaration.sealed:
            wire = unseal_wire(body, declaration, party.id, party.sealing_key)
        received = unwrap(wire, declaration.type, party.id)
        if declaration.anonymous != (received.envelope.sender is None):
            raise SenderShown() if declaration.anonymous else SenderMissing()
        stored = party.answers.get(party.store.committed, received.identity)
        if stored is not None:
            return self._repeat(received, stored, len(body))
        await self.check(received)
        return await self._once(received, len(body))

    async def check(self, received: Opened[Any]) -> None:
        """Whether a message not seen before is fresh, and from a party whose step this is."""
        self._check_fresh(received)
        self._check_reply_key(received)
        await self._check_sender(received)

    def _check_reply_key(self, received: Opened[Any]) -> None:
        """Before anything happens, or it would be refused afterwards for want of an answer."""
        if not (received.declaration.anonymous and answer_to(type(received.message)).sealed):
            return
        if not is_usable(received.message.reply_key):
            raise CannotSeal("nothing can be sealed to this reply key")

    def _repeat(self, received: Opened[Any], stored: StoredAnswer, size: int) -> bytes:
        self._trace_in(received, size)
        return stored.wire

    def _check_fresh(self, received: Opened[Any]) -> None:
        settings, now = self._party.settings, self._party.now()
        oldest = now - settings.message_lifetime_seconds * 1000
        newest = now + settings.clock_skew_seconds * 1000
        if not oldest <= received.envelope.time <= newest:
            raise StaleMessage()

    async def _check_sender(self, received: Opened[Any]) -> None:
        if type(received.message) in self._admitting or received.declaration.anonymous:
            return
        role = await self._party.directory.role_of(received.sender)
        if role not in received.declaration.senders:
            raise WrongRole(f"{role} does not send {received.declaration.name}")

    async def _once(self, received: Opened[Any], size: int) -> bytes:
        """Two copies of one message at the same time are handled once and answered alike.

        The other copy may also have been answered while this one's sender was looked up.
        """
        running = self._served.get(received.identity)
        if running is not None:
            return await asyncio.shield(running)
        stored = self._party.answers.get(self._party.store.committed, received.identity)
        if stored is not None:
            return self._repeat(received, stored, size)
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._served[received.identity] = future
        try:
            wire = await self._handle(received, size)
        except BaseException as error:
            future.set_exception(error if isinstance(error, ProtocolError) else UnexpectedFailure())
            future.exception()  # retrieved: nobody else may be waiting
            raise
        else:
            future.set_result(wire)
            return wire
        finally:
            del self._served[received.identity]

    async def _handle(self, received: Opened[Any], size: int) -> bytes:
        party, declaration = self._party, received.declaration
        self._trace_in(received, size)
        party.observer.reached("received", declaration.protocol, declaration.step)
        party.observer.read(
            declaration.protocol,
            declaration.step,
            received.transaction,
            declaration.name,
            received.message,
        )
        answer = await self._handlers[declaration.type](received, party)
        party.observer.reached("saved", declaration.protocol, declaration.step)
        trace_message(
            party.observer,
            answer.opened,
            direction="out",
            sender=party.name,
            receiver=self._sender_name(received),
            size=len(answer.wire),
        )
        return answer.wire

    def _trace_in(self, received: Opened[Any], size: int) -> None:
        trace_message(
            self._party.observer,
            received,
            direction="in",
            sender=self._sender_name(received),
            receiver=self._party.name,
            size=size,
        )

    def _sender_name(self, received: Opened[Any]) -> str:
        """For people; empty where the sender is not known."""
        sender = received.envelope.sender
        return "" if sender is None else self._party.directory.name_of(sender)
