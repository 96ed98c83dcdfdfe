"""Anything at all on the HTTP paths of running nodes: never a failure, and never much memory."""

import asyncio
import base64
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nodes.protocols.envelope import LABEL, seal_wire
from nodes.protocols.message import Declaration, declarations
from nodes.runtime.streams import HEADER
from scenarios.lab.node_client import Node
from tests.battery.stage import STREAMS, Stage, stage_in

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]
MOST_GROWTH_BYTES = 16 << 20
PROTOCOLS = (
    "escrow_commerce",
    "dht_micropayment",
    "electronic_cash",
    "anonymous_micropayment",
    "membership",
    "accounts",
)
ALWAYS = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
SHOTS = 30
"""At once, in one example."""
MOVES_THE_LAB = {"kill_at", "clock"}
"""What would end the node, or its time."""


@dataclass(frozen=True)
class Shot:
    """One request at a node of a role."""

    role: str
    method: str
    path: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with stage_in(tmp_path_factory.mktemp("players")) as made:
        yield made
        failures = made.failures()
        assert not failures, "\n".join(failures[:10])


async def survives(stage: Stage, shots: Sequence[Shot]) -> None:
    """Each is answered, and none as a failure of the node's own."""
    told = await asyncio.gather(*(_fire(stage, shot) for shot in shots))
    failed = [
        (shot, status) for shot, status in zip(shots, told, strict=True) if not 200 <= status < 500
    ]
    assert not failed, failed[0]


async def _fire(stage: Stage, shot: Shot) -> int:
    node = next(node for node in stage.world.nodes.values() if node.role == shot.role)
    token = {"Authorization": f"Bearer {stage.folder.token}"}
    told = await stage.request(
        shot.method, node.url + shot.path, data=shot.body, headers={**token, **shot.headers}
    )
    return told.status


# what is sent

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.binary(max_size=100)
    | st.text(max_size=50),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
HEX = st.binary(max_size=64).map(bytes.hex) | st.just("00" * 16)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=40)
    | HEX,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)


def _posted() -> list[tuple[str, Declaration]]:
    return [
        (role.value, declaration)
        for protocol in PROTOCOLS
        for declaration in declarations(protocol)
        if declaration.answers is None and declaration.name not in STREAMS
        for role in declaration.receivers
    ]


@st.composite
def bodies(draw: st.DrawFn, declaration: Declaration) -> bytes:
    """No message of this type, more or less obviously."""
    fields = declaration.type.__struct_fields__
    values = st.fixed_dictionaries(dict.fromkeys(fields, ANYTHING))
    value = draw(st.one_of(values, ANYTHING))
    return draw(st.one_of(st.binary(max_size=300), st.just(msgspec.msgpack.encode(value))))


@st.composite
def envelopes(draw: st.DrawFn, stage: Stage) -> Shot:
    """Random bytes, or a certified party's envelope around them, signed where its step is."""
    role, declaration = draw(st.sampled_from(_posted()))
    body = draw(bodies(declaration))
    if draw(st.booleans()):
        sender = draw(st.sampled_from(stage.players)).party
        node = next(node for node in stage.world.nodes.values() if node.role == role)
        to = bytes.fromhex(node.id)
        envelope = {
            "protocol": declaration.protocol,
            "step": declaration.step,
            "transaction": draw(st.binary(min_size=16, max_size=16)),
            "nonce": bytes(16),
            "time": sender.now(),
            "to": to,
            "sender": None if declaration.anonymous else sender.id,
            "request": None,
            "body": body,
        }
        content = msgspec.msgpack.encode(envelope)
        signature = b"" if declaration.anonymous else sender.key.sign(LABEL, content)
        body = msgspec.msgpack.encode([content, signature])
        if declaration.sealed:
            card = stage.buyer.party.directory.known(to)
            body = seal_wire(body, declaration, to, card.sealing_key)
    return Shot(role, "POST", declaration.path, body)


@st.composite
def orders(draw: st.DrawFn, known: dict[str, dict[str, list[str]]]) -> Shot:
    """Random JSON, or none, to an operation of a node's owner."""
    role = draw(st.sampled_from(sorted(known)))
    operation = draw(st.sampled_from(sorted(known[role])))
    fields = st.fixed_dictionaries({}, optional=dict.fromkeys(known[role][operation], JSON))
    written = st.one_of(fields, fields, JSON).map(lambda value: json.dumps(value).encode())
    body = draw(st.one_of(written, written, st.binary(max_size=100)))
    return Shot(role, "POST", f"/control/{operation}", body)


