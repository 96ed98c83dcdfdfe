"""Whatever bytes arrive, a live node neither raises nor changes."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crypto import codec
from crypto.documents import Signed
from dht.network_in_memory import MemoryNetwork
from dht.node import DhtNode
from dht.records import Certificate, Put, RegisterName
from dht.rpc import REPLY, REQUEST
from dht.wire import (
    FetchRequest,
    FindNode,
    HoldsRequest,
    KeepRequest,
    OfferRoster,
    Ping,
    PutRequest,
    ReadRequest,
    RosterRequest,
    Wanted,
)
from tests.dht.worlds import key_of, keys, opening, signed_roster, world

STRANGER = ("10.9.9.9", 999)
SENDER = key_of("stranger").public_key
GENUINE = opening(77, key_of("alice"))
NAME = RegisterName("token", bytes(32), 3)
NEXT_ROSTER = signed_roster(keys(4), 3, 2, epoch=2)
HARMLESS: list[tuple[str, Any]] = [
    ("ping", Ping(SENDER, bytes(16))),
    ("find_node", FindNode(SENDER, bytes(20))),
    ("put", PutRequest(SENDER, Put(GENUINE.record, None, bytes(96)))),
    ("keep", KeepRequest(SENDER, Certificate(GENUINE.record, 1, bytes(32), ()))),
    ("read", ReadRequest(SENDER, NAME)),
    ("holds", HoldsRequest(SENDER, b"")),
    ("fetch", FetchRequest(SENDER, (Wanted(NAME, bytes(32)),))),
    ("roster", RosterRequest(SENDER, 2)),
    ("offer", OfferRoster(SENDER, Signed(NEXT_ROSTER.content, (bytes(64),)))),
]
"""Well-formed requests that a node refuses or that only read."""


@st.composite
def garbled_requests(draw: st.DrawFn) -> bytes:
    """A harmless request with some bytes replaced, cut off or added."""
    data = bytearray(REQUEST + draw(st.binary(min_size=20, max_size=20)))
    data += codec.encode(draw(st.sampled_from(HARMLESS)))
    for _ in range(draw(st.integers(0, 4))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    cut = draw(st.integers(0, len(data)))
    return bytes(data[:cut] if draw(st.booleans()) else data) + draw(st.binary(max_size=8))


@st.composite
def framed_values(draw: st.DrawFn) -> bytes:
    """Any MessagePack in a frame."""
    values = st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.binary() | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=12,
    )
    methods = st.sampled_from([method for method, _ in HARMLESS])
    body = draw(values | st.tuples(methods, values))
    kind = draw(st.sampled_from([REQUEST, REPLY, b"\x02"]))
    return kind + draw(st.binary(min_size=20, max_size=20)) + codec.encode(body)


def state_of(node: DhtNode) -> tuple[object, ...]:
    protocol = node._protocol
    return (
        [(contact.key, contact.address) for contact in protocol.router],
        node.registers(),
        dict(protocol._outstanding),
        len(protocol._in_hand),
        len(protocol.tasks),
        node.roster_digest,
    )


@pytest.fixture
def live(tmp_path: Path) -> Any:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()

        async def build() -> tuple[DhtNode, list[object]]:
            made = await stack.enter_async_context(
                world(tmp_path, 4, 3, 2, network=MemoryNetwork())
            )
            client = await made.client()
            await made.certified_opening(client, key_of("alice"))
            await client.close()
            node = next(iter(made.nodes.values()))
            complaints: list[object] = []
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda _, context: complaints.append(context))
            return node, complaints

        node, complaints = runner.run(build())
        yield runner, node, complaints
        runner.run(stack.aclose())


@settings(
    max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(datagram=st.binary(max_size=200) | garbled_requests() | framed_values())
def test_no_datagram_raises_or_changes_a_live_node(live: Any, datagram: bytes) -> None:
    runner, node, complaints = live

    async def feed() -> None:
        before = state_of(node)
        node._protocol.datagram_received(datagram, STRANGER)
        for _ in range(3):
            await asyncio.sleep(0)
        assert state_of(node) == before
        assert complaints == []

    runner.run(feed())


def test_a_flood_of_garbage_is_cheap_and_leaves_nothing_behind(live: Any) -> None:
    runner, node, complaints = live

    async def flood() -> None:
        before = state_of(node)
        for number in range(20_000):
            body = number.to_bytes(60, "big")
            node._protocol.datagram_received(REQUEST + bytes(20) + body, STRANGER)
        assert node.counters["malformed"] >= 20_000
        assert state_of(node) == before
        assert complaints == []

    runner.run(flood())
