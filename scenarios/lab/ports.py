"""Ports of a world: which are free for HTTP and datagrams, and who holds one that is not."""

import os
import secrets
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from scenarios.lab.failures import NoFreePorts, PortTaken
from scenarios.lab.processes import program_of

FIRST_PORT = 8100
HIGHEST_PORT = 65_535
LOWEST_PRIVATE = 10_000
"""Where the ports of short-lived worlds begin."""
_LISTENING = "0A"


@dataclass(frozen=True)
class Holder:
    """Who holds a port; without pid where the kernel does not tell (another user's process)."""

    pid: int | None
    program: str

    def __str__(self) -> str:
        return "" if self.pid is None else f" (pid {self.pid}, {self.program})"


def is_free(host: str, port: int) -> bool:
    """Whether a node could listen there for connections and for datagrams."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind == socket.SOCK_STREAM:
                # As a server does: connections that are closing do not hold the port.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                return False
    return True


def find_free(host: str, count: int, first: int = FIRST_PORT) -> list[int]:
    """The lowest free ports from `first` on. Raises NoFreePorts."""
    found: list[int] = []
    for port in range(first, HIGHEST_PORT + 1):
        if len(found) == count:
            break
        if is_free(host, port):
            found.append(port)
    if len(found) < count:
        raise NoFreePorts(
            f"From port {first} on only {len(found)} are free, and {count} are needed. "
            f"Start lower: jangteo up --ports {FIRST_PORT}"
        )
    return found


def find_private(host: str, count: int) -> list[int]:
    """Free ports for a short-lived world, from a random place below those the kernel gives out."""
    lowest_given_out = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    room = max(1, lowest_given_out - LOWEST_PRIVATE - count)
    return find_free(host, count, LOWEST_PRIVATE + secrets.randbelow(room))


def refuse_taken(host: str, ports: Sequence[int]) -> None:
    """Raise PortTaken for the first that is not free."""
    for port in ports:
        if not is_free(host, port):
            free = find_free(host, len(ports), first=_next_hundred(max(ports)))[0]
            raise PortTaken(
                f"Port {port} is taken by another program{holder(port) or ''}. "
                f"Stop it, or start on other ports: jangteo up --ports {free}"
            )


def _next_hundred(port: int) -> int:
    following = (port // 100 + 1) * 100
    return following if following < HIGHEST_PORT - 1000 else FIRST_PORT


def holder(port: int) -> Holder | None:
    """Who listens on this port or receives its datagrams; None if nobody does."""
    sockets = _sockets(port)
    if not sockets:
        return None
    for descriptors in Path("/proc").glob("[0-9]*/fd"):
        pid = int(descriptors.parent.name)
        if sockets & _open_sockets(descriptors):
            return Holder(pid, program_of(pid))
    return Holder(None, "")


def _sockets(port: int) -> set[str]:
    """Inodes of the sockets bound to a port (proc_net(5)), except mere connections."""
    found = set()
    for name in ("tcp", "tcp6", "udp", "udp6"):
        with suppress(OSError):
            for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
                fields = line.split()
                held = int(fields[1].rpartition(":")[2], 16) == port
                if held and (fields[3] == _LISTENING or name.startswith("udp")):
                    found.add(fields[9])
    return found


def _open_sockets(descriptors: Path) -> set[str]:
    found = set()
    with suppress(OSError):
        for descriptor in descriptors.iterdir():
            with suppress(OSError):
                target = os.readlink(descriptor)
                if target.startswith("socket:["):
                    found.add(target.removeprefix("socket:[").removesuffix("]"))
    return found
