"""Ed25519: the standard's vectors, an independent implementation, and what must not verify."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from crypto.hashing import framed
from crypto.signing import InvalidSignature, SigningKey, is_acceptable_public_key, verify
from tests.crypto import edwards

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "vectors" / "rfc8032_ed25519.json").read_text()
)
KEY = SigningKey(bytes(range(32)))
SMALL = [edwards.encoded(point) for point in edwards.small_order_points()]
NOT_CANONICAL = [
    # y of the neutral element and of a point of order four, each with p added; and x = 0, "odd"
    (edwards.P + 1).to_bytes(32, "little"),
    edwards.P.to_bytes(32, "little"),
    (edwards.P | 1 << 255).to_bytes(32, "little"),
    (1 | 1 << 255).to_bytes(32, "little"),
    (edwards.P - 1 | 1 << 255).to_bytes(32, "little"),
]


def fits(public_key: bytes, label: str, message: bytes, signature: bytes) -> bool:
    try:
        verify(public_key, label, message, signature)
    except InvalidSignature:
        return False
    return True


@pytest.mark.parametrize("vector", VECTORS)
def test_rfc_8032_keys(vector: dict[str, str]) -> None:
    assert SigningKey(bytes.fromhex(vector["secret"])).public_key.hex() == vector["public"]


@pytest.mark.parametrize("vector", VECTORS)
def test_rfc_8032_signatures_are_the_independent_implementations_too(
    vector: dict[str, str],
) -> None:
    """So agreeing with it, as the next test demands, is agreeing with the standard."""
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(vector["secret"]))
    assert key.sign(bytes.fromhex(vector["message"])).hex() == vector["signature"]


@given(st.binary(min_size=32, max_size=32), st.text(max_size=20), st.binary(max_size=200))
def test_a_signature_is_the_standards_over_the_framed_label_and_message(
    seed: bytes, label: str, message: bytes
) -> None:
    signature = SigningKey(seed).sign(label, message)
    assert signature == Ed25519PrivateKey.from_private_bytes(seed).sign(framed(label, message))
    verify(SigningKey(seed).public_key, label, message, signature)


@pytest.mark.parametrize("vector", VECTORS)
def test_a_signature_without_a_label_is_refused(vector: dict[str, str]) -> None:
    public_key, message, signature = (
        bytes.fromhex(vector[name]) for name in ("public", "message", "signature")
    )
    assert not fits(public_key, "", message, signature)


@given(st.text(max_size=5), st.binary(max_size=5), st.text(max_size=5), st.binary(max_size=5))
def test_a_signature_holds_for_its_label_and_message_alone(
    label: str, message: bytes, other_label: str, other: bytes
) -> None:
    signature = KEY.sign(label, message)
    expected = (label, message) == (other_label, other)
    assert fits(KEY.public_key, other_label, other, signature) == expected


def test_no_bit_of_signature_message_or_key_can_be_flipped() -> None:
    message = b"ten coins"
    signature = KEY.sign("x", message)
    for flipped in every_flipped_bit(signature):
        assert not fits(KEY.public_key, "x", message, flipped)
    for flipped in every_flipped_bit(message):
        assert not fits(KEY.public_key, "x", flipped, signature)
    for flipped in every_flipped_bit(KEY.public_key):
        assert not fits(flipped, "x", message, signature)


def every_flipped_bit(data: bytes) -> list[bytes]:
    number = int.from_bytes(data, "big")
    return [(number ^ 1 << bit).to_bytes(len(data), "big") for bit in range(8 * len(data))]


@pytest.mark.parametrize("times", range(1, 16))
def test_a_second_spelling_of_s_is_refused(times: int) -> None:
    """S + L would fit the same equation."""
    signature = KEY.sign("x", b"message")
    s = int.from_bytes(signature[32:], "little") + times * edwards.ORDER
    malleated = signature[:32] + s.to_bytes(32, "little")
    assert not fits(KEY.public_key, "x", b"message", malleated)


@pytest.mark.parametrize("length", [0, 1, 31, 33, 63, 65, 128])
def test_keys_and_signatures_of_another_length_are_refused(length: int) -> None:
    signature = KEY.sign("x", b"")
    assert not fits(KEY.public_key, "x", b"", (signature * 3)[:length])
    assert not fits((KEY.public_key * 5)[:length], "x", b"", signature)
    assert not is_acceptable_public_key((KEY.public_key * 5)[:length])
    with pytest.raises(ValueError, match="32 bytes"):
        SigningKey(bytes(length))


def test_the_tests_small_points_are_of_small_order() -> None:
    assert len(set(SMALL)) == 8
    assert all(edwards.multiply(8, edwards.decoded(point)) == edwards.NEUTRAL for point in SMALL)


@pytest.mark.parametrize("public_key", SMALL + NOT_CANONICAL)
@pytest.mark.parametrize("nonce_point", SMALL)
def test_under_a_key_of_small_order_nothing_verifies(public_key: bytes, nonce_point: bytes) -> None:
    signature = nonce_point + bytes(32)
    for message in range(16):
        assert not fits(public_key, "x", bytes([message]), signature)
    assert not is_acceptable_public_key(public_key)


def test_a_lax_verifier_takes_one_signature_for_every_message() -> None:
    """Why the strictness matters: the neutral element as key, R neutral, S zero."""
    lax = Ed25519PublicKey.from_public_bytes(SMALL[0])
    for message in (b"I owe nothing", b"I owe a million"):
        lax.verify(SMALL[0] + bytes(32), message)
        assert not fits(SMALL[0], "x", message, SMALL[0] + bytes(32))


@pytest.mark.parametrize("nonce_point", SMALL)
def test_a_nonce_point_of_small_order_is_refused(nonce_point: bytes) -> None:
    """R neutral, S = k a: fits the equation, and whoever holds a could have two such."""
    secret = 8 * 1234567
    public_key = edwards.encoded(edwards.multiply(secret, edwards.BASE))
    k = edwards.challenge(nonce_point, public_key, framed("x", b"message"))
    s = (k * secret % edwards.ORDER).to_bytes(32, "little")
    assert not fits(public_key, "x", b"message", nonce_point + s)


def test_a_key_with_a_part_of_small_order_is_not_certified() -> None:
    for torsion in edwards.small_order_points()[1:]:
        mixed = edwards.add(edwards.decoded(KEY.public_key), torsion)
        assert not is_acceptable_public_key(edwards.encoded(mixed))


@given(st.binary(min_size=32, max_size=32))
def test_every_generated_key_is_acceptable(seed: bytes) -> None:
    assert is_acceptable_public_key(SigningKey(seed).public_key)


def test_generated_keys_differ_and_do_not_show_their_secret() -> None:
    keys = [SigningKey.generate() for _ in range(3)]
    assert len({key.public_key for key in keys}) == 3
    for key in keys:
        assert key.seed.hex()[:8] not in repr(key)


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_any_bytes_are_refused_in_one_way(public_key: bytes, signature: bytes) -> None:
    assert not fits(public_key, "x", b"message", signature)
