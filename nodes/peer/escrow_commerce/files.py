"""Content on this peer's disk: offered, encrypted for a sale, fetched, opened.

    content/offered/<content id>     C, as its owner gave it
    content/selling/<sale>           E_K(C), kept until the sale is over
    content/fetching/<sale>          what has come of E_K(C) so far
    content/bought/<sale>            E_K(C), whole, until it is opened or judged
    content/opened/<sale>            C, after every tag and H(C) held

Everything passes in blocks, hashed and written off the event loop's thread.
"""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from crypto.content import (
    BLOCK_BYTES,
    ContentAltered,
    ContentDiffers,
    ContentDigests,
    Decryptor,
    decrypt_file,
    encrypt_file,
    generate_content_key,
    remove_partial_files,
)
from nodes.protocols.escrow_commerce.messages import Complaint, ContentId, ContentKey
from nodes.protocols.escrow_commerce.sale import content_context
from nodes.protocols.message import TransactionId
from nodes.runtime.streams import Blocks

FOLDERS = ("offered", "selling", "fetching", "bought", "opened")


class ContentFiles:
    def __init__(self, data: Path) -> None:
        self._root = data / "content"
        for name in FOLDERS:
            folder = self._root / name
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            remove_partial_files(folder)

    def offered(self, content_id: ContentId) -> Path:
        return self._root / "offered" / content_id.hex()

    def selling(self, sale: TransactionId) -> Path:
        return self._root / "selling" / sale.hex()

    def fetching(self, sale: TransactionId) -> Path:
        return self._root / "fetching" / sale.hex()

    def bought(self, sale: TransactionId) -> Path:
        return self._root / "bought" / sale.hex()

    def opened(self, sale: TransactionId) -> Path:
        return self._root / "opened" / sale.hex()

    # the owner's content

    async def take_in(self, stream: Blocks, name: bytes) -> tuple[ContentId, int]:
        """Keep what the owner gives under its digest; `name` makes the temporary one unique."""
        partial = self._root / "offered" / f".{name.hex()}.partial"
        try:
            summed = await _write(partial, stream, Summed())
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        await asyncio.to_thread(_publish, partial, self.offered(summed.digest))
        return summed.digest, summed.size

    # selling

    async def encrypt(
        self, sale: TransactionId, content_id: ContentId
    ) -> tuple[ContentKey, ContentDigests]:
        """E_K(C) under a fresh K, on disk when this returns."""
        key = generate_content_key()
        digests = await asyncio.to_thread(
            encrypt_file,
            self.offered(content_id),
            self.selling(sale),
            key,
            content_context(sale),
        )
        return key, digests

    # buying

    async def summed_so_far(self, sale: TransactionId) -> "Summed":
        """Digest and size of what has come of E_K(C), to go on from there."""
        return await asyncio.to_thread(_sum_file, self.fetching(sale))

    async def append(self, sale: TransactionId, stream: Blocks, summed: "Summed") -> None:
        """More of E_K(C); what was written counts even if the stream breaks off."""
        await _write(self.fetching(sale), stream, summed)

    async def fetched(self, sale: TransactionId) -> None:
        """E_K(C) is there whole."""
        await asyncio.to_thread(_publish, self.fetching(sale), self.bought(sale))

    async def open(
        self, sale: TransactionId, key: ContentKey, content_id: ContentId | None
    ) -> Complaint | None:
        """Decrypt what was bought. What is wrong with it, or None; then `opened` is there."""
        return await asyncio.to_thread(self._open, sale, key, content_id)

    def _open(
        self, sale: TransactionId, key: ContentKey, content_id: ContentId | None
    ) -> Complaint | None:
        source, context = self.bought(sale), content_context(sale)
        try:
            if content_id is None:  # nothing is promised, so whatever it opens to is it
                content_id = _content_digest(source, key, context)
            decrypt_file(source, self.opened(sale), key, context, content_id)
        except ContentAltered:
            return Complaint.CANNOT_DECRYPT
        except ContentDiffers:
            return Complaint.WRONG_CONTENT
        return None

    # when it is over

    def discard_encrypted(self, sale: TransactionId) -> None:
        for path in (self.selling(sale), self.fetching(sale), self.bought(sale)):
            path.unlink(missing_ok=True)


class Summed:
    """SHA-256 and size of what passed."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.size = 0

    def add(self, block: bytes) -> None:
        self._hash.update(block)
        self.size += len(block)

    @property
    def digest(self) -> bytes:
        return self._hash.digest()


async def read_blocks(path: Path) -> AsyncIterator[bytes]:
    """A file in blocks, read off the loop's thread."""
    with path.open("rb") as file:
        while block := await asyncio.to_thread(file.read, BLOCK_BYTES):
            yield block


async def _write(path: Path, stream: Blocks, summed: Summed) -> Summed:
    """Append to a file; on the disk when this returns."""
    with path.open("ab") as file:
        async for block in stream:
            await asyncio.to_thread(_write_block, file, block, summed)
        await asyncio.to_thread(_sync, file)
    return summed


def _write_block(file: BinaryIO, block: bytes, summed: Summed) -> None:
    file.write(block)
    summed.add(block)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sum_file(path: Path) -> Summed:
    summed = Summed()
    if path.exists():
        with path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                summed.add(block)
    return summed


def _content_digest(source: Path, key: ContentKey, context: bytes) -> ContentId:
    decryptor = Decryptor(key, context)
    with source.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            decryptor.update(block)
    decryptor.finish()
    return decryptor.plaintext_digest


def _publish(source: Path, target: Path) -> None:
    """Give a finished file its name, for good."""
    os.replace(source, target)
    for folder in {source.parent, target.parent}:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
