"""Evidence is kept as it came, in order, each piece once."""

from pathlib import Path

import pytest

from crypto.documents import Signed
from crypto.signing import SigningKey
from nodes.protocols.envelope import Opened, unwrap, wrap
from nodes.runtime.evidence import Evidence
from nodes.runtime.store import Store
from tests.greeting.messages import Note

pytestmark = pytest.mark.asyncio

ALICE, BOB = SigningKey(b"a" * 32), SigningKey(b"b" * 32)
ONE, OTHER = b"1" * 16, b"2" * 16


def note(text: str, transaction: bytes = ONE) -> Opened[Note]:
    wire, _ = wrap(
        Note(text=text),
        key=ALICE,
        to=BOB.public_key,
        transaction=transaction,
        nonce=b"n" * 16,
        now=1,
    )
    return unwrap(wire, Note, BOB.public_key)


async def test_pieces_are_kept_in_order_once_and_by_transaction(tmp_path: Path) -> None:
    store = Store(tmp_path / "node.db")
    evidence = Evidence(store, "evidence")
    signed = Signed[Note](b"content", (b"signature",))  # type: ignore[type-var]
    async with store.transaction() as tx:
        evidence.keep_message(tx, note("first"))
        evidence.keep_message(tx, note("second"))
        evidence.keep_message(tx, note("first"))
        evidence.keep_message(tx, note("elsewhere", OTHER))
        evidence.keep_document(tx, ONE, "contract", signed)
    kept = evidence.of(store.committed, ONE)
    step = note("x").declaration
    assert [piece["what"] for piece in kept] == [f"greeting {step.step}"] * 2 + ["contract"]
    assert bytes.fromhex(kept[0]["bytes"]) == note("first").wire
    assert len(evidence.of(store.committed, OTHER)) == 1
    await store.close()
