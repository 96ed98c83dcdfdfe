"""Every way a record of a declared type can be misshapen, derived from the type alone.

A field missing, of another type, past its bounds; a field nobody knows; and the same value spelled
another way. Whoever reads strictly refuses each of them.
"""

from collections.abc import Iterator
from typing import Any

from msgspec import inspect as shapes

from tests.battery.spelling import Path, Written, dotted, everywhere, pack, put, raw

OTHERS: tuple[Any, ...] = (None, True, 7, 1.5, "word", b"word", [], {})
"""One value of each type that MessagePack has."""
Bytes = tuple[str, bytes]
"""What is wrong, and the bytes that are wrong so."""


def misshapen(type_: Any, data: bytes) -> Iterator[Bytes]:
    """`data` is the encoding of a `type_`."""
    value = raw(data)
    yield from _unreadable(data)
    for path, shape, here in _walk(shapes.type_info(type_), value):
        name = dotted(path) or "the whole"
        for what, new in _wrong_values(shape, here):
            yield f"{name}: {what}", pack(put(value, path, new))
    yield from _other_spellings(value)


def _unreadable(data: bytes) -> Iterator[Bytes]:
    yield "nothing", b""
    yield "cut short", data[:-1]
    yield "a byte behind", data + b"\x00"
    yield "twice", data + data
    yield "no MessagePack", b"\xc1"


def _other_spellings(value: Any) -> Iterator[Bytes]:
    usual = pack(value)
    for path, here in everywhere(value):
        wide = pack(value, wide=path)
        if wide != usual:
            yield f"{dotted(path) or 'the whole'}: a wide form", wide
        if isinstance(here, dict) and here:
            pairs = list(here.items())
            if len(pairs) > 1:
                turned = put(value, path, Written(pairs[::-1]))
                yield f"{dotted(path) or 'the whole'}: fields in another order", pack(turned)
            doubled = put(value, path, Written([*pairs, pairs[0]]))
            yield f"{dotted(path) or 'the whole'}: a field twice", pack(doubled)


def _walk(shape: Any, value: Any, at: Path = ()) -> Iterator[tuple[Path, Any, Any]]:
    """Each part of a value with its declared shape."""
    yield at, shape, value
    if isinstance(shape, shapes.UnionType):
        fitting = [one for one in shape.types if _family(one) & _family_of(value)]
        for one in fitting:
            for path, inner, here in _walk(one, value, at):
                if path != at:
                    yield path, inner, here
    elif isinstance(shape, shapes.StructType):
        for number, field in enumerate(shape.fields):
            key = number if shape.array_like else field.encode_name
            yield from _walk(field.type, value[key], (*at, key))
    elif isinstance(shape, shapes.VarTupleType) and value:
        yield from _walk(shape.item_type, value[0], (*at, 0))


def _family(shape: Any) -> frozenset[str]:
    """Which types of MessagePack a shape admits."""
    match shape:
        case shapes.UnionType():
            return frozenset().union(*(_family(one) for one in shape.types))
        case shapes.StructType():
            return frozenset({"array" if shape.array_like else "map"})
        case shapes.EnumType():
            return _family_of(next(iter(shape.cls)).value)
        case shapes.LiteralType():
            return _family_of(shape.values[0])
    names = {
        shapes.NoneType: "nil",
        shapes.BoolType: "bool",
        shapes.IntType: "int",
        shapes.StrType: "str",
        shapes.BytesType: "bin",
        shapes.VarTupleType: "array",
    }
    return frozenset({names[type(shape)]})


def _family_of(value: Any) -> frozenset[str]:
    names = {bool: "bool", int: "int", float: "float", str: "str", bytes: "bin", list: "array"}
    return frozenset({"nil" if value is None else names.get(type(value), "map")})


def _wrong_values(shape: Any, value: Any) -> Iterator[tuple[str, Any]]:
    for other in OTHERS:
        if not _family(shape) & _family_of(other):
            yield f"{other!r} instead", other
    yield from _out_of_bounds(shape, value)


def _out_of_bounds(shape: Any, value: Any) -> Iterator[tuple[str, Any]]:
    match shape:
        case shapes.UnionType():
            for one in shape.types:
                yield from _out_of_bounds(one, value if _family(one) & _family_of(value) else None)
        case shapes.BytesType():
            yield from _lengths(shape, b"a")
        case shapes.StrType():
            yield from _lengths(shape, "a")
            if shape.pattern is not None:
                yield "against its pattern", "No Name!\n"
        case shapes.IntType():
            yield from _numbers(shape)
        case shapes.EnumType() | shapes.LiteralType():
            known = shape.values if isinstance(shape, shapes.LiteralType) else ("",)
            yield "none of its values", 77 if isinstance(known[0], int) else "no-such-word"
        case shapes.VarTupleType() if value is not None:
            yield from _lengths(shape, value[:1] or None)
        case shapes.StructType() if value is not None:
            yield from _other_fields(shape, value)


def _lengths(shape: Any, one: Any) -> Iterator[tuple[str, Any]]:
    if shape.max_length is not None and one is not None:
        yield "one too long", one * (shape.max_length + 1)
    if shape.min_length and one is not None:
        yield "one too short", one * (shape.min_length - 1)


def _numbers(shape: Any) -> Iterator[tuple[str, Any]]:
    if shape.le is not None:
        yield "one too large", shape.le + 1
        yield "far too large", 2**64 - 1
    if shape.ge is not None:
        yield "one too small", shape.ge - 1


def _other_fields(shape: Any, value: Any) -> Iterator[tuple[str, Any]]:
    if shape.array_like:
        yield "one field more", [*value, None]
        for left in range(len(value)):
            yield f"only {left} fields", value[:left]
        return
    for field in shape.fields:
        rest = {k: v for k, v in value.items() if k != field.encode_name}
        yield f"no {field.encode_name}", rest
    yield "a field nobody knows", {**value, "nobody_knows": 1}
