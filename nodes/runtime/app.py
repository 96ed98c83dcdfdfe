"""The HTTP side of a node: routes from the declarations, one error shape, strict limits."""

import asyncio
import base64
import hmac
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from nodes.protocols.errors import ProtocolError
from nodes.protocols.message import Declaration, Role, declaration_of
from nodes.runtime.log import get_log
from nodes.runtime.problem import problem_response
from nodes.runtime.refusals import (
    BodyTooLarge,
    BodyTooSlow,
    MethodNotAllowed,
    NoSuchPath,
    NotInALab,
    NotReady,
    NotTheOwner,
    Overloaded,
    UnexpectedFailure,
    UnreadableRequest,
)

if TYPE_CHECKING:
    from nodes.runtime.service import Service

HttpHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def build_app(service: "Service") -> web.Application:
    app = web.Application(
        middlewares=[_error_shape], client_max_size=service.party.settings.message_bytes
    )
    for type_ in service.inbound.handled():
        declaration = declaration_of(type_)
        app.router.add_post(declaration.path, _message_handler(service, declaration))
    return app


@web.middleware
async def _error_shape(request: web.Request, handler: HttpHandler) -> web.StreamResponse:
    try:
        response = await handler(request)
    except ConnectionResetError:
        raise
    except Exception as error:
        told = _told(error, request)
        if request.writer.output_size > 0:
            raise  # part of an answer has left: only ending the connection can say it is not whole
        response = problem_response(told)
        if isinstance(error, web.HTTPMethodNotAllowed):
            response.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
        if isinstance(told, NotTheOwner):
            response.headers["WWW-Authenticate"] = _challenge(request)
    if not response.prepared:
        response.headers.update(SECURITY_HEADERS)
    return response


def _challenge(request: web.Request) -> str:
    """A browser that shows a page asks its user; programs and `/docs` are asked for the token."""
    if request.method == "GET" and "text/html" in request.headers.get("Accept", ""):
        return 'Basic realm="the world\'s token is the password", charset="UTF-8"'
    return "Bearer"


def _told(error: Exception, request: web.Request) -> ProtocolError:
    """What the caller is told of an exception."""
    match error:
        case ProtocolError():
            return error
        case web.HTTPNotFound():
            return NoSuchPath(request.path)
        case web.HTTPMethodNotAllowed():
            return MethodNotAllowed(f"{request.method} {request.path}")
        case web.HTTPRequestEntityTooLarge():
            return BodyTooLarge()
        case web.HTTPException() | web.RequestPayloadError():
            return UnreadableRequest(str(error))
    get_log().error("unexpected_failure", path=request.path, exc_info=error)
    return UnexpectedFailure()


def _message_handler(service: "Service", declaration: Declaration) -> HttpHandler:
    async def serve(request: web.Request) -> web.StreamResponse:
        if not service.accepts_messages(declaration):
            raise NotReady()
        settings = service.party.settings
        body = await read_body(request, settings.message_bytes, settings.body_seconds)
        with service.hand():  # not before the body is there: a slow sender holds no place
            answer = await service.inbound.serve(declaration, body)
        response = web.Response(body=answer, content_type="application/msgpack")
        await response.prepare(request)
        await response.write_eof()
        service.party.observer.reached("sent", declaration.protocol, declaration.step)
        return response

    return serve


async def read_body(request: web.Request, most: int, seconds: float) -> bytes:
    """The whole body, within `most` bytes and `seconds`; else BodyTooLarge or BodyTooSlow."""
    if request.content_length is not None and request.content_length > most:
        raise BodyTooLarge(f"{request.content_length} bytes; the limit is {most}")
    pieces, size = [], 0
    try:
        async with asyncio.timeout(seconds):
            async for piece in request.content.iter_any():
                size += len(piece)
                if size > most:
                    raise BodyTooLarge(f"the limit is {most} bytes")
                pieces.append(piece)
    except TimeoutError:
        raise BodyTooSlow() from None
    return b"".join(pieces)


def owner_only(service: "Service", handler: HttpHandler) -> HttpHandler:
    """Let only the holder of the world's bearer token through."""

    async def guarded(request: web.Request) -> web.StreamResponse:
        given = _token_of(request).encode(errors="surrogateescape")
        if not given or not hmac.compare_digest(given, service.token.encode()):
            raise NotTheOwner()
        return await handler(request)

    return guarded


def _token_of(request: web.Request) -> str:
    """The bearer token; to look only, also the password a browser has asked its user for.

    A browser sends a password by itself once it has it, also for a page of somebody else's: so it
    never suffices to change anything.
    """
    given = request.headers.get("Authorization", "")
    if given.startswith("Basic ") and request.method == "GET":
        try:
            return base64.b64decode(given.removeprefix("Basic ")).decode().partition(":")[2]
        except ValueError:
            return ""
    return given.removeprefix("Bearer ") if given.startswith("Bearer ") else ""


def lab_only(service: "Service", handler: HttpHandler) -> HttpHandler:
    async def guarded(request: web.Request) -> web.StreamResponse:
        if not service.party.settings.lab:
            raise NotInALab()
        return await handler(request)

    return guarded


def json_response(value: Any, *, status: int = 200) -> web.Response:
    return web.Response(
        status=status,
        body=json.dumps(value, ensure_ascii=False).encode() + b"\n",
        content_type="application/json",
        charset="utf-8",
    )


ROLE_SYMBOLS = {
    Role.CERTIFICATE_AUTHORITY: "CA",
    Role.BROKER: "B",
    Role.CENTRAL_SERVER: "CS",
    Role.ESCROW_SERVER: "ES",
    Role.BANK_ACCOUNT_SERVER: "B",
    Role.COIN_SERVER: "S",
    Role.GAME_SERVER: "S",
    Role.MARKET: "M",
    Role.PEER: "P",
}

__all__ = ["Overloaded", "build_app", "json_response", "lab_only", "owner_only", "read_body"]
