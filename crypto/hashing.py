"""SHA-256 (FIPS 180-4) over a label and length-prefixed parts.

The prefix makes the encoding injective: no two lists of parts share their bytes, so
("ab", "c") and ("a", "bc") never meet.
"""

import hashlib
import hmac
from functools import lru_cache
from typing import Annotated

import msgspec

from crypto.meter import count

DIGEST_BYTES = 32
Digest = Annotated[bytes, msgspec.Meta(min_length=DIGEST_BYTES, max_length=DIGEST_BYTES)]


def framed(label: str, *parts: bytes) -> bytes:
    """Label and parts, each behind its length as 8 bytes big endian."""
    pieces = [_framed_label(label)]
    for part in parts:
        pieces.append(len(part).to_bytes(8, "big"))
        pieces.append(part)
    return b"".join(pieces)


@lru_cache(maxsize=256)
def _framed_label(label: str) -> bytes:
    """Labels are few: each names a kind of thing."""
    encoded = label.encode()
    return len(encoded).to_bytes(8, "big") + encoded


def digest(label: str, *parts: bytes) -> bytes:
    """32 bytes; `label` says what is hashed, so a digest never serves for something else."""
    count("hash")
    return hashlib.sha256(framed(label, *parts)).digest()


def authenticate(key: bytes, label: str, *parts: bytes) -> bytes:
    """HMAC-SHA-256 (RFC 2104) over the framed parts: 32 bytes."""
    count("mac")
    return hmac.digest(key, framed(label, *parts), "sha256")


def is_authentic(tag: bytes, key: bytes, label: str, *parts: bytes) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(tag, authenticate(key, label, *parts))
