"""RSA over a full-domain hash: one signature a message, both engines, and what is refused."""

import hashlib
import sys
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.full_domain_hash import (
    FdhPrivateKey,
    FdhPublicKey,
    InvalidFullDomainSignature,
    MalformedNumber,
    UnacceptableKey,
)
from crypto.meter import metering
from crypto.rsa_private import OpenSsl, Portable

KEY, OTHER = FdhPrivateKey.generate(), FdhPrivateKey.generate()
PUBLIC = KEY.public_key
N = PUBLIC.modulus
LABEL, MESSAGE = "test", b"a sword of level 12"
SIGNATURE = KEY.sign(LABEL, MESSAGE)

ENGINES = [
    Portable,
    pytest.param(
        OpenSsl,
        marks=pytest.mark.skipif(
            sys.platform != "linux", reason="libcrypto is looked for by its Linux name"
        ),
    ),
]


@pytest.mark.parametrize("engine", ENGINES)
def test_either_engine_gives_the_one_root_of_the_encoded_message(engine: Any) -> None:
    raw = rsa.generate_private_key(65537, 2048)
    key = FdhPrivateKey(raw, engine(raw))
    signature = key.sign(LABEL, MESSAGE)
    assert signature == key.sign(LABEL, MESSAGE)
    n = key.public_key.modulus
    assert pow(int.from_bytes(signature, "big"), 65537, n) == key.public_key.encode(LABEL, MESSAGE)
    key.public_key.verify(LABEL, MESSAGE, signature)


def test_the_encoding_is_shake_over_framed_parts_and_depends_on_the_key() -> None:
    """Computed here again from the words of the docstring."""
    parts = [b"full-domain hash", PUBLIC.encoded, LABEL.encode(), MESSAGE]
    seed = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    wide = int.from_bytes(hashlib.shake_256(seed).digest(256 + 16), "big")
    assert PUBLIC.encode(LABEL, MESSAGE) == wide % N
    assert PUBLIC.encode(LABEL, MESSAGE) != OTHER.public_key.encode(LABEL, MESSAGE)


@given(st.binary(max_size=100), st.binary(max_size=100))
@settings(max_examples=50)
def test_two_messages_share_no_number(one: bytes, other: bytes) -> None:
    assert (PUBLIC.encode(LABEL, one) == PUBLIC.encode(LABEL, other)) == (one == other)


@pytest.mark.parametrize(
    ("key", "label", "message"),
    [
        (PUBLIC, LABEL, MESSAGE + b"!"),
        (PUBLIC, "another label", MESSAGE),
        (OTHER.public_key, LABEL, MESSAGE),
    ],
)
def test_a_signature_is_of_one_message_label_and_key(
    key: FdhPublicKey, label: str, message: bytes
) -> None:
    PUBLIC.verify(LABEL, MESSAGE, SIGNATURE)
    with pytest.raises(InvalidFullDomainSignature):
        key.verify(label, message, SIGNATURE)


@pytest.mark.parametrize("position", [0, 1, 128, 255])
def test_one_flipped_bit_is_refused(position: int) -> None:
    altered = bytearray(SIGNATURE)
    altered[position] ^= 1
    with pytest.raises(InvalidFullDomainSignature):
        PUBLIC.verify(LABEL, MESSAGE, bytes(altered))


@pytest.mark.parametrize(
    "spelling",
    [
        b"",
        SIGNATURE[1:],
        b"\0" + SIGNATURE,
        SIGNATURE + b"\0",
        (int.from_bytes(SIGNATURE, "big") + N).to_bytes(257, "big"),
        PUBLIC.encoded,
        b"\xff" * 256,
    ],
)
def test_a_second_spelling_of_a_signature_is_refused(spelling: bytes) -> None:
    with pytest.raises(InvalidFullDomainSignature):
        PUBLIC.verify(LABEL, MESSAGE, spelling)
    with pytest.raises(MalformedNumber):
        PUBLIC.number(spelling)


def test_products_of_signatures_are_no_signature() -> None:
    """Plain RSA would let them be."""
    product = int.from_bytes(SIGNATURE, "big") * int.from_bytes(KEY.sign(LABEL, b"2"), "big") % N
    for message in (MESSAGE, b"2", MESSAGE + b"2"):
        with pytest.raises(InvalidFullDomainSignature):
            PUBLIC.verify(LABEL, message, PUBLIC.bytes_of(product))


def test_numbers_without_an_inverse_are_told_apart() -> None:
    p = KEY._key.private_numbers().p
    for number in (0, p, N - p):
        with pytest.raises(MalformedNumber):
            PUBLIC.unit(PUBLIC.bytes_of(number))
    assert PUBLIC.unit(PUBLIC.bytes_of(N - 1)) == N - 1


# keys


def test_a_key_reads_back_from_its_one_encoding() -> None:
    assert FdhPublicKey.from_bytes(PUBLIC.encoded) == PUBLIC
    assert len({PUBLIC, FdhPublicKey(N), OTHER.public_key}) == 2
    again = FdhPrivateKey.from_der(KEY.to_der())
    assert again.public_key.id == PUBLIC.id != OTHER.public_key.id
    assert again.sign(LABEL, MESSAGE) == SIGNATURE


@pytest.mark.parametrize(
    "encoded",
    [
        b"",
        b"\0" + PUBLIC.encoded,
        PUBLIC.encoded[1:],
        PUBLIC.bytes_of(N - 1),
        (1 << 2048).to_bytes(257, "big"),
        b"\xff" * 513,
    ],
)
def test_other_bytes_are_no_key(encoded: bytes) -> None:
    with pytest.raises(UnacceptableKey):
        FdhPublicKey.from_bytes(encoded)


def test_private_keys_of_another_kind_are_refused() -> None:
    from cryptography.hazmat.primitives import serialization

    curve = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    for der in (b"no key", curve):
        with pytest.raises(UnacceptableKey):
            FdhPrivateKey.from_der(der)
    with pytest.raises(UnacceptableKey):
        FdhPrivateKey(rsa.generate_private_key(3, 2048))
    for bits in (1024, 2052, 8192):
        with pytest.raises(UnacceptableKey):
            FdhPrivateKey.generate(bits)


def test_operations_are_counted() -> None:
    with metering() as meter:
        KEY.sign(LABEL, MESSAGE)
        PUBLIC.verify(LABEL, MESSAGE, SIGNATURE)
    assert (meter["sign"], meter["verify"], meter["modular_exponentiation"]) == (1, 1, 2)
