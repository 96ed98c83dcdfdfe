"""MessagePack as a careless or malicious writer spells it: any value, several ways."""

from collections.abc import Iterator
from typing import Any

import msgspec

Path = tuple[Any, ...]
"""Where a value lies in a message: field names and places in tuples."""
Pairs = list[tuple[Any, Any]]


def pack(value: Any, *, wide: Path | None = None, at: Path = ()) -> bytes:
    """`value` as it should be written, but for the one at `wide`: that in the widest form.

    A map is a dict, or a `Written` with its pairs in the order (and as often) as they are given.
    """
    head, inner = _head(value, wide == at), b""
    if isinstance(value, Written):
        inner = b"".join(_pair(k, v, wide, at) for k, v in value.pairs)
    elif isinstance(value, dict):
        inner = b"".join(_pair(k, v, wide, at) for k, v in value.items())
    elif isinstance(value, list | tuple):
        inner = b"".join(pack(v, wide=wide, at=(*at, n)) for n, v in enumerate(value))
    return head + inner


class Written:
    """A map whose pairs stand as they are written."""

    def __init__(self, pairs: Pairs) -> None:
        self.pairs = pairs


def _pair(key: Any, value: Any, wide: Path | None, at: Path) -> bytes:
    return pack(key, at=("", *at)) + pack(value, wide=wide, at=(*at, key))


def _head(value: Any, wide: bool) -> bytes:
    """The value's first bytes; all of them where nothing is inside."""
    match value:
        case Written():
            return _sized(len(value.pairs), 0x80, 0xDF, wide)
        case dict():
            return _sized(len(value), 0x80, 0xDF, wide)
        case list() | tuple():
            return _sized(len(value), 0x90, 0xDD, wide)
        case str() if wide:
            text = value.encode()
            return b"\xdb" + len(text).to_bytes(4, "big") + text
        case bytes() if wide:
            return b"\xc6" + len(value).to_bytes(4, "big") + value
        case int() if wide and not isinstance(value, bool):
            return (b"\xcf" if value >= 0 else b"\xd3") + value.to_bytes(8, "big", signed=value < 0)
    return msgspec.msgpack.encode(value)


def _sized(count: int, short: int, widest: int, wide: bool) -> bytes:
    if wide:
        return bytes([widest]) + count.to_bytes(4, "big")
    if count < 16:
        return bytes([short | count])
    return bytes([widest - 1]) + count.to_bytes(2, "big")


def everywhere(value: Any, at: Path = ()) -> Iterator[tuple[Path, Any]]:
    """The value and every value inside it, with where it lies."""
    yield at, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from everywhere(inner, (*at, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from everywhere(inner, (*at, number))


def put(value: Any, path: Path, new: Any) -> Any:
    """A copy of `value` with `new` at `path`."""
    if not path:
        return new
    first, *rest = path
    if isinstance(value, dict):
        return {**value, first: put(value[first], tuple(rest), new)}
    return [put(v, tuple(rest), new) if n == first else v for n, v in enumerate(value)]


def raw(data: bytes) -> Any:
    """What was written: maps, lists and plain values."""
    return msgspec.msgpack.decode(data)


def dotted(path: Path) -> str:
    return ".".join(map(str, path))
