"""Remote calls over datagrams: rpcudp's frame and its `rpc_X` methods, with other manners.

    request  00 | id (20 bytes) | [method, request]
    reply    01 | id            | answer

Against the base class: datagrams are handled where they arrive, without a task each; MessagePack
is read by typed C decoders; a call waits a short time, repeats the same request and then gives
up; a reply counts only from the address that was asked; nothing a stranger sends raises here or
in a caller; a cancelled call leaves nothing behind; only declared methods exist.
"""

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass
from functools import cache, partial
from types import CoroutineType
from typing import Any, TypeVar, cast

import msgspec
from rpcudp.protocol import RPCProtocol

from crypto import codec, randomness
from dht.errors import MessageTooLarge
from dht.settings import MAX_BODY_BYTES, DhtSettings
from dht.tasks import Tasks
from dht.wire import METHOD_OF, METHODS, Request

A = TypeVar("A")
Address = tuple[str, int]
"""IP address as text, UDP port."""

REQUEST, REPLY = b"\x00", b"\x01"
ID_BYTES = 20
FRAME_BYTES = 1 + ID_BYTES
_CALL: Any = tuple[str, msgspec.Raw]
_UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError, ValueError, TypeError)

log = logging.getLogger(__name__)


@cache
def _decoder(type_: Any) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(type_)


@dataclass
class _Call:
    """A request in flight."""

    address: Address
    datagram: bytes
    answer: Any
    future: "asyncio.Future[Any]"
    tries_left: int
    timer: asyncio.TimerHandle | None = None


