"""What goes over the wire is plain MessagePack: another library reads it and writes it."""

import msgpack
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto import codec

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**63), max_value=2**64 - 1)
    | st.text(max_size=40)
    | st.binary(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)


class Letter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sender: bytes
    amount: int
    words: str


@given(VALUES)
def test_another_library_reads_what_we_write(value: object) -> None:
    assert msgpack.unpackb(codec.encode(value), strict_map_key=False) == value


@given(st.binary(max_size=40), st.integers(0, 2**53), st.text(max_size=40))
def test_we_read_what_another_library_writes_in_our_order(
    sender: bytes, amount: int, words: str
) -> None:
    fields = {"sender": sender, "amount": amount, "words": words}
    assert codec.decode(msgpack.packb(fields), Letter) == Letter(sender, amount, words)


def test_the_same_fields_in_another_order_are_a_second_spelling() -> None:
    fields = {"words": "", "sender": b"", "amount": 1}
    with pytest.raises(codec.MalformedEncoding):
        codec.decode(msgpack.packb(fields), Letter)
