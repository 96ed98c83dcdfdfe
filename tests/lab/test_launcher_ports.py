"""Ports: which are free, and who holds one that is not."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scenarios.lab.failures import NoFreePorts, PortTaken
from scenarios.lab.ports import find_free, find_private, holder, is_free, refuse_taken
from scenarios.lab.processes import program_of

HOST = "127.0.0.1"


@contextmanager
def held(kind: socket.SocketKind) -> Iterator[int]:
    """A port that this process listens on, or receives datagrams at; none that others are given."""
    port = find_free(HOST, 1, 23_000)[0]
    with socket.socket(socket.AF_INET, kind) as holding:
        holding.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holding.bind((HOST, port))
        if kind == socket.SOCK_STREAM:
            holding.listen()
        yield holding.getsockname()[1]


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_held_port_is_not_free_and_its_holder_is_named(kind: socket.SocketKind) -> None:
    with held(kind) as port:
        assert not is_free(HOST, port)
        found = holder(port)

    assert found is not None
    assert (found.pid, found.program) == (os.getpid(), program_of(os.getpid()))
    assert is_free(HOST, port)
    assert holder(port) is None


def test_a_port_whose_connections_are_closing_is_free() -> None:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, 0))
        listener.listen()
        port = listener.getsockname()[1]
        # The server's side closes first, and keeps the connection's end for a minute.
        with socket.create_connection((HOST, port)):
            listener.accept()[0].close()

    assert is_free(HOST, port)


def test_free_ports_are_found_past_those_that_are_held() -> None:
    with held(socket.SOCK_STREAM) as port:
        found = find_free(HOST, 3, first=port)

    assert port not in found
    assert found == sorted(set(found))
    assert all(number > port for number in found)


def test_too_few_ports_above_a_start_are_refused() -> None:
    with pytest.raises(NoFreePorts, match=r"--ports 8100"):
        find_free(HOST, 20, first=65_530)


def test_a_taken_port_is_refused_with_who_took_it_and_where_to_go() -> None:
    with held(socket.SOCK_STREAM) as port, pytest.raises(PortTaken) as refused:
        refuse_taken(HOST, [port])

    message = str(refused.value)
    assert message.startswith(f"Port {port} is taken by another program (pid {os.getpid()}, ")
    assert "jangteo up --ports " in message


def test_ports_of_short_lived_worlds_are_none_that_the_kernel_gives_to_others() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])

    found = find_private(HOST, 20)

    assert len(set(found)) == 20
    assert max(found) < lowest
