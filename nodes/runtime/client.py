"""Sending a message to another party: keep-alive, deadlines, retries with backoff.

A retry sends the same bytes, so the receiver answers it from what it stored. What is not known
stays unknown: only a readable refusal by the other party counts as "nothing happened", and once an
attempt went unanswered, a node that knows nothing of it cannot say so.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TypeVar

import aiohttp

from crypto import randomness
from crypto.sealing import SealingKey
from nodes.protocols.envelope import Opened, unseal_wire, unwrap
from nodes.protocols.errors import OutcomeUnknown, ProtocolError, Refused
from nodes.protocols.membership.messages import Card
from nodes.protocols.message import (
    Declaration,
    Message,
    PartyId,
    TransactionId,
    answer_to,
    declaration_of,
)
from nodes.runtime.party import Party
from nodes.runtime.problem import read_problem
from nodes.runtime.refusals import (
    BUSY,
    ELSEWHERE,
    CannotCheckSender,
    Unreachable,
    UnreadableAnswer,
)
from nodes.runtime.trace_rows import trace_message, trace_refusal

M = TypeVar("M", bound=Message)

FIRST_DELAY_SECONDS = 0.05
LONGEST_DELAY_SECONDS = 1.0
SHORTEST_ATTEMPT_SECONDS = 0.05
"""With less time left nothing is sent any more: what was refused so far would become unknown."""
CONTENT_TYPE = "application/msgpack"


class Client:
    def __init__(self, party: Party) -> None:
        self._party = party
        self._session = _new_session(
            aiohttp.TCPConnector(limit=0, limit_per_host=32, ttl_dns_cache=60)
        )
        self.cut: frozenset[PartyId] = frozenset()
        """In a lab: parties that cannot be reached from here."""

    @property
    def session(self) -> aiohttp.ClientSession:
        return self._session

    async def send(
        self,
        to: PartyId,
        message: Message,
        transaction: TransactionId,
        answer: type[M],
        seconds: float,
        *,
        opens_with: SealingKey | None = None,
    ) -> Opened[M]:
        """See Party.send."""
        deadline = asyncio.get_running_loop().time() + seconds
        try:
            async with asyncio.timeout_at(deadline):
                card = await self._party.directory.card(to)
        except TimeoutError:
            raise CannotCheckSender("nobody said in time where the recipient is") from None
        return await self.send_to(
            card, message, transaction, answer, deadline, opens_with=opens_with
        )

    async def send_to(
        self,
        card: Card,
        message: Message,
        transaction: TransactionId,
        answer: type[M],
        deadline: float,
        *,
        opens_with: SealingKey | None = None,
    ) -> Opened[M]:
        """Send to a party whose card is at hand; `deadline` by the loop's clock."""
        party = self._party
        declaration = declaration_of(type(message))
        made = party.wrap(message, card.id, transaction)
        request = made.opened
        trace_message(
            party.observer,
            request,
            direction="out",
            sender=party.name,
            receiver=card.name,
            size=len(made.wire),
        )
        party.observer.reached("saved", declaration.protocol, declaration.step)
        try:
            body = await self._exchange(card, declaration, made.wire, deadline)
            opened = self._read_answer(body, request, answer, card, opens_with)
        except ProtocolError as error:
            trace_refusal(party.observer, request, error, sender=card.name, receiver=party.name)
            raise
        trace_message(
            party.observer,
            opened,
            direction="in",
            sender=card.name,
            receiver=party.name,
            size=len(body),
        )
        answered = opened.declaration
        party.observer.read(
            declaration.protocol, answered.step, transaction, answered.name, opened.message
        )
        party.observer.reached("sent", declaration.protocol, declaration.step)
        return opened

    async def _exchange(
        self, card: Card, declaration: Declaration, wire: bytes, deadline: float
    ) -> bytes:
        loop = asyncio.get_running_loop()
        delay, unknown = FIRST_DELAY_SECONDS, False
        while True:
            moved = False
            try:
                if card.id in self.cut:
                    raise Unreachable("cut off")
                return await self._attempt(
                    card.url + declaration.path, wire, deadline, alone=declaration.anonymous
                )
            except Refused as error:
                if error.code not in BUSY | ELSEWHERE:
                    raise
                last: ProtocolError = error
            except OutcomeUnknown as error:
                last, unknown = error, True
            if last.code not in BUSY:
                newest = await self._newest(card, deadline)
                card, moved = newest, newest.url != card.url
            pause = delay * (0.7 + 0.6 * randomness.fraction())
            late = loop.time() + pause + SHORTEST_ATTEMPT_SECONDS >= deadline
            if late or (last.code in ELSEWHERE and not moved):
                raise last if not unknown else Unreachable(f"{card.name}: {last}") from last
            await asyncio.sleep(pause)
            delay = min(delay * 2, LONGEST_DELAY_SECONDS)

    async def _newest(self, card: Card, deadline: float) -> Card:
        """Where a party that did not answer is now, as far as that can be learnt in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                return await self._party.directory.refreshed(card)
        return card

    async def _attempt(self, url: str, wire: bytes, deadline: float, *, alone: bool) -> bytes:
        """`alone`: on a connection of its own, which tells nothing of what else is sent."""
        loop = asyncio.get_running_loop()
        limit = min(deadline, loop.time() + self._party.settings.call_seconds)
        try:
            async with (
                asyncio.timeout_at(limit),
                self._session_for(alone) as session,
                session.post(
                    url, data=wire, headers={"Content-Type": CONTENT_TYPE}, allow_redirects=False
                ) as response,
            ):
                body = await read_limited(response.content, 2 * self._party.settings.message_bytes)
                if response.status == 200:
                    return body
                raise read_problem(body, response.status)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(f"{type(error).__name__}") from error

    @contextlib.asynccontextmanager
    async def _session_for(self, alone: bool) -> AsyncIterator[aiohttp.ClientSession]:
        if not alone:
            yield self._session
            return
        async with _new_session(aiohttp.TCPConnector(force_close=True)) as session:
            yield session

    def _read_answer(
        self,
        body: bytes,
        request: Opened[Message],
        answer: type[M],
        card: Card,
        opens_with: SealingKey | None,
    ) -> Opened[M]:
        party = self._party
        declaration = answer_to(type(request.message))
        if declaration.type is not answer:
            raise TypeError(f"{type(request.message).__name__} is not answered by {answer}")
        me = request.identity if request.declaration.anonymous else party.id
        try:
            wire = body
            if declaration.sealed:
                wire = unseal_wire(body, declaration, me, opens_with or party.sealing_key)
            opened = unwrap(wire, answer, me)
        except ProtocolError as error:
            raise UnreadableAnswer(f"{card.name}: {error}") from error
        sender = None if declaration.anonymous else card.id
        if opened.envelope.sender != sender or opened.envelope.request != request.identity:
            raise UnreadableAnswer(f"{card.name} answered something else")
        return opened

    async def close(self) -> None:
        await self._session.close()


def _new_session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=("User-Agent",),
    )


async def read_limited(stream: aiohttp.StreamReader, most: int) -> bytes:
    """The whole body, or UnreadableAnswer past `most` bytes."""
    pieces, size = [], 0
    async for piece in stream.iter_any():
        size += len(piece)
        if size > most:
            raise UnreadableAnswer(f"an answer of more than {most} bytes")
        pieces.append(piece)
    return b"".join(pieces)
