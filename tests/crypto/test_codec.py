"""One value, one encoding: every other spelling of it is refused, and reading stays cheap."""

import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from crypto.codec import MalformedEncoding, decode, encode

NIL = b"\xc0"


class Coin(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    serial: bytes
    value: int


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    words: str
    count: int
    coins: tuple[Coin, ...]
    prices: dict[str, int]
    paid: bool
    note: str | None = None


INTEGERS = st.integers(-(2**63), 2**64 - 1)
COINS = st.builds(Coin, serial=st.binary(max_size=40), value=INTEGERS)
ORDERS = st.builds(
    Order,
    words=st.text(max_size=300),
    count=INTEGERS,
    coins=st.lists(COINS, max_size=20).map(tuple),
    prices=st.dictionaries(st.text(max_size=8), INTEGERS, max_size=20),
    paid=st.booleans(),
    note=st.none() | st.text(max_size=8),
)


# An independent writer of MessagePack that can spell each value in every allowed way.


def integer_spellings(value: int) -> Iterator[bytes]:
    if 0 <= value < 128 or -32 <= value < 0:
        yield value.to_bytes(1, "big", signed=value < 0)
    for head, size, signed in (
        (0xCC, 1, False), (0xCD, 2, False), (0xCE, 4, False), (0xCF, 8, False),
        (0xD0, 1, True), (0xD1, 2, True), (0xD2, 4, True), (0xD3, 8, True),
    ):  # fmt: skip
        try:
            yield bytes([head]) + value.to_bytes(size, "big", signed=signed)
        except OverflowError:
            continue


def headed(length: int, fixed: tuple[int, int] | None, *wide: tuple[int, int]) -> Iterator[bytes]:
    """Headers for a length, the shortest first: `fixed` (head, limit), `wide` (head, bytes)."""
    if fixed is not None and length < fixed[1]:
        yield bytes([fixed[0] | length])
    for head, size in wide:
        if length < 256**size:
            yield bytes([head]) + length.to_bytes(size, "big")


def spellings(value: object) -> Iterator[bytes]:
    """Every spelling of a value, each inner value in its shortest; the accepted one is first."""
    if isinstance(value, bool):
        yield b"\xc3" if value else b"\xc2"
    elif isinstance(value, int):
        yield from integer_spellings(value)
    elif value is None:
        yield NIL
    elif isinstance(value, str):
        body = value.encode()
        heads = headed(len(body), (0xA0, 32), (0xD9, 1), (0xDA, 2), (0xDB, 4))
        yield from (head + body for head in heads)
    elif isinstance(value, bytes):
        heads = headed(len(value), None, (0xC4, 1), (0xC5, 2), (0xC6, 4))
        yield from (head + value for head in heads)
    elif isinstance(value, list | tuple):
        body = b"".join(map(shortest, value))
        heads = headed(len(value), (0x90, 16), (0xDC, 2), (0xDD, 4))
        yield from (head + body for head in heads)
    elif isinstance(value, dict):
        pairs = [shortest(key) + shortest(item) for key, item in sorted(value.items())]
        yield from maps(pairs)
    else:
        raise AssertionError(type(value))


def shortest(value: object) -> bytes:
    return next(spellings(value))


def maps(pairs: list[bytes]) -> Iterator[bytes]:
    for head in headed(len(pairs), (0x80, 16), (0xDE, 2), (0xDF, 4)):
        yield head + b"".join(pairs)


def plain(order: Order) -> dict[str, Any]:
    fields = msgspec.structs.asdict(order)
    fields["coins"] = [[coin.serial, coin.value] for coin in order.coins]
    return fields


def pairs_of(order: Order) -> list[bytes]:
    """The encoded fields of an order, in the accepted order."""
    fields = plain(order)
    return [shortest(name) + shortest(value) for name, value in fields.items()]


@given(ORDERS)
def test_what_is_encoded_is_decoded(order: Order) -> None:
    assert decode(encode(order), Order) == order


@given(ORDERS)
def test_the_encoding_is_the_shortest_with_fields_in_order_and_keys_sorted(order: Order) -> None:
    assert encode(order) == next(maps(pairs_of(order)))


@given(ORDERS, st.randoms(use_true_random=False))
def test_fields_in_any_other_order_are_refused(order: Order, random: Any) -> None:
    pairs = pairs_of(order)
    shuffled = random.sample(pairs, len(pairs))
    assume(shuffled != pairs)
    for encoding in maps(shuffled):
        with pytest.raises(MalformedEncoding):
            decode(encoding, Order)


@given(st.dictionaries(st.text(max_size=8), INTEGERS, min_size=2), st.randoms())
def test_keys_of_a_map_in_any_other_order_are_refused(prices: dict[str, int], random: Any) -> None:
    pairs = [shortest(key) + shortest(price) for key, price in sorted(prices.items())]
    assert decode(next(maps(pairs)), dict[str, int]) == prices
    shuffled = random.sample(pairs, len(pairs))
    assume(shuffled != pairs)
    for wrong in (shuffled, [pairs[0], *pairs]):
        with pytest.raises(MalformedEncoding):
            decode(next(maps(wrong)), dict[str, int])


@given(ORDERS, st.integers(0, 5), st.integers(0, 6))
def test_a_doubled_key_is_refused(order: Order, which: int, where: int) -> None:
    pairs = pairs_of(order)
    pairs.insert(where, pairs[which])
    with pytest.raises(MalformedEncoding):
        decode(next(maps(pairs)), Order)


@given(ORDERS, st.integers(0, 5))
def test_a_missing_field_is_refused_though_it_has_a_default(order: Order, which: int) -> None:
    pairs = pairs_of(order)
    del pairs[which]
    with pytest.raises(MalformedEncoding):
        decode(next(maps(pairs)), Order)


@given(ORDERS)
def test_an_unknown_field_is_refused(order: Order) -> None:
    pairs = [*pairs_of(order), shortest("zzz") + NIL]
    with pytest.raises(MalformedEncoding):
        decode(next(maps(pairs)), Order)


@given(ORDERS)
def test_a_wide_header_of_the_map_is_refused(order: Order) -> None:
    accepted, *wide = maps(pairs_of(order))
    assert decode(accepted, Order) == order
    for encoding in wide:
        with pytest.raises(MalformedEncoding):
            decode(encoding, Order)


@given(ORDERS, st.sampled_from(sorted(Order.__struct_fields__)), st.booleans())
def test_a_wide_spelling_of_any_field_or_key_is_refused(
    order: Order, name: str, of_key: bool
) -> None:
    value = plain(order)[name]
    for spelling in list(spellings(name if of_key else value))[1:]:
        changed = spelling + shortest(value) if of_key else shortest(name) + spelling
        before = shortest(name) + shortest(value)
        pairs = [changed if pair == before else pair for pair in pairs_of(order)]
        with pytest.raises(MalformedEncoding):
            decode(next(maps(pairs)), Order)


@given(COINS, st.integers(-(2**63), 2**64 - 1))
def test_a_wide_spelling_inside_a_record_is_refused(coin: Coin, value: int) -> None:
    accepted, *wide = integer_spellings(value)
    for spelling in wide:
        with pytest.raises(MalformedEncoding):
            decode(b"\x92" + shortest(coin.serial) + spelling, Coin)
    assert decode(b"\x92" + shortest(coin.serial) + accepted, Coin).value == value


@given(ORDERS)
def test_text_given_as_bytes_and_a_number_given_as_text_are_refused(order: Order) -> None:
    for name, wrong in (("words", order.words.encode()), ("count", str(order.count))):
        pairs = [
            shortest(name) + shortest(wrong) if pair.startswith(shortest(name)) else pair
            for pair in pairs_of(order)
        ]
        with pytest.raises(MalformedEncoding):
            decode(next(maps(pairs)), Order)


@given(ORDERS, st.binary(min_size=1, max_size=8))
def test_bytes_behind_the_value_and_a_cut_off_end_are_refused(order: Order, tail: bytes) -> None:
    encoding = encode(order)
    for wrong in (encoding + tail, encoding[: -len(tail)], b""):
        with pytest.raises(MalformedEncoding):
            decode(wrong, Order)


@given(ORDERS, st.data())
def test_whatever_byte_is_altered_no_two_encodings_give_one_value(
    order: Order, data: st.DataObject
) -> None:
    encoding = bytearray(encode(order))
    place = data.draw(st.integers(0, len(encoding) - 1))
    encoding[place] ^= data.draw(st.integers(1, 255))
    try:
        value = decode(bytes(encoding), Order)
    except MalformedEncoding:
        return
    assert value != order
    assert encode(value) == bytes(encoding)


@given(st.binary(max_size=200), st.sampled_from([Order, Coin, Any, dict[str, int], str, float]))
def test_any_bytes_are_read_as_one_value_or_refused(data: bytes, type_: Any) -> None:
    try:
        value = decode(data, type_)
    except MalformedEncoding:
        return
    assert encode(value) == data


def test_maps_with_keys_that_are_no_text_are_refused() -> None:
    for data in (b"\x81\x01\x02", b"\x81\xc4\x01a\x02", b"\x82\x01\x02\xa1a\x02", b"\x81\x90\x01"):
        with pytest.raises(MalformedEncoding):
            decode(data, object)


def test_text_that_is_no_utf_8_and_lone_surrogates_are_refused() -> None:
    for body in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80"):
        with pytest.raises(MalformedEncoding):
            decode(shortest("x" * len(body))[:1] + body, str)


@pytest.mark.parametrize("level", [b"\x91", b"\x81\xa1a", b"\xdd\xff\xff\xff\xff"])
def test_a_value_nested_without_end_is_refused(level: bytes) -> None:
    refused_within(1 << 20, lambda: decode(level * 100_000, object))


@pytest.mark.parametrize("head", [b"\xdb", b"\xc6", b"\xdd", b"\xdf", b"\xc9"])
@pytest.mark.parametrize("type_", [str, bytes, list[int], tuple[int, ...], dict[str, int], Order])
def test_a_length_of_four_gigabytes_costs_no_memory(head: bytes, type_: Any) -> None:
    refused_within(1 << 16, lambda: decode(head + b"\xff" * 4 + b"\x01", type_))


def refused_within(most: int, read: Callable[[], object]) -> None:
    """Refused, and never more than `most` bytes held meanwhile."""
    tracemalloc.start()
    try:
        with pytest.raises(MalformedEncoding):
            read()
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()
