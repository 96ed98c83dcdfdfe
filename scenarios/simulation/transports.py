"""Both ends of a connection in memory, and the way of bytes between them.

A way keeps the order of what is put on it, as TCP does. What it delivers runs in the life of the
end that receives: a node that has ended receives nothing.
"""

import asyncio
import socket
from asyncio import transports
from collections import deque
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from typing import Any, Literal

from scenarios.simulation.lives import Life, life_in

Address = tuple[str, int]
PIECE_BYTES = 1 << 15
"""What is written at once travels in pieces of this size."""
Kind = Literal["data", "end", "reset"]


class End(transports._FlowControlMixin, asyncio.Transport):
    """One end: the transport that a protocol writes to."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, context: Context, own: Address, other: Address
    ) -> None:
        super().__init__({"sockname": own, "peername": other}, loop)
        self.context = context
        self.life: Life | None = life_in(context)
        self.way: Way
        """To the other end."""
        self.socket: socket.socket | None = None
        """What stands for this end at the operating system; never connected."""
        self.heard: Callable[[bytes], bool] = lambda data: True
        """Sees what is written first; False if it goes no further."""
        self._protocol: Any = None
        self._loop: asyncio.AbstractEventLoop = loop
        self._closing = False
        self._reading = True
        self._unread: deque[tuple[Kind, bytes]] = deque()
        self._size_on_way = 0

    @property
    def node(self) -> str:
        """Whose end it is; empty for who is no node."""
        return self.life.node if self.life else ""

    # as asyncio.Transport

    def get_protocol(self) -> Any:
        return self._protocol

    def set_protocol(self, protocol: Any) -> None:
        self._protocol = protocol

    def is_closing(self) -> bool:
        return self._closing

    def get_write_buffer_size(self) -> int:
        return self._size_on_way

    def write(self, data: Any) -> None:
        if self._closing or not data:
            return
        view = memoryview(data).cast("B")
        for start in range(0, len(view), PIECE_BYTES):
            self._send(bytes(view[start : start + PIECE_BYTES]))
        self._maybe_pause_protocol()  # type: ignore[attr-defined]

    def _send(self, piece: bytes) -> None:
        if self.heard(piece):
            self._size_on_way += len(piece)
            self.way.put("data", piece)

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self._reading = False

    def resume_reading(self) -> None:
        if self._closing or self._reading:
            return
        self._reading = True
        if self._unread:
            self._loop.call_soon(self._read_on, context=self.context)

    def is_reading(self) -> bool:
        return self._reading and not self._closing

    def close(self) -> None:
        """What was written still arrives."""
        if not self._closing:
            self.way.put("end", b"")
            self._lost(None)

    def abort(self) -> None:
        if not self._closing:
            self.way.put("reset", b"")
            self._lost(None)

    # what comes

    def arrive(self, kind: Kind, data: bytes) -> None:
        """In the context of this end."""
        if self._closing:
            return
        if kind == "reset":
            self._lost(ConnectionResetError("connection reset by peer"))
        elif not self._reading:
            self._unread.append((kind, data))
        else:
            self._take(kind, data)

    def _read_on(self) -> None:
        while self._unread and self._reading and not self._closing:
            self._take(*self._unread.popleft())

    def _take(self, kind: Kind, data: bytes) -> None:
        if kind == "end":
            if not self._protocol.eof_received():
                self.close()
            return
        self.way.other.taken(len(data))
        self._protocol.data_received(data)

    def taken(self, size: int) -> None:
        """The other end has read so much of what this one wrote."""
        self._size_on_way -= size
        if self._protocol_paused and not self._closing:  # type: ignore[attr-defined]
            self._loop.call_soon(self._maybe_resume, context=self.context)

    def _maybe_resume(self) -> None:
        self._maybe_resume_protocol()  # type: ignore[attr-defined]

    def drop(self) -> None:
        """Its process has ended: nobody is told here; the other end hears of it."""
        if not self._closing:
            self._closing = True
            self.way.put("reset", b"")
            self._let_go()

    def _lost(self, error: Exception | None) -> None:
        self._closing = True
        self._unread.clear()
        self._let_go()
        if self._protocol is not None:
            self._loop.call_soon(self._protocol.connection_lost, error, context=self.context)

    def _let_go(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None


@dataclass(frozen=True)
class _Item:
    due: float
    kind: Kind
    data: bytes


class Way:
    """From one end to the other: in order, each piece a drawn moment later."""

    def __init__(
        self, end: End, other: End, delay: Callable[[], float], is_open: Callable[[End, End], bool]
    ) -> None:
        self.end, self.other = end, other
        self._delay, self._is_open = delay, is_open
        self._loop = asyncio.get_running_loop()
        self._items: deque[_Item] = deque()
        self._not_before = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def put(self, kind: Kind, data: bytes) -> None:
        """A cut holds it up; it arrives when the cut is healed."""
        due = max(self._loop.time() + self._delay(), self._not_before)
        self._not_before = due
        self._items.append(_Item(due, kind, data))
        self.move_on()

    def hold(self, seconds: float) -> None:
        """What is put on it from now on comes so much later."""
        self._not_before = max(self._not_before, self._loop.time() + seconds)

    def move_on(self) -> None:
        """Set the timer, where there is something to deliver and nothing that prevents it."""
        if self._timer is None and self._items and self._is_open(self.end, self.other):
            self._timer = self._loop.call_at(
                self._items[0].due, self._deliver, context=self.other.context
            )

    def _deliver(self) -> None:
        self._timer = None
        if not self._items or not self._is_open(self.end, self.other):
            return
        item = self._items.popleft()
        self.move_on()
        self.other.arrive(item.kind, item.data)


class Datagrams(asyncio.DatagramTransport):
    """One UDP socket."""

    def __init__(
        self,
        context: Context,
        protocol: Any,
        address: Address,
        send: Callable[["Datagrams", bytes, Address], None],
        leave: Callable[["Datagrams"], None],
    ) -> None:
        super().__init__({"sockname": address, "socket": _SocketOptions()})
        self.context = context
        self.life = life_in(context)
        self.protocol = protocol
        self.address = address
        self._send, self._leave = send, leave
        self._closing = False

    @property
    def node(self) -> str:
        return self.life.node if self.life else ""

    def sendto(self, data: Any, addr: Any = None) -> None:
        if not self._closing:
            self._send(self, bytes(data), (addr[0], addr[1]))

    def close(self) -> None:
        if not self._closing:
            self.drop()
            loop = asyncio.get_running_loop()
            loop.call_soon(self.protocol.connection_lost, None, context=self.context)

    def abort(self) -> None:
        self.close()

    def drop(self) -> None:
        """Its process has ended: nobody is told."""
        self._closing = True
        self._leave(self)

    def is_closing(self) -> bool:
        return self._closing


class _SocketOptions:
    """Takes the options of a socket that does not exist."""

    family = socket.AF_INET

    def setsockopt(self, *option: Any) -> None:
        pass
