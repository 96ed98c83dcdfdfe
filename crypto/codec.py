"""MessagePack with exactly one accepted encoding for each value.

msgspec reads several spellings of one value (reordered or doubled keys, wide integers, explicit
nil); here a decoded value is encoded again and must give the same bytes, so what two parties
hash and sign can never differ while meaning the same. A record's fields stand in the order of its
type, a map's keys are text in sorted order.

What is signed holds no floats: 0.0 and -0.0 are equal and have two encodings.
"""

from collections.abc import Hashable
from functools import cache
from typing import Any, TypeVar, cast

import msgspec

T = TypeVar("T")


class MalformedEncoding(ValueError):
    """These bytes are not the one encoding of any value of the type asked for."""


_encoder = msgspec.msgpack.Encoder(order="deterministic")


@cache
def _decoder(type_: Any) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(type_, strict=True)


def encode(value: object) -> bytes:
    return _encoder.encode(value)


def decode(data: bytes, type_: type[T]) -> T:
    """Raise MalformedEncoding unless `data` is the encoding of a `type_`."""
    try:
        value: T = _decoder(cast(Hashable, type_)).decode(data)
        again = _encoder.encode(value)
    except (msgspec.DecodeError, UnicodeError, TypeError, OverflowError, RecursionError) as error:
        raise MalformedEncoding(str(error)) from error
    if again != data:
        raise MalformedEncoding("a second spelling of a value")
    return value
