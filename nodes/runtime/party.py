"""What a handler is offered: who this party is, the time, fresh values, storage, and sending.

A handler is `async (received, party) -> Answer` and has four beats: load, decide, save, answer.

    async def register(received: Opened[Register], party: Party) -> Answer:
        async with party.store.transaction() as tx:
            ...
            return party.answer(tx, received, Received())
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from crypto import randomness
from crypto.sealing import SealingKey
from crypto.signing import SigningKey
from nodes.protocols.envelope import NONCE_BYTES, Opened, seal_wire, wrap
from nodes.protocols.guard import Guards
from nodes.protocols.message import (
    TRANSACTION_BYTES,
    Message,
    Milliseconds,
    PartyId,
    Role,
    TransactionId,
    declaration_of,
)
from nodes.runtime.clock import Clock
from nodes.runtime.observer import Observer
from nodes.runtime.settings import Settings
from nodes.runtime.store import Store, Table, Transaction

if TYPE_CHECKING:
    from nodes.runtime.client import Client
    from nodes.runtime.directory import Directory
    from nodes.runtime.outbox import Outbox

M = TypeVar("M", bound=Message)


class StoredAnswer(msgspec.Struct, frozen=True, array_like=True):
    """The bytes a request was answered with; a repeat of the request gets the same."""

    wire: bytes
    """As it travelled."""
    plain: bytes
    """What was signed; the same where the answer is not sealed."""


@dataclass(frozen=True)
class Wrapped:
    """A message ready to travel: the bytes sent, and what the recipient will find in them."""

    wire: bytes
    opened: Opened[Any]


@dataclass(frozen=True)
class Answer:
    """An answer as it travels; `saved` says whether a repeat gets these same bytes."""

    wire: bytes
    opened: Opened[Any]
    saved: bool


@dataclass
class Party:
    name: str
    role: Role
    key: SigningKey
    sealing_key: SealingKey
    settings: Settings
    clock: Clock
    store: Store
    observer: Observer
    guards: Guards
    answers: Table[StoredAnswer]
    directory: "Directory" = field(init=False)
    client: "Client" = field(init=False)
    outbox: "Outbox" = field(init=False)

    @property
    def id(self) -> PartyId:
        return self.key.public_key

    def now(self) -> Milliseconds:
        return self.clock.now()

    def fresh(self, size: int) -> bytes:
        """Unpredictable bytes."""
        return randomness.octets(size)

    def fresh_transaction(self) -> TransactionId:
        return self.fresh(TRANSACTION_BYTES)

    def wrap(
        self,
        message: Message,
        to: PartyId,
        transaction: TransactionId,
        *,
        request: bytes | None = None,
        reply_key: bytes | None = None,
    ) -> "Wrapped":
        """Sign (and seal, where declared) a message for one recipient; nothing is signed in an
        anonymous one.

        The recipient's sealing key must be known: `await directory.card(to)` before; or it is
        `reply_key`, for an answer to somebody anonymous.
        """
        declaration = declaration_of(type(message))
        plain, envelope = wrap(
            message,
            key=None if declaration.anonymous else self.key,
            to=to,
            transaction=transaction,
            nonce=self.fresh(NONCE_BYTES),
            now=self.now(),
            request=request,
        )
        opened = Opened(message, declaration, envelope, plain)
        if not declaration.sealed:
            return Wrapped(plain, opened)
        sealing_key = reply_key or self.directory.known(to).sealing_key
        return Wrapped(seal_wire(plain, declaration, to, sealing_key), opened)

    def reply(self, received: Opened[Any], message: Message) -> Answer:
        """An answer that changes nothing and is not kept: a repeat is answered anew."""
        identity, anonymous = received.identity, received.declaration.anonymous
        made = self.wrap(
            message,
            identity if anonymous else received.sender,
            received.transaction,
            request=identity,
            reply_key=getattr(received.message, "reply_key", None) if anonymous else None,
        )
        return Answer(made.wire, made.opened, saved=False)

    def answer(self, tx: Transaction, received: Opened[Any], message: Message) -> Answer:
        """An answer kept with what changed: a repeat of the request gets these same bytes."""
        made = self.reply(received, message)
        self.answers.put(tx, received.identity, StoredAnswer(made.wire, made.opened.wire))
        return Answer(made.wire, made.opened, saved=True)

    async def send(
        self,
        to: PartyId,
        message: Message,
        transaction: TransactionId,
        answer: type[M],
        *,
        seconds: float | None = None,
        opens_with: SealingKey | None = None,
    ) -> Opened[M]:
        """Ask another party and wait for its answer.

        `opens_with`: the private half of the `reply_key` in an anonymous message.

        Raises the other's refusal, or OutcomeUnknown when no readable answer came in `seconds`
        (the setting `call_seconds`): then it may have happened, and the same call may be repeated.
        """
        return await self.client.send(
            to,
            message,
            transaction,
            answer,
            seconds or self.settings.call_seconds,
            opens_with=opens_with,
        )

    def post(
        self, tx: Transaction, to: PartyId, message: Message, transaction: TransactionId
    ) -> None:
        """Leave a message in the outbox, in the same transaction as what it tells of."""
        self.outbox.add(tx, to, message, transaction)

    def decided(
        self, protocol: str, step: str, message: str, transaction: bytes, **note: Any
    ) -> None:
        """A step a party takes alone (a choice, a comparison): one row of the trace."""
        self.observer.row(
            kind="decision",
            direction="here",
            protocol=protocol,
            step=step,
            message=message,
            transaction=transaction.hex(),
            sender=self.name,
            receiver=self.name,
            note=note,
        )
