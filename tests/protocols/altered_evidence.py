"""Evidence with one signed field changed and the signatures left as they are, field by field."""

from collections.abc import Iterator
from typing import Any

import msgspec

from crypto import codec
from crypto.signing import SigningKey
from nodes.protocols.envelope import wrap
from nodes.protocols.message import Message

NOW = 1_700_000_000_000


def enveloped(
    message: Message,
    key: SigningKey | None,
    to: SigningKey,
    transaction: bytes,
    request: bytes | None = None,
    now: int = NOW,
) -> bytes:
    """A message as it travels."""
    wire, _ = wrap(
        message,
        key=key,
        to=to.public_key,
        transaction=transaction,
        nonce=b"n" * 16,
        now=now,
        request=request,
    )
    return wire


def altered(piece: bytes) -> Iterator[tuple[str, bytes]]:
    """Every leaf of what is signed, other than it was; and every signature."""
    for path, value in _changes(msgspec.msgpack.decode(piece)):
        yield path, codec.encode(value)


def _changes(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """A byte string that holds an encoding of its own is changed inside."""
    match value:
        case bool() | None:
            return
        case int():
            yield path, value + 1
        case str():
            yield path, value[:-1] + ("x" if value[-1:] != "x" else "y")
        case bytes():
            yield from _in_bytes(value, path)
        case list():
            for place, one in enumerate(value):
                for where, other in _changes(one, f"{path}/{place}"):
                    yield where, [*value[:place], other, *value[place + 1 :]]
        case dict():
            for name, one in value.items():
                for where, other in _changes(one, f"{path}/{name}"):
                    yield where, {**value, name: other}


def _in_bytes(value: bytes, path: str) -> Iterator[tuple[str, bytes]]:
    try:
        inside = msgspec.msgpack.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError):
        inside = None
    if isinstance(inside, dict | list) and msgspec.msgpack.encode(inside) == value:
        for where, other in _changes(inside, path):
            yield where, msgspec.msgpack.encode(other)
    elif value:
        yield path, value[:-1] + bytes([value[-1] ^ 1])
