"""The network of a simulation: connections and datagrams in memory, and what goes wrong on the way.

    network = Network(random.Random(7))
    network.cut({"peer-01"}, {"broker"})        # neither reaches the other
    network.heal()
    network.faults.weather = Weather(lost_datagrams=0.01)

Nodes are named by who they are, whatever their address; who is no node (the lab, an owner) is ""
and no cut keeps him off. `faults` says what happens to messages.
"""

import asyncio
import errno
import random
import socket
from collections.abc import Callable, Iterable
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from scenarios.simulation.faults import Fault, Faults
from scenarios.simulation.lives import Life, life_in
from scenarios.simulation.transports import Address, Datagrams, End, Way

WAY_SECONDS = (0.0001, 0.002)
"""How long a piece of a connection or a datagram is on its way."""
FIRST_FREE_PORT = 40_000
HEALTHY_SECONDS = 0.05
SECOND_COPY_SECONDS = (0.01, 5.0)
BREAKS_AT = 3
"""A stream breaks with its third piece: what came before arrives."""
REQUESTS = (b"POST ", b"GET ", b"PUT ")
OVERTAKEN_SECONDS = 0.6
"""How late a message comes that others overtake: within what its sender waits."""


class Network:
    def __init__(self, chance: random.Random, *, way_seconds: tuple[float, float] = WAY_SECONDS):
        self._chance = chance
        self._way_seconds = way_seconds
        self.faults = Faults(chance)
        self._cuts: list[tuple[frozenset[str], frozenset[str]]] = []
        self._listeners: dict[Address, _Listener] = {}
        self._endpoints: dict[Address, Datagrams] = {}
        self._connected: WeakKeyDictionary[socket.socket, End] = WeakKeyDictionary()
        self._ends: dict[End, None] = {}
        self._next_port = FIRST_FREE_PORT

    # what goes wrong

    def cut(self, some: Iterable[str], others: Iterable[str]) -> None:
        """From now on none of the ones reaches one of the others, nor the other way round.

        Datagrams between them are lost. What is written on connections waits: TCP sends it again.
        """
        self._cuts.append((frozenset(some), frozenset(others)))

    def heal(self) -> None:
        """No cut any more."""
        self._cuts.clear()
        for end in list(self._ends):
            end.way.move_on()

    def reaches(self, one: str, other: str) -> bool:
        return not any(
            (one in some and other in others) or (other in some and one in others)
            for some, others in self._cuts
        )

    def end_of(self, life: Life) -> None:
        """Its process has ended: nobody listens, and whoever was connected is told."""
        for address, listener in list(self._listeners.items()):
            if listener.life is life:
                del self._listeners[address]
        for endpoint in [e for e in self._endpoints.values() if e.life is life]:
            endpoint.drop()
        for end in [end for end in self._ends if end.life is life]:
            end.drop()
            del self._ends[end]

    def _delay(self) -> float:
        return self._chance.uniform(*self._way_seconds)

    def _is_open(self, end: End, other: End) -> bool:
        return self.reaches(end.node, other.node)

    # connections

    def listen(self, factory: Callable[[], Any], host: str, port: int) -> "_Listener":
        address = (host, port or self._free_port())
        if address in self._listeners:
            raise OSError(errno.EADDRINUSE, f"{host}:{port}: address already in use")
        listener = _Listener(factory, address, copy_context(), self._listeners)
        self._listeners[address] = listener
        return listener

    def _free_port(self) -> int:
        self._next_port += 1
        return self._next_port

    async def connect(self, sock: socket.socket | None, address: Address) -> None:
        """Raises ConnectionRefusedError where nobody listens; behind a cut nothing comes back."""
        assert sock is not None
        context = copy_context()
        self._connected[sock] = await self._connection(context, (address[0], address[1]))

    async def _connection(self, context: Context, address: Address) -> End:
        life = life_in(context)
        await asyncio.sleep(self._delay())
        while True:
            listener = self._listeners.get(address)
            if listener is None:
                raise ConnectionRefusedError(errno.ECONNREFUSED, f"{address}: connection refused")
            if self.reaches(life.node if life else "", listener.life.node if listener.life else ""):
                return self._connect(context, listener)
            await asyncio.sleep(HEALTHY_SECONDS)

    def _connect(self, context: Context, listener: "_Listener") -> End:
        loop = asyncio.get_running_loop()
        own, other = ("127.0.0.1", self._free_port()), listener.address
        client = End(loop, context, own, other)
        server = End(loop, listener.context.copy(), other, own)
        client.way = Way(client, server, self._delay, self._is_open)
        server.way = Way(server, client, self._delay, self._is_open)
        _Wire(self, client, server, listener)
        for end in (client, server):
            self._forget_closed()
            self._ends[end] = None
        loop.call_soon(_greet, server, listener.factory, context=server.context)
        return client

    def _forget_closed(self) -> None:
        """Now and then."""
        if len(self._ends) % 256 == 255:
            for end in [end for end in self._ends if end.is_closing()]:
                del self._ends[end]

    def open_connection(self, factory: Callable[[], Any], sock: socket.socket) -> tuple[End, Any]:
        """The client's end of what `connect` has connected."""
        end = self._connected.pop(sock)
        end.socket = sock
        if end.is_closing():
            sock.close()
            raise ConnectionResetError(errno.ECONNRESET, "connection reset by peer")
        protocol = factory()
        end.set_protocol(protocol)
        protocol.connection_made(end)
        return end, protocol

    # messages

    def deliver_again(self, listener: "_Listener", request: bytes) -> None:
        """The same bytes from nowhere; nobody reads the answer."""
        asyncio.get_running_loop().call_later(
            self._chance.uniform(*SECOND_COPY_SECONDS),
            self._send_copy,
            listener.address,
            request,
            context=Context(),
        )

    def _send_copy(self, address: Address, request: bytes) -> None:
        listener = self._listeners.get(address)
        if listener is None:
            return
        end = self._connect(copy_context(), listener)
        end.set_protocol(_Deaf())
        end.write(request)

    # datagrams

    def open_endpoint(self, factory: Callable[[], Any], address: Address) -> tuple[Datagrams, Any]:
        address = (address[0], address[1] or self._free_port())
        if address in self._endpoints:
            raise OSError(errno.EADDRINUSE, f"{address}: address already in use")
        protocol = factory()
        endpoint = Datagrams(copy_context(), protocol, address, self._carry, self._leave)
        self._endpoints[address] = endpoint
        protocol.connection_made(endpoint)
        return endpoint, protocol

    def _leave(self, endpoint: Datagrams) -> None:
        if self._endpoints.get(endpoint.address) is endpoint:
            del self._endpoints[endpoint.address]

    def _carry(self, source: Datagrams, data: bytes, target: Address) -> None:
        """Delayed by chance, and so in any order."""
        for _ in range(self.faults.datagram_copies()):
            self._throw(source, data, target)

    def _throw(self, source: Datagrams, data: bytes, target: Address) -> None:
        endpoint = self._endpoints.get(target)
        if endpoint is not None and self.reaches(source.node, endpoint.node):
            asyncio.get_running_loop().call_later(
                self._delay(), _receive, endpoint, data, source.address, context=endpoint.context
            )


