"""Datagrams between nodes of one process, for simulation: the same classes, another transport.

Datagrams are delayed, and thereby reordered, and lost from a seed. They are delivered by the
event loop, so a loop whose time jumps moves them too.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Any

from dht.rpc import Address

FIRST_FREE_PORT = 20_000


def everywhere(source: Address, target: Address) -> bool:
    """Nobody is cut off."""
    return True


class MemoryNetwork:
    """`delay`: least and most seconds on the way; `loss`: share of datagrams that never arrive.

    `reaches(source, target)` draws the partition.
    """

    def __init__(
        self, seed: int = 0, *, delay: tuple[float, float] = (0.0, 0.0), loss: float = 0.0
    ) -> None:
        self._random = random.Random(seed)
        self.delay = delay
        self.loss = loss
        self.reaches: Callable[[Address, Address], bool] = everywhere
        self._endpoints: dict[Address, asyncio.DatagramProtocol] = {}
        self._next_port = FIRST_FREE_PORT

    async def create_datagram_endpoint(
        self, protocol_factory: Callable[[], Any], local_addr: tuple[str, int]
    ) -> tuple["MemoryTransport", Any]:
        """As the event loop's. OSError if the address is taken."""
        host, port = local_addr
        if port == 0:
            self._next_port += 1
            port = self._next_port
        if (host, port) in self._endpoints:
            raise OSError(f"{host}:{port} is taken")
        protocol = protocol_factory()
        transport = MemoryTransport(self, (host, port), protocol)
        self._endpoints[(host, port)] = protocol
        protocol.connection_made(transport)
        return transport, protocol

    def send(self, data: bytes, source: Address, target: Address) -> None:
        """Put a datagram on its way, whoever says he is its source."""
        if self._random.random() < self.loss or not self.reaches(source, target):
            return
        loop = asyncio.get_running_loop()
        least, most = self.delay
        if most <= 0:
            loop.call_soon(self._deliver, data, source, target)
        else:
            seconds = self._random.uniform(least, most)
            loop.call_later(seconds, self._deliver, data, source, target)

    def _deliver(self, data: bytes, source: Address, target: Address) -> None:
        protocol = self._endpoints.get(target)
        if protocol is not None:
            protocol.datagram_received(data, source)

    def leave(self, address: Address) -> None:
        self._endpoints.pop(address, None)


class MemoryTransport(asyncio.DatagramTransport):
    """One endpoint's way out."""

    def __init__(
        self, network: MemoryNetwork, address: Address, protocol: asyncio.DatagramProtocol
    ) -> None:
        super().__init__({"sockname": address})
        self._network = network
        self._protocol = protocol
        self._address = address
        self._is_closing = False

    def sendto(self, data: Any, addr: Any = None) -> None:
        if not self._is_closing:
            self._network.send(bytes(data), self._address, addr)

    def close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            self._network.leave(self._address)
            asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)

    def abort(self) -> None:
        self.close()

    def is_closing(self) -> bool:
        return self._is_closing
