"""RSA blind signatures: RFC 9474's vectors field by field, both engines, and what is refused."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto import rsa_private
from crypto.blind_signature import (
    Blinder,
    BlindPrivateKey,
    BlindPublicKey,
    InvalidBlindSignature,
    MalformedValue,
    UnacceptableKey,
    UnusableFactor,
    derive_factor,
    encode,
    prepare,
)
from crypto.meter import metering
from crypto.rsa_private import OpenSsl, OperationFailed, Portable

VECTORS = json.loads(
    (Path(__file__).parent.parent / "vectors" / "rfc9474" / "rfc9474_appendix_a.json").read_text()
)
KEY = BlindPrivateKey.generate()
OTHER_KEY = BlindPrivateKey.generate()
PUBLIC = KEY.public_key
MESSAGE = b"a serial number of high entropy"
FACTOR = derive_factor(PUBLIC, bytes(32), "test")


def numbers(vector: dict[str, Any]) -> rsa.RSAPrivateKey:
    p, q, n, e, d = (int(vector[name], 16) for name in "pqned")
    return rsa.RSAPrivateNumbers(
        p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), rsa.RSAPublicNumbers(e, n)
    ).private_key()


def raw_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


ENGINES = [
    Portable,
    pytest.param(
        OpenSsl,
        marks=pytest.mark.skipif(
            sys.platform != "linux", reason="libcrypto is looked for by its Linux name"
        ),
    ),
]


# RFC 9474, appendix A


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_every_field_of_the_published_vectors_is_reproduced(
    vector: dict[str, Any], engine: Any
) -> None:
    raw = numbers(vector)
    key = BlindPrivateKey(raw, engine(raw))
    public, salt = key.public_key, bytes.fromhex(vector["salt"] or "")
    message = prepare(bytes.fromhex(vector["msg"]), bytes.fromhex(vector["msg_prefix"] or ""))
    assert message.hex() == vector["prepared_msg"]
    assert public.bytes_of(encode(message, 8 * public.size - 1, salt)).hex() == vector[
        "encoded_msg"
    ].rjust(2 * public.size, "0")
    factor = pow(int(vector["inv"], 16), -1, public.modulus)
    blinder = Blinder(public, message, factor, salt=salt)
    assert blinder.blinded_message.hex() == vector["blinded_msg"]
    blind_signature = key.blind_sign(blinder.blinded_message)
    assert blind_signature.hex() == vector["blind_sig"]
    assert blinder.finalize(blind_signature).hex() == vector["sig"]
    public.verify(message, bytes.fromhex(vector["sig"]), salt_bytes=len(salt))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_one_flipped_bit_of_a_published_signature_is_refused(vector: dict[str, Any]) -> None:
    public = BlindPublicKey(int(vector["n"], 16))
    message = bytes.fromhex(vector["prepared_msg"])
    signature = bytearray.fromhex(vector["sig"])
    for position in (1, len(signature) // 2, len(signature) - 1):
        altered = bytearray(signature)
        altered[position] ^= 1
        with pytest.raises(InvalidBlindSignature):
            public.verify(
                message, bytes(altered), salt_bytes=len(bytes.fromhex(vector["salt"] or ""))
            )


# blindness and what the algebra promises


def test_the_signer_sees_a_number_that_fits_every_message() -> None:
    """For any other message there is an r that explains the same z: it tells nothing."""
    blinder = Blinder(PUBLIC, MESSAGE, FACTOR)
    n, d = PUBLIC.modulus, KEY._key.private_numbers().d
    other = encode(b"another message", 8 * PUBLIC.size - 1)
    z = int.from_bytes(blinder.blinded_message, "big")
    explained = pow(z * pow(other, -1, n), d, n)
    again = Blinder(PUBLIC, b"another message", explained)
    assert again.blinded_message == blinder.blinded_message
    assert again.finalize(KEY.blind_sign(blinder.blinded_message))


def test_what_is_finalized_is_an_ordinary_pss_signature_of_that_message_alone() -> None:
    blinder = Blinder(PUBLIC, MESSAGE, FACTOR)
    signature = blinder.finalize(KEY.blind_sign(blinder.blinded_message))
    PUBLIC.verify(MESSAGE, signature)
    for message, public in ((MESSAGE + b"!", PUBLIC), (MESSAGE, OTHER_KEY.public_key)):
        with pytest.raises((InvalidBlindSignature, MalformedValue)):
            public.verify(message, signature)
    with pytest.raises(InvalidBlindSignature):
        PUBLIC.verify(MESSAGE, signature, salt_bytes=48)


@settings(max_examples=20)
@given(message=st.binary(max_size=100), secret=st.binary(min_size=32, max_size=32))
def test_every_message_under_every_factor_gives_the_same_signature(
    message: bytes, secret: bytes
) -> None:
    one = Blinder(PUBLIC, message, derive_factor(PUBLIC, secret, "test", b"1"))
    two = Blinder(PUBLIC, message, derive_factor(PUBLIC, secret, "test", b"2"))
    assert one.blinded_message != two.blinded_message
    assert one.finalize(KEY.blind_sign(one.blinded_message)) == two.finalize(
        KEY.blind_sign(two.blinded_message)
    )


def test_a_derived_factor_depends_on_secret_label_parts_and_key() -> None:
    made = {
        derive_factor(PUBLIC, bytes(32), "test", b"a", b"b"),
        derive_factor(PUBLIC, bytes(31) + b"\x01", "test", b"a", b"b"),
        derive_factor(PUBLIC, bytes(32), "other", b"a", b"b"),
        derive_factor(PUBLIC, bytes(32), "test", b"ab", b""),
        derive_factor(OTHER_KEY.public_key, bytes(32), "test", b"a", b"b"),
    }
    assert len(made) == 5
    assert derive_factor(PUBLIC, bytes(32), "test", b"a", b"b") in made


# what is refused


def test_a_signature_by_another_key_is_not_finalized() -> None:
    blinder = Blinder(PUBLIC, MESSAGE, FACTOR)
    with pytest.raises((InvalidBlindSignature, MalformedValue)):
        blinder.finalize(OTHER_KEY.blind_sign(bytes(PUBLIC.size - 1) + b"\x02"))


def test_an_altered_blind_signature_is_not_finalized() -> None:
    blinder = Blinder(PUBLIC, MESSAGE, FACTOR)
    altered = bytearray(KEY.blind_sign(blinder.blinded_message))
    altered[-1] ^= 1
    with pytest.raises(InvalidBlindSignature):
        blinder.finalize(bytes(altered))


@pytest.mark.parametrize(
    "value",
    [
        b"",
        bytes(PUBLIC.size - 1),
        bytes(PUBLIC.size + 1),
        PUBLIC.encoded,
        b"\xff" * PUBLIC.size,
    ],
    ids=["empty", "short", "long", "n itself", "above n"],
)
def test_a_value_has_one_encoding(value: bytes) -> None:
    blinder = Blinder(PUBLIC, MESSAGE, FACTOR)
    for use in (
        KEY.blind_sign,
        blinder.finalize,
        lambda signature: PUBLIC.verify(MESSAGE, signature),
    ):
        with pytest.raises(MalformedValue):
            use(value)


@pytest.mark.parametrize(
    "factor",
    [0, -1, PUBLIC.modulus, PUBLIC.modulus + FACTOR],
    ids=["zero", "negative", "modulus", "above"],
)
def test_a_factor_lies_between_1_and_the_modulus(factor: int) -> None:
    with pytest.raises(UnusableFactor):
        Blinder(PUBLIC, MESSAGE, factor)


def test_a_factor_that_shares_a_prime_with_the_modulus_is_refused() -> None:
    with pytest.raises(UnusableFactor):
        Blinder(PUBLIC, MESSAGE, KEY._key.private_numbers().p)


@pytest.mark.parametrize("size", [1, 31, 33])
def test_a_prefix_has_32_bytes(size: int) -> None:
    with pytest.raises(MalformedValue):
        prepare(MESSAGE, bytes(size))


@pytest.mark.parametrize("size", [256 - 48 - 2 + 1, 256])
def test_a_salt_that_does_not_fit_the_modulus_is_refused(size: int) -> None:
    with pytest.raises(MalformedValue):
        encode(MESSAGE, 2047, bytes(size))


# keys


def test_a_key_is_read_back_from_its_bytes() -> None:
    assert BlindPublicKey.from_bytes(PUBLIC.encoded) == PUBLIC
    again = BlindPrivateKey.from_der(KEY.to_der())
    assert again.public_key == PUBLIC
    assert again.public_key.id == PUBLIC.id != OTHER_KEY.public_key.id


@pytest.mark.parametrize(
    "encoded",
    [
        b"",
        b"\x00" + PUBLIC.encoded,
        PUBLIC.encoded[1:],
        b"\x01" + PUBLIC.encoded,
        PUBLIC.encoded[:-1] + bytes([PUBLIC.encoded[-1] ^ 1]),
        b"\xff" * 513,
    ],
    ids=["empty", "leading zero", "2040 bits", "2049 bits", "even", "too large"],
)
def test_a_public_key_of_another_size_or_spelling_is_refused(encoded: bytes) -> None:
    with pytest.raises(UnacceptableKey):
        BlindPublicKey.from_bytes(encoded)


def test_a_key_with_another_exponent_is_refused() -> None:
    with pytest.raises(UnacceptableKey):
        BlindPrivateKey(rsa.generate_private_key(3, 2048))


@pytest.mark.parametrize("bits", [1024, 2047, 2052, 8192])
def test_no_key_of_another_size_is_made(bits: int) -> None:
    with pytest.raises(UnacceptableKey):
        BlindPrivateKey.generate(bits)


def test_only_an_rsa_key_is_read() -> None:
    from cryptography.hazmat.primitives import serialization

    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    for der in (b"", KEY.to_der()[:-1], other):
        with pytest.raises(UnacceptableKey):
            BlindPrivateKey.from_der(der)


# the engines


@pytest.mark.parametrize("engine", ENGINES)
def test_both_engines_compute_the_same_power(engine: Any) -> None:
    raw = raw_key()
    n, d = raw.private_numbers().public_numbers.n, raw.private_numbers().d
    operate = engine(raw)
    for value in (0, 1, 2, n - 1, n // 3, raw.private_numbers().p):
        assert operate(value) == pow(value, d, n)


@pytest.mark.skipif(sys.platform != "linux", reason="libcrypto is looked for by its Linux name")
def test_the_faster_engine_is_chosen_where_it_is_there() -> None:
    assert rsa_private.fastest(raw_key()).name == "openssl"


def test_the_portable_engine_serves_where_there_is_no_library(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(key: rsa.RSAPrivateKey) -> OpenSsl:
        raise OSError("no such library")

    monkeypatch.setattr(rsa_private, "OpenSsl", missing)
    assert rsa_private.fastest(raw_key()).name == "portable"


def test_an_engine_that_computes_something_else_is_not_chosen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another key's powers, and they check under that key."""
    other = Portable(raw_key())
    monkeypatch.setattr(rsa_private, "OpenSsl", lambda key: lambda value: other(value % other._n))
    assert rsa_private.fastest(raw_key()).name == "portable"


@pytest.mark.parametrize("name", sorted(rsa_private.ENGINES))
def test_a_setting_chooses_the_engine_of_a_key_that_is_made_or_read(name: str) -> None:
    engine = rsa_private.ENGINES[name]
    chosen = engine(raw_key()).name
    for key in (
        BlindPrivateKey.from_der(KEY.to_der(), engine=engine),
        BlindPrivateKey.generate(engine=engine),
    ):
        assert key.operation.name == chosen
    assert (name, chosen) in {("portable", "portable"), ("fastest", KEY.operation.name)}


def test_a_wrong_half_of_the_remainder_theorem_never_leaves_the_engine() -> None:
    """One such result gives the factors: gcd(s^e - m, n)."""
    engine = Portable(raw_key())
    engine._dp ^= 2
    with pytest.raises(OperationFailed):
        engine(12345)


def test_operations_are_counted() -> None:
    with metering() as meter:
        blinder = Blinder(PUBLIC, MESSAGE, FACTOR)
        blinder.finalize(KEY.blind_sign(blinder.blinded_message))
    assert (meter["sign"], meter["verify"], meter["modular_exponentiation"]) == (1, 1, 2)
