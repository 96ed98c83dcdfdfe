"""Content that travels beside the messages: asked for by a signed message in a header.

    GET /content/<transaction>      Jangteo-Message: base64 of [content, signature]

The message is checked like any other, but its answer is a stream and is not stored: asking again
starts again, from where the Range header says. Memory stays at a few blocks.
"""

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator
from typing import Any, Literal, TypeVar

import aiohttp
from aiohttp import web

from crypto.content import BLOCK_BYTES
from crypto.meter import metering
from nodes.protocols.envelope import Opened, SenderMissing, unwrap
from nodes.protocols.errors import MalformedMessage, ProtocolError
from nodes.protocols.message import Message, declaration_of
from nodes.runtime.app import HttpHandler
from nodes.runtime.log import get_log
from nodes.runtime.party import Party, Wrapped
from nodes.runtime.refusals import BodyTooLarge, BodyTooSlow, InvalidRequest
from nodes.runtime.service import Service

M = TypeVar("M", bound=Message)
Blocks = AsyncIterator[bytes]

HEADER = "Jangteo-Message"


def headers_for(wrapped: Wrapped, offset: int = 0) -> dict[str, str]:
    """What a request for (the rest of) a stream carries."""
    headers = {HEADER: base64.b64encode(wrapped.wire).decode()}
    if offset:
        headers["Range"] = f"bytes={offset}-"
    return headers


def refusals_told(service: Service, type_: type[Message], handler: HttpHandler) -> HttpHandler:
    """The path of a stream, its refusals counted and logged as those of any message are."""
    declaration = declaration_of(type_)
    protocol, step = declaration.protocol, declaration.step

    async def serve(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except ProtocolError as error:
            service.party.observer.counter(protocol, step)["refused"] += 1
            get_log().info("refused", protocol=protocol, step=step, code=error.code)
            raise

    return serve


async def admit(service: Service, request: web.Request, type_: type[M]) -> Opened[M]:
    """The message a request for a stream carries, checked as any message is.

    Raises the refusals of the shell, and InvalidRequest if the path names another transaction.
    """
    try:
        wire = base64.b64decode(request.headers.get(HEADER, ""), validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedMessage(f"{HEADER}: {error}") from error
    with metering() as meter:
        received = unwrap(wire, type_, service.party.id)
        if received.envelope.sender is None:
            raise SenderMissing()
        await service.inbound.check(received)
        meter["messages"] += 1
        meter["bytes_in"] += len(wire)
    declaration = received.declaration
    service.party.observer.count(declaration.protocol, declaration.step, meter)
    if request.match_info.get("transaction") != received.transaction.hex():
        raise InvalidRequest("the path names another transaction than the message")
    return received


def trace_content(
    party: Party,
    asked: Opened[Any],
    *,
    direction: Literal["in", "out"],
    sender: bytes,
    receiver: bytes,
    size: int,
    outcome: str = "ok",
) -> None:
    """One row for content sent or received; joined by the message that asked for it.

    The sender writes its row before the first byte, the receiver after the last.
    """
    declaration = asked.declaration
    party.observer.row(
        kind="content",
        direction=direction,
        protocol=declaration.protocol,
        step=declaration.step,
        message=declaration.type.__name__,
        transaction=asked.transaction.hex(),
        sender=party.directory.name_of(sender),
        receiver=party.directory.name_of(receiver),
        bytes=size,
        envelope=asked.digest.hex()[:32],
        outcome=outcome,
        sealed=True,
    )


async def blocks(
    stream: aiohttp.StreamReader, *, most: int, seconds: float
) -> AsyncIterator[bytes]:
    """The stream in blocks of about BLOCK_BYTES.

    Raises BodyTooLarge past `most` bytes and BodyTooSlow when nothing comes for `seconds`.
    """
    pieces: list[bytes] = []
    waiting, total = 0, 0
    while True:
        try:
            async with asyncio.timeout(seconds):
                piece = await stream.readany()
        except TimeoutError:
            raise BodyTooSlow() from None
        total += len(piece)
        if total > most:
            raise BodyTooLarge(f"the limit is {most} bytes")
        if piece:
            pieces.append(piece)
            waiting += len(piece)
        if waiting >= BLOCK_BYTES or (not piece and pieces):
            yield b"".join(pieces)
            pieces, waiting = [], 0
        if not piece and stream.at_eof():
            return
