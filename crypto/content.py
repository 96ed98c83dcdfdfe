"""Content of any size under one key: Cobblestone-128, the chunked encryption of C2SP.

    header  = salt (24 bytes), commitment to key, salt and context (32 bytes)
    chunk i = AES-128-GCM of 16,384 bytes of content, its place and whether it is the last in the
              nonce; the last chunk is shorter than the others, and may be empty

So bits flipped, chunks left out, repeated or exchanged, and an end cut off are all found, and no
byte of a chunk is handed out before its tag holds. The commitment makes it impossible to prepare
one ciphertext that opens to two contents under two keys.

Everything streams: memory stays at a few blocks however long the content is. The digests are
plain SHA-256 of the bytes, which anyone can compare with `sha256sum`.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cryptography.cobblestone import Cobblestone128Decryptor, Cobblestone128Encryptor
from cryptography.exceptions import AlreadyFinalized, InvalidTag

from crypto import randomness
from crypto.meter import count

CONTENT_KEY_BYTES = 16
HEADER_BYTES = 56
CHUNK_BYTES = 16_384
"""Content in one chunk."""
TAG_BYTES = 16
BLOCK_BYTES = 1 << 20
"""How much is read from a file at once."""
PARTIAL_SUFFIX = ".partial"

Progress = Callable[[int], None]
"""Told how many bytes of the source are done, after each block."""


class ContentAltered(ValueError):
    """These bytes are not a whole content encrypted under this key and context."""


class ContentDiffers(ValueError):
    """The content decrypts, but to something else than was promised."""


@dataclass(frozen=True)
class ContentDigests:
    """SHA-256 (32 bytes) and size in bytes, before and after encryption."""

    plaintext_digest: bytes
    plaintext_size: int
    ciphertext_digest: bytes
    ciphertext_size: int


class _Sum:
    """SHA-256 and length of what passes by."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.size = 0

    def add(self, data: bytes) -> bytes:
        self._hash.update(data)
        self.size += len(data)
        return data

    @property
    def digest(self) -> bytes:
        return self._hash.digest()


class _Direction:
    """What encryption and decryption share: a sum on either side, and an end."""

    def __init__(self) -> None:
        self._plaintext = _Sum()
        self._ciphertext = _Sum()
        self._finished = False
        count("hash", 2)

    @property
    def digests(self) -> ContentDigests:
        assert self._finished, "digests are known after finish()"
        return ContentDigests(
            self._plaintext.digest,
            self._plaintext.size,
            self._ciphertext.digest,
            self._ciphertext.size,
        )

    @property
    def plaintext_digest(self) -> bytes:
        return self.digests.plaintext_digest

    @property
    def plaintext_size(self) -> int:
        return self.digests.plaintext_size

    @property
    def ciphertext_digest(self) -> bytes:
        return self.digests.ciphertext_digest

    @property
    def ciphertext_size(self) -> int:
        return self.digests.ciphertext_size


class Encryptor(_Direction):
    """Content goes in by pieces of any size, ciphertext comes out; then the digests stand."""

    def __init__(self, key: bytes, context: bytes) -> None:
        super().__init__()
        self._inner = Cobblestone128Encryptor(key, context)
        count("encrypt")

    def update(self, data: bytes) -> bytes:
        return self._ciphertext.add(self._inner.update(self._plaintext.add(data)))

    def finish(self) -> bytes:
        last = self._ciphertext.add(self._inner.finalize())
        self._finished = True
        return last


class Decryptor(_Direction):
    """The mirror of Encryptor. ContentAltered is raised before a byte of a bad chunk is given.

    The end is known only from finish(): until it has returned, the content may be cut off.
    """

    def __init__(self, key: bytes, context: bytes) -> None:
        super().__init__()
        self._inner = Cobblestone128Decryptor(key, context)
        count("decrypt")

    def update(self, data: bytes) -> bytes:
        self._ciphertext.add(data)
        with _altered():
            return self._plaintext.add(self._inner.update(data))

    def finish(self) -> bytes:
        with _altered():
            last = self._plaintext.add(self._inner.finalize())
        self._finished = True
        return last


@contextmanager
def _altered() -> Iterator[None]:
    try:
        yield
    except (InvalidTag, AlreadyFinalized) as error:
        raise ContentAltered("not a whole content under this key and context") from error


def generate_content_key() -> bytes:
    """16 bytes, for one content in one sale: never used again."""
    return randomness.octets(CONTENT_KEY_BYTES)


def ciphertext_size_of(plaintext_size: int) -> int:
    """How many bytes a content of that size becomes."""
    chunks = plaintext_size // CHUNK_BYTES + 1
    return HEADER_BYTES + plaintext_size + chunks * TAG_BYTES


def encrypt_file(
    source: Path, target: Path, key: bytes, context: bytes, progress: Progress | None = None
) -> ContentDigests:
    """Encrypt a file into another, which appears only when it is whole and on the disk."""
    encryptor = Encryptor(key, context)
    with _appearing(target) as file:
        _pump(source, file, encryptor.update, progress)
        file.write(encryptor.finish())
    return encryptor.digests


def decrypt_file(
    source: Path,
    target: Path,
    key: bytes,
    context: bytes,
    expected_plaintext_digest: bytes,
    progress: Progress | None = None,
) -> ContentDigests:
    """Decrypt a file into another, which appears only if every tag and the promised digest hold.

    Raises ContentAltered if the source cannot be decrypted, ContentDiffers if it decrypts to
    something else than promised; then nothing is left beside `target`.
    """
    decryptor = Decryptor(key, context)
    with _appearing(target) as file:
        _pump(source, file, decryptor.update, progress)
        file.write(decryptor.finish())
        if decryptor.plaintext_digest != expected_plaintext_digest:
            raise ContentDiffers("the content is not the one promised")
    return decryptor.digests


def hash_file(path: Path, progress: Progress | None = None) -> tuple[bytes, int]:
    """SHA-256 (32 bytes) and size of a file."""
    count("hash")
    sum_ = _Sum()
    for block in _blocks(path, progress):
        sum_.add(block)
    return sum_.digest, sum_.size


def remove_partial_files(folder: Path) -> int:
    """Remove what a killed process left half written; call it before others write there."""
    leftovers = [path for path in folder.glob(f".*{PARTIAL_SUFFIX}") if path.is_file()]
    for path in leftovers:
        path.unlink()
    return len(leftovers)


def _blocks(path: Path, progress: Progress | None) -> Iterator[bytes]:
    done = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            yield block
            done += len(block)
            if progress is not None:
                progress(done)


def _pump(
    source: Path, file: BinaryIO, change: Callable[[bytes], bytes], progress: Progress | None
) -> None:
    for block in _blocks(source, progress):
        file.write(change(block))


@contextmanager
def _appearing(target: Path) -> Iterator[BinaryIO]:
    """A temporary file beside `target` that takes its name if the block ends well, else goes."""
    handle, name = tempfile.mkstemp(PARTIAL_SUFFIX, f".{target.name}.", target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """The new name, too, must be on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
