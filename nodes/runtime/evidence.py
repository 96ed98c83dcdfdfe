"""Signed messages and documents kept with their transaction, to be shown to a judge."""

from typing import Any

import msgspec

from crypto import codec
from crypto.documents import Signed
from nodes.protocols.envelope import Opened
from nodes.runtime.store import Reader, Store, Transaction


class Piece(msgspec.Struct, frozen=True, array_like=True):
    what: str
    """Protocol and step of a message, or a document's name."""
    content: bytes
    """[content, signature]: the plain form of an envelope, or a document as it travels."""


def shown(**pieces: Any) -> list[dict[str, str]]:
    """Those that are there, by name, for people and judges; hex."""
    return [
        {"what": what, "bytes": codec.encode(piece).hex()}
        for what, piece in pieces.items()
        if piece is not None
    ]


class Evidence:
    """Pieces of each transaction in the order they came; one that came before is kept once."""

    def __init__(self, store: Store, table: str) -> None:
        self._table = store.table(table, Piece)

    def keep_message(self, tx: Transaction, received: Opened[Any]) -> None:
        declaration = received.declaration
        what = f"{declaration.protocol} {declaration.step}"
        self._keep(tx, received.transaction, Piece(what, received.wire))

    def keep_document(
        self, tx: Transaction, transaction: bytes, what: str, signed: Signed[Any]
    ) -> None:
        self._keep(tx, transaction, Piece(what, codec.encode(signed)))

    def _keep(self, tx: Transaction, transaction: bytes, piece: Piece) -> None:
        kept = self._table.values(tx, transaction)
        if piece not in kept:
            self._table.put(tx, transaction + len(kept).to_bytes(2, "big"), piece)

    def of(self, reader: Reader, transaction: bytes) -> list[dict[str, str]]:
        """For people and judges; hex."""
        return [
            {"what": piece.what, "bytes": piece.content.hex()}
            for piece in self._table.values(reader, transaction)
        ]
