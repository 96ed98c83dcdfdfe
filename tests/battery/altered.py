"""Every field of a valid message altered, one at a time, down into the documents it carries.

A document's field is altered under the signatures as they were, and once more signed anew by whom
it names, as far as their keys are at hand: what a liar can make of its own word.
"""

import enum
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
from msgspec import inspect as shapes

from crypto import codec
from crypto.documents import Document, Signed, _signers, label_of
from crypto.signing import SigningKey

Keys = Mapping[bytes, SigningKey]
Rebuild = Callable[[Any], Any]


@dataclass(frozen=True)
class Altered:
    field: str
    """`contract.content.price`: names and places, from the message down."""
    message: Any
    signed_anew: bool
    """By the signers of the document the field stands in."""


def altered(message: msgspec.Struct, keys: Keys = {}) -> Iterator[Altered]:  # noqa: B006
    shape = shapes.type_info(type(message))
    for field, made in _leaves(shape, message, lambda new: new, "", {}):
        yield Altered(field, made, False)
    if keys:
        plain = {field for field, _ in _leaves(shape, message, lambda new: new, "", {})}
        for field, made in _leaves(shape, message, lambda new: new, "", keys):
            if field in plain and ".content." in field and made is not None:
                yield Altered(field, made, True)


def _leaves(
    shape: Any, value: Any, rebuild: Rebuild, at: str, keys: Keys
) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Signed):
        yield from _of_signed(shape, value, rebuild, at, keys)
    elif isinstance(value, msgspec.Struct):
        for field in _struct(shape, value).fields:
            yield from _leaves(
                field.type,
                getattr(value, field.name),
                partial(_with_field, rebuild, value, field.name),
                f"{at}.{field.name}".lstrip("."),
                keys,
            )
    elif isinstance(value, tuple):
        item = _only(shape, shapes.VarTupleType).item_type
        for number, one in enumerate(value):
            yield from _leaves(
                item,
                one,
                partial(_with_item, rebuild, value, number),
                f"{at}.{number}",
                keys,
            )
    elif value is not None:
        yield at, rebuild(another(value, shape))


def _with_field(rebuild: Rebuild, value: msgspec.Struct, name: str, new: Any) -> Any:
    return rebuild(msgspec.structs.replace(value, **{name: new}))


def _with_item(rebuild: Rebuild, value: tuple[Any, ...], number: int, new: Any) -> Any:
    return rebuild((*value[:number], new, *value[number + 1 :]))


def _of_signed(
    shape: Any, signed: Signed[Any], rebuild: Rebuild, at: str, keys: Keys
) -> Iterator[tuple[str, Any]]:
    (type_,) = _struct(shape, signed).cls.__args__
    document = codec.decode(signed.content, type_)

    def with_content(new: Any) -> Any:
        made = sign_again(type_, document, new, signed, keys)
        return None if made is None else rebuild(made)

    yield from _leaves(shapes.type_info(type_), document, with_content, f"{at}.content", keys)
    if keys:
        return
    yield f"{at}.content", rebuild(Signed(another(signed.content), signed.signatures))
    for number, signature in enumerate(signed.signatures):
        rest = [*signed.signatures]
        rest[number] = another(signature)
        yield f"{at}.signatures.{number}", rebuild(Signed(signed.content, tuple(rest)))
    if signed.signatures:
        yield f"{at}.signatures", rebuild(Signed(signed.content, signed.signatures[:-1]))
    more = (*signed.signatures, bytes(64))
    yield f"{at}.signatures", rebuild(Signed(signed.content, more))


def sign_again(
    type_: type[Document], before: Any, after: Any, signed: Signed[Any], keys: Keys
) -> Signed[Any] | None:
    """The altered document: signed as it was, or anew with `keys`; None where one is missing."""
    content = codec.encode(after)
    if not keys:
        return Signed(content, signed.signatures)
    signers = [getattr(before, field) for field in _signers[type_]][: len(signed.signatures)]
    if not signers or any(signer not in keys for signer in signers):
        return None
    label = label_of(type_)
    return Signed(content, tuple(keys[signer].sign(label, content) for signer in signers))


def _only(shape: Any, kind: Any) -> Any:
    """The shape itself, or that one of a union's."""
    found = [one for one in getattr(shape, "types", (shape,)) if isinstance(one, kind)]
    (one,) = found
    return one


def _struct(shape: Any, value: msgspec.Struct) -> Any:
    found = _only(shape, shapes.StructType)
    assert isinstance(value, getattr(found.cls, "__origin__", found.cls))
    return found


def another(value: Any, shape: Any = None) -> Any:
    """A value of the same type and length that is not this one."""
    if isinstance(shape, shapes.LiteralType):
        return next(one for one in shape.values if one != value)
    match value:
        case enum.Enum():
            others = [one for one in type(value) if one is not value]
            return others[0] if others else "no-such-word"
        case bool():
            return not value
        case int():
            return value + 1
        case str():
            return value[:-1] + ("b" if value.endswith("a") else "a") if value else "a"
        case bytes():
            middle = len(value) // 2
            if not value:
                return b"\x01"
            return value[:middle] + bytes([value[middle] ^ 1]) + value[middle + 1 :]
    raise TypeError(f"no other value like {value!r}")