class _Wire:
    """Listens to one connection, and lets happen what is to happen to its messages."""

    def __init__(self, network: Network, client: End, server: End, listener: "_Listener") -> None:
        self._network, self._listener = network, listener
        self._client, self._server = client, server
        self._is_broken = False
        self._answer_is_lost = False
        self._breaks_at: int | None = None
        """With which of the next pieces it breaks, if it does."""
        self._copied: bytes | None = None
        client.heard, server.heard = self._asked, self._answered

    def _asked(self, data: bytes) -> bool:
        if self._is_broken:
            return False
        if self._copied is not None:
            self._copy(data)
        elif self._breaks_at is not None:
            return self._goes_on()
        elif data.startswith(REQUESTS):
            return self._request(data)
        return True

    def _request(self, data: bytes) -> bool:
        method, path = data[:200].split(b" ")[:2]
        fault = self._network.faults.strikes(
            self._client.node,
            self._server.node,
            path.decode("ascii", "replace"),
            message=method == b"POST",
        )
        return fault is None or self._struck(fault, data)

    def _struck(self, fault: Fault, data: bytes) -> bool:
        """Whether it goes on nevertheless."""
        match fault.kind:
            case "lost request":
                self._break()
                return False
            case "lost answer":
                self._answer_is_lost = True
            case "late":
                self._client.way.hold(fault.late_seconds)
            case "overtaken":
                self._client.way.hold(OVERTAKEN_SECONDS)
            case "doubled":
                self._copied = b""
                self._copy(data)
            case "broken off":
                self._breaks_at = BREAKS_AT
        return True

    def _goes_on(self) -> bool:
        assert self._breaks_at is not None
        self._breaks_at -= 1
        if self._breaks_at:
            return True
        self._break()
        return False

    def _copy(self, data: bytes) -> None:
        """Until the request is whole."""
        assert self._copied is not None
        self._copied += data
        head, found, body = self._copied.partition(b"\r\n\r\n")
        if found and len(body) >= _content_length(head):
            self._network.deliver_again(self._listener, self._copied)
            self._copied = None

    def _answered(self, data: bytes) -> bool:
        if self._is_broken:
            return False
        if self._breaks_at is not None:
            return self._goes_on()
        if not self._answer_is_lost:
            return True
        self._break()
        return False

    def _break(self) -> None:
        """What is on its way still arrives; nothing more goes either way."""
        self._is_broken = True
        for end in (self._client, self._server):
            end.way.put("reset", b"")


class _Listener(asyncio.AbstractServer):
    """What an event loop's create_server returns."""

    def __init__(
        self,
        factory: Callable[[], Any],
        address: Address,
        context: Context,
        listeners: "dict[Address, _Listener]",
    ) -> None:
        self.factory, self.address, self.context = factory, address, context
        self.life = life_in(context)
        self._listeners = listeners

    @property
    def sockets(self) -> tuple["_Name", ...]:
        return (_Name(self.address),) if self.is_serving() else ()

    def is_serving(self) -> bool:
        return self._listeners.get(self.address) is self

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    async def start_serving(self) -> None:
        pass  # it does from the start

    async def serve_forever(self) -> None:
        await asyncio.get_running_loop().create_future()

    def close(self) -> None:
        if self.is_serving():
            del self._listeners[self.address]

    async def wait_closed(self) -> None:
        pass


@dataclass(frozen=True)
class _Name:
    """A listening socket as far as anybody asks it: its address."""

    address: Address

    def getsockname(self) -> Address:
        return self.address


class _Deaf(asyncio.Protocol):
    """Reads nothing, and leaves when it is told the connection is over."""


def _greet(server: End, factory: Callable[[], Any]) -> None:
    protocol = factory()
    server.set_protocol(protocol)
    protocol.connection_made(server)


def _receive(endpoint: Datagrams, data: bytes, source: Address) -> None:
    if not endpoint.is_closing():
        endpoint.protocol.datagram_received(data, source)


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0