class Rpc(RPCProtocol):
    """One socket's calls, in both directions. Subclasses serve `rpc_<method>(address, request)`.

    Such a method returns its answer or, if it has to wait, a coroutine for it.
    """

    transport: asyncio.DatagramTransport | None
    _outstanding: dict[bytes, _Call]

    def __init__(self, settings: DhtSettings, counters: Counter[str]) -> None:
        super().__init__(wait_timeout=settings.timeout_seconds)
        self.settings = settings
        self.counters = counters
        self.tasks = Tasks()
        self._in_hand: set[tuple[Address, bytes]] = set()
        self._is_full = False
        self._gone = asyncio.Event()
        self.cut: frozenset[Address] = frozenset()
        """In an experiment: nothing goes there, and nothing that comes from there arrives."""

    def __getattr__(self, name: str) -> Any:
        """The base class makes a remote call of every misspelt name."""
        raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")

    @property
    def is_closed(self) -> bool:
        return self.transport is None or self.transport.is_closing()

    async def close(self) -> None:
        """Stop listening; calls in flight end as unanswered."""
        if self.transport is not None:
            self.transport.close()
            await self._gone.wait()
        for call in list(self._outstanding.values()):
            _settle(call, None)
        await self.tasks.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone.set()

    # Sending

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False

    def error_received(self, exc: Exception) -> None:
        self.counters["network_errors"] += 1

    def _send(self, datagram: bytes, address: Address) -> None:
        """A datagram that finds the way out blocked, or no way at all, is lost, like any other."""
        if self.transport is None or self.transport.is_closing():
            return
        if address in self.cut:
            self.counters["datagrams_cut"] += 1
            return
        if self._is_full:
            self.counters["datagrams_dropped"] += 1
            return
        try:
            self.transport.sendto(datagram, address)
        except (OSError, ValueError):  # an address of another family, which strangers may tell
            self.counters["network_errors"] += 1
            return
        self.counters["datagrams_out"] += 1
        self.counters["bytes_out"] += len(datagram)

    async def call(self, address: Address, request: Request, answer: type[A]) -> A | None:
        """The answer of whoever listens at `address`; None if nothing readable comes in time.

        Raises MessageTooLarge.
        """
        return await self.begin(address, request, answer)

    def begin(
        self, address: Address, request: Request, answer: type[A]
    ) -> "asyncio.Future[A | None]":
        """A call under way; whoever cancels it leaves nothing behind. Raises MessageTooLarge."""
        body = codec.encode((METHOD_OF[type(request)], request))
        if len(body) > MAX_BODY_BYTES:
            raise MessageTooLarge(f"{len(body)} bytes in a request, {MAX_BODY_BYTES} allowed")
        future: asyncio.Future[A | None] = asyncio.get_running_loop().create_future()
        if self.is_closed:
            future.set_result(None)
            return future
        call_id = randomness.octets(ID_BYTES)
        tries = 1 + self.settings.retries
        call = _Call(address, REQUEST + call_id + body, answer, future, tries)
        self._outstanding[call_id] = call
        future.add_done_callback(partial(self._ended, call_id))
        self._try(call)
        return future

    def _ended(self, call_id: bytes, future: "asyncio.Future[object]") -> None:
        call = self._outstanding.pop(call_id)
        if call.timer is not None:
            call.timer.cancel()

    def _try(self, call: _Call) -> None:
        """Send it, or give up when it was sent often enough."""
        if call.tries_left == 0:
            _settle(call, None)
            return
        if call.timer is not None:
            self.counters["retries"] += 1
        call.tries_left -= 1
        self._send(call.datagram, call.address)
        loop = asyncio.get_running_loop()
        call.timer = loop.call_later(self.settings.timeout_seconds, self._try, call)

    # Receiving

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self.counters["datagrams_in"] += 1
        self.counters["bytes_in"] += len(data)
        kind, call_id, body = data[:1], data[1:FRAME_BYTES], data[FRAME_BYTES:]
        address = (addr[0], addr[1])
        if address in self.cut:
            self.counters["datagrams_cut"] += 1
            return
        if not 0 < len(body) <= MAX_BODY_BYTES:
            self.counters["malformed"] += 1
        elif kind == REQUEST:
            self._accept_request(call_id, body, address)
        elif kind == REPLY:
            self._accept_response(call_id, body, address)
        else:
            self.counters["malformed"] += 1

    def _accept_response(self, call_id: bytes, body: bytes, address: Address) -> None:
        call = self._outstanding.get(call_id)
        if call is None or call.address != address:
            self.counters["unexpected_replies"] += 1
            return
        try:
            answer = _decoder(call.answer).decode(body)
        except _UNREADABLE:
            self.counters["malformed"] += 1
            return
        _settle(call, answer)

    def _accept_request(  # type: ignore[override]  # not a task for each
        self, call_id: bytes, body: bytes, address: Address
    ) -> None:
        try:
            method, arguments = _decoder(_CALL).decode(body)
            type_: Any = METHODS[method]
            request = _decoder(type_).decode(arguments)
        except (KeyError, *_UNREADABLE):
            self.counters["malformed"] += 1
            return
        try:
            answer = getattr(self, f"rpc_{method}")(address, request)
        except Exception:
            log.exception("the answer to %s failed", method)
            return
        if isinstance(answer, CoroutineType):
            self._answer_later(address, call_id, answer)
        elif answer is not None:
            self._reply(address, call_id, answer)

    def _answer_later(self, address: Address, call_id: bytes, answer: Any) -> None:
        """The same request, sent again meanwhile, needs no second answer."""
        request = (address, call_id)
        if request in self._in_hand or len(self._in_hand) >= self.settings.max_requests_in_hand:
            answer.close()
            return
        self._in_hand.add(request)
        self.tasks.spawn(answer).add_done_callback(partial(self._answered, request))

    def _answered(self, request: tuple[Address, bytes], task: "asyncio.Task[object]") -> None:
        self._in_hand.discard(request)
        if not task.cancelled() and task.exception() is None:
            self._reply(*request, task.result())

    def _reply(self, address: Address, call_id: bytes, answer: object) -> None:
        body = codec.encode(answer)
        if len(body) > MAX_BODY_BYTES:
            log.error("an answer of %d bytes is too large to send", len(body))
            return
        self._send(REPLY + call_id + body, address)


def _settle(call: _Call, answer: object) -> None:
    if not call.future.done():
        cast("asyncio.Future[object]", call.future).set_result(answer)
