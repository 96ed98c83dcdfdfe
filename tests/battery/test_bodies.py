"""Bodies of any message that are too large, half, slow or broken; and streams that do not fit."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from crypto import codec
from crypto.documents import Signed, label_of
from nodes.protocols.envelope import wrap
from nodes.protocols.escrow_commerce.messages import Upload
from nodes.protocols.membership.enrolment import ask_to_enrol
from nodes.protocols.membership.messages import Card
from nodes.protocols.message import Declaration, Role, declaration_of, declarations
from nodes.runtime.streams import headers_for
from scenarios.lab.node_client import Node
from tests.battery import sales
from tests.battery.battery import changes, none
from tests.battery.stage import BODY_SECONDS, GARBAGE, STREAMS, Stage, Told, stage_in
from tests.crypto.mixed_key import MixedKey

pytestmark = pytest.mark.asyncio(loop_scope="module")
LIMIT = 1 << 20
PROTOCOLS = ("escrow_commerce", "dht_micropayment", "membership", "accounts")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with stage_in(tmp_path_factory.mktemp("players")) as made:
        yield made


def posted(stage: Stage) -> list[tuple[Node, Declaration]]:
    """Every path for messages at a node of each role that has it."""
    return [
        (stage.world.of_role(role)[0], declaration)
        for protocol in PROTOCOLS
        for declaration in declarations(protocol)
        if declaration.answers is None and declaration.name not in STREAMS
        for role in declaration.receivers
        if stage.world.of_role(role)
    ]


async def raw(node: Node, data: bytes, *, then_ends: bool = False) -> bytes:
    """What a node says to these bytes on a connection of their own."""
    host, _, port = node.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(data)
        await writer.drain()
        if then_ends:
            writer.transport.abort()
            return b""
        return await reader.read(4096)
    finally:
        writer.transport.abort()


def head(declaration: Declaration, length: int) -> bytes:
    return (
        f"POST {declaration.path} HTTP/1.1\r\nHost: node\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


async def test_every_path_bounds_its_body(stage: Stage) -> None:
    """Over the limit as announced, and over it as it comes; just at it, it is read."""
    before = await stage.at_rest()

    async def told(node: Node, declaration: Declaration, size: int) -> str:
        url = node.url + declaration.path
        announced = await stage.request("POST", url, data=bytes(size))
        return announced.code

    async def announced(node: Node, declaration: Declaration) -> bytes:
        return await raw(node, head(declaration, LIMIT + 1))

    paths = posted(stage)
    over = await asyncio.gather(*(announced(*path) for path in paths))
    assert all(b" 413 " in answer and b"http/body-too-large" in answer for answer in over)
    few = [next(path for path in paths if path[1].protocol == protocol) for protocol in PROTOCOLS]
    at_limit = await asyncio.gather(*(told(*path, LIMIT) for path in few))
    assert set(at_limit) <= {"message/malformed", "message/cannot-unseal"}
    none(changes(before, await stage.ledgers()))
    none(stage.failures())


async def test_half_a_body_is_nothing_and_a_slow_one_is_refused(stage: Stage) -> None:
    before, paths = await stage.at_rest(), posted(stage)

    async def slow(node: Node, declaration: Declaration) -> bytes:
        return await raw(node, head(declaration, 100) + b"half")

    async def half(node: Node, declaration: Declaration) -> bytes:
        return await raw(node, head(declaration, 100) + b"half", then_ends=True)

    async with asyncio.timeout(10 * BODY_SECONDS):
        await asyncio.gather(*(half(*path) for path in paths))
        answers = await asyncio.gather(*(slow(*path) for path in paths))
    assert all(b" 408 " in answer and b"http/body-too-slow" in answer for answer in answers)
    none(changes(before, await stage.ledgers()))
    none(stage.failures())


# D1u: the ciphertext of a dispute


async def shown(stage: Stage, sale: bytes, data: bytes, path: bytes = b"") -> Told:
    escrow_server = stage.world.escrow_server
    asked = stage.buyer.party.wrap(Upload(), bytes.fromhex(escrow_server.id), sale)
    url = f"{escrow_server.url}/content/{(path or sale).hex()}"
    return await stage.request("PUT", url, data=data, headers=headers_for(asked))


async def test_only_the_very_ciphertext_is_taken_in_a_dispute(stage: Stage) -> None:
    sale, _ = await sales.sale_in(stage, "disputed")
    before = await stage.at_rest()
    wrong = (b"", GARBAGE[:-1], GARBAGE + b"\0", b"\1" + GARBAGE[1:], bytes(1 << 20))
    for data in wrong:
        assert (await shown(stage, sale, data)).code == "escrow_commerce/wrong-upload", len(data)
    elsewhere = await shown(stage, sale, GARBAGE, path=bytes(16))
    assert elsewhere.code == "http/invalid-request"
    none(changes(before, await stage.ledgers()))
    assert (await shown(stage, sale, GARBAGE)).code == "accepted"
    await stage.world.escrow_server.until(sale.hex(), "refunded")


async def test_half_an_upload_judges_nothing_and_a_slow_one_is_refused(stage: Stage) -> None:
    sale, _ = await sales.sale_in(stage, "disputed")
    before, escrow_server = await stage.at_rest(), stage.world.escrow_server
    asked = stage.buyer.party.wrap(Upload(), bytes.fromhex(escrow_server.id), sale)
    (name, value), *_ = headers_for(asked).items()
    start = (
        f"PUT /content/{sale.hex()} HTTP/1.1\r\nHost: node\r\n{name}: {value}\r\n"
        f"Content-Length: {len(GARBAGE)}\r\n\r\n"
    ).encode()
    await raw(escrow_server, start + GARBAGE[:50], then_ends=True)
    answer = await raw(escrow_server, start + GARBAGE[:50])
    assert b"http/body-too-slow" in answer
    none(changes(before, await stage.ledgers()))
    none(stage.failures())


# E1: a key whose signatures prove too little


async def test_a_key_outside_the_prime_order_group_is_not_enrolled(stage: Stage) -> None:
    """Its envelope and its card are signed, and both signatures fit."""
    key, authority = MixedKey(987_654_321), stage.world.certificate_authority
    card = Card(key.public_key, bytes(32), Role.PEER, "mixed", "http://127.0.0.1:9", None, 1)
    content = codec.encode(card)
    signed: Signed[Card] = Signed(content, (key.sign(label_of(Card), content),))
    party = stage.poor.party
    wire, _ = wrap(
        ask_to_enrol(signed, party.settings.secret),
        key=key,  # type: ignore[arg-type]
        to=bytes.fromhex(authority.id),
        transaction=party.fresh_transaction(),
        nonce=party.fresh(16),
        now=party.now(),
    )
    before = await stage.at_rest()
    told = await stage.post(authority, declaration_of(type(ask_to_enrol(signed, b""))), wire)
    assert told.code == "membership/key-not-acceptable"
    none(changes(before, await stage.ledgers()))