NUMBERS = st.sampled_from(
    ["", "0", "-1", "1e308", "-1e400", "nan", "inf", "0x10", "1_0", "٣", "½", "0.001", "9" * 400]
)
QUERIES = st.dictionaries(
    st.sampled_from(["after", "transaction", "until", "wait", "name", "x"]),
    st.one_of(NUMBERS, st.text(max_size=30).filter(str.isidentifier), HEX),
    max_size=4,
).filter(lambda query: len(query.get("wait", "")) < 6 or not query["wait"].isdigit())
PATHS = [
    "/",
    "/healthz",
    "/metrics",
    "/.well-known/node",
    "/openapi.json",
    "/docs",
    "/docs/{}",
    "/inspect/trace",
    "/inspect/counters",
    "/inspect/view",
    "/inspect/ledger",
    "/inspect/transactions",
    "/inspect/transactions/{}",
    "/control",
    "/control/content/{}",
    "/content/{}",
    "/{}",
]
ROLES = [
    "certificate_authority",
    "broker",
    "central_server",
    "escrow_server",
    "bank_account_server",
    "coin_server",
    "peer",
]
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        HEADER: st.binary(max_size=200).map(lambda data: base64.b64encode(data).decode()),
        "Range": st.sampled_from(["bytes=0-", "bytes=-1", "bytes=9-1", "bytes=x", "lines=1-2"]),
        "Accept": st.sampled_from(["text/html", "*/*", ";;;"]),
    },
)


@st.composite
def looks(draw: st.DrawFn) -> Shot:
    """Any path and query of what a node shows."""
    part = draw(st.one_of(HEX, st.text(max_size=30)))
    path = draw(st.sampled_from(PATHS)).format(quote(part, safe="", errors="replace"))
    query = urlencode(draw(QUERIES), errors="replace")
    method = draw(st.sampled_from(["GET", "GET", "GET", "HEAD", "PUT", "DELETE"]))
    return Shot(draw(st.sampled_from(ROLES)), method, f"{path}?{query}", headers=draw(HEADERS))


# the fuzz


async def _operations(stage: Stage) -> dict[str, dict[str, list[str]]]:
    """By role: each operation and the fields it reads."""
    found: dict[str, dict[str, list[str]]] = {}
    for node in stage.world.nodes.values():
        described = await node.get("/openapi.json")
        schemas = described["components"]["schemas"]
        found[node.role] = {
            path.removeprefix("/control/"): _fields(schemas, methods["post"])
            for path, methods in described["paths"].items()
            if path.startswith("/control/") and "post" in methods and "{" not in path
            if path.removeprefix("/control/") not in MOVES_THE_LAB
        }
    return {role: operations for role, operations in found.items() if operations}


def _fields(schemas: dict[str, Any], post: dict[str, Any]) -> list[str]:
    reference = post["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    return list(schemas[reference.rpartition("/")[2]].get("properties", {}))


def _memory(stage: Stage) -> dict[str, int]:
    used = {name: usage.memory_bytes for name, usage in stage.world.usage().items()}
    assert used
    return used


async def test_nothing_that_is_sent_makes_a_node_fail_or_grow(stage: Stage) -> None:
    """Some thousands of requests; the first of each kind warm every path up."""
    operations = await _operations(stage)
    assert {"peer", "broker"} & set(operations)
    kinds = [envelopes(stage), orders(operations), looks()]
    loop, sent = asyncio.get_running_loop(), Counter[str]()

    def fuzz(examples: int) -> None:
        for kind in kinds:

            @settings(ALWAYS, max_examples=examples)
            @given(st.lists(kind, min_size=SHOTS, max_size=SHOTS))
            def holds(shots: list[Shot]) -> None:
                sent.update(shot.role for shot in shots)
                asyncio.run_coroutine_threadsafe(survives(stage, shots), loop).result(60)

            holds()

    await asyncio.to_thread(fuzz, 4)
    before = _memory(stage)
    await asyncio.to_thread(fuzz, 20)
    after = _memory(stage)
    grown = {name: after[name] - before[name] for name in before}
    assert max(grown.values()) < MOST_GROWTH_BYTES, grown
    assert sent.total() > 2000
    for node in stage.world.nodes.values():
        assert await _answers(node)


async def _answers(node: Node) -> bool:
    return (await node.get("/healthz")) == {"status": "alive"}
