"""A node's socket: the package's `Server`, listening on UDP or on a network in memory."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any, NoReturn, Protocol

from kademlia.network import Server

from dht.protocol import RingProtocol
from dht.rpc import Address
from dht.settings import DhtSettings

SO_RCVBUFFORCE = 33
"""Linux: beyond the system's limit, for those who may."""


class Network(Protocol):
    """Where datagrams travel: an event loop (UDP) or `network_in_memory.MemoryNetwork`."""

    async def create_datagram_endpoint(
        self, protocol_factory: Callable[[], Any], local_addr: tuple[str, int]
    ) -> tuple[Any, Any]: ...


class RingServer(Server):
    """Listening and refreshing. Its `get` and `set` are gone: registers are written once."""

    transport: asyncio.DatagramTransport | None
    protocol: RingProtocol | None

    def __init__(
        self,
        create_protocol: Callable[[], RingProtocol],
        node_id: bytes,
        storage: object,
        settings: DhtSettings,
        network: Network | None,
    ) -> None:
        super().__init__(settings.bucket_size, settings.alpha, node_id)
        self.storage = storage
        self.settings = settings
        self._create = create_protocol
        self._network = network

    def _create_protocol(self) -> RingProtocol:
        return self._create()

    async def listen(self, port: int, interface: str = "127.0.0.1") -> None:
        if self._network is None:
            await super().listen(port, interface)
            assert self.transport is not None, "the base class has just made it"
            _enlarge_buffer(self.transport, self.settings.receive_buffer_bytes)
        else:
            self.transport, self.protocol = await self._network.create_datagram_endpoint(
                self._create_protocol, local_addr=(interface, port)
            )
            self.refresh_table()

    @property
    def address(self) -> Address:
        assert self.transport is not None, "it has no address before it listens"
        name = self.transport.get_extra_info("sockname")
        return (name[0], name[1])

    def refresh_table(self, interval: float | None = None) -> None:
        """Now and then look for members in the buckets."""
        seconds = self.settings.refresh_seconds if interval is None else interval
        loop = asyncio.get_running_loop()
        self.refresh_loop = loop.call_later(seconds, self._refresh_again)

    def _refresh_again(self) -> None:
        assert self.protocol is not None, "it listens before it refreshes"
        self.protocol.tasks.spawn(self._refresh_table())
        self.refresh_table()

    async def _refresh_table(self) -> None:
        assert self.protocol is not None, "it listens before it refreshes"
        await self.protocol.refresh()

    async def close(self) -> None:
        self.stop()
        if self.protocol is not None:
            await self.protocol.close()

    async def get(self, key: object) -> NoReturn:
        raise TypeError("registers are read with DhtNode.read")

    async def set(self, key: object, value: object) -> NoReturn:
        raise TypeError("registers are written with DhtNode.put")

    async def set_digest(self, dkey: object, value: object) -> NoReturn:
        raise TypeError("registers are written with DhtNode.put")


def _enlarge_buffer(transport: asyncio.DatagramTransport, size: int) -> None:
    """A burst of answers waits in the socket instead of being lost and asked for again."""
    sock = transport.get_extra_info("socket")
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, size)
    except OSError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
