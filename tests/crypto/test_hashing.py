"""Framing: two different lists of parts never share their bytes."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.hashing import authenticate, digest, framed, is_authentic

LABELS = st.text(max_size=6)
PARTS = st.lists(st.binary(max_size=12), max_size=4)


def parsed(framing: bytes) -> list[bytes]:
    """Label and parts, read back from their framing."""
    pieces = []
    while framing:
        length = int.from_bytes(framing[:8], "big")
        pieces.append(framing[8 : 8 + length])
        framing = framing[8 + length :]
    return pieces


@given(LABELS, PARTS)
def test_label_and_parts_can_be_read_back(label: str, parts: list[bytes]) -> None:
    assert parsed(framed(label, *parts)) == [label.encode(), *parts]


@given(LABELS, PARTS, LABELS, PARTS)
def test_different_parts_never_share_their_framing(
    label: str, parts: list[bytes], other_label: str, others: list[bytes]
) -> None:
    same = framed(label, *parts) == framed(other_label, *others)
    assert same == ((label, parts) == (other_label, others))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([b"ab", b"c"], [b"a", b"bc"]),
        ([b"ab"], [b"ab", b""]),
        ([], [b""]),
        ([b"a", b"b"], [b"b", b"a"]),
        ([b"\0" * 8], [b"", b""]),
    ],
)
def test_a_boundary_that_moves_changes_the_digest(one: list[bytes], other: list[bytes]) -> None:
    assert digest("x", *one) != digest("x", *other)


def test_a_label_never_passes_for_a_part() -> None:
    assert digest("a", b"b") != digest("ab")
    assert digest("a", b"b") != digest("", b"a", b"b")


@given(LABELS, PARTS)
def test_a_digest_is_sha_256_of_the_framing(label: str, parts: list[bytes]) -> None:
    assert digest(label, *parts) == hashlib.sha256(framed(label, *parts)).digest()


@given(st.binary(max_size=70), LABELS, PARTS)
def test_a_tag_is_hmac_of_the_framing_and_holds_for_it_alone(
    key: bytes, label: str, parts: list[bytes]
) -> None:
    tag = authenticate(key, label, *parts)
    assert tag == hmac.new(key, framed(label, *parts), hashlib.sha256).digest()
    assert is_authentic(tag, key, label, *parts)
    assert not is_authentic(tag, key + b"k", label, *parts)
    assert not is_authentic(tag, key, label + "x", *parts)
    assert not is_authentic(tag, key, label, *parts, b"")
    assert not is_authentic(tag[:-1], key, label, *parts)
    assert not is_authentic(b"", key, label, *parts)
