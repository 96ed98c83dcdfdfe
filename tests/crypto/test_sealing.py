"""HPKE: the vectors of RFC 9180, an independent implementation both ways, and what must not open.

The vectors carry associated data, which a single-shot message here has none of. So a small
implementation of the standard is first held to the vectors, message for message, and then
exchanges messages with `crypto.sealing`.
"""

import hmac
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from crypto.sealing import CannotOpen, SealingKey, UnusableKey, is_usable, seal

BASE, X25519, HKDF_SHA256, AES_128_GCM = 0, 0x20, 1, 1
VECTORS = [
    {name: bytes.fromhex(value) if isinstance(value, str) else value for name, value in v.items()}
    for v in json.loads(
        (Path(__file__).parent.parent / "vectors" / "hpke_x25519_sha256.json").read_text()
    )
    if (v["mode"], v["kem_id"], v["kdf_id"], v["aead_id"])
    == (BASE, X25519, HKDF_SHA256, AES_128_GCM)
]
KEY = SealingKey(bytes(range(32)))
CONTEXT = b"protocol, step, recipient"

KEM_SUITE = b"KEM" + X25519.to_bytes(2, "big")
HPKE_SUITE = b"HPKE" + b"".join(
    number.to_bytes(2, "big") for number in (X25519, HKDF_SHA256, AES_128_GCM)
)


# RFC 9180, sections 4 and 5, for this one suite.


def labeled_extract(suite: bytes, salt: bytes, label: bytes, secret: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + secret, sha256)


def labeled_expand(suite: bytes, key: bytes, label: bytes, info: bytes, length: int) -> bytes:
    """One block of HKDF, so at most 32 bytes."""
    full = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.digest(key, full + b"\x01", sha256)[:length]


def kem_secret(shared: bytes, encapsulated: bytes, public_key: bytes) -> bytes:
    eae_prk = labeled_extract(KEM_SUITE, b"", b"eae_prk", shared)
    return labeled_expand(KEM_SUITE, eae_prk, b"shared_secret", encapsulated + public_key, 32)


def key_schedule(shared_secret: bytes, info: bytes) -> tuple[bytes, bytes]:
    """Key and base nonce of mode base."""
    context = (
        bytes([BASE])
        + labeled_extract(HPKE_SUITE, b"", b"psk_id_hash", b"")
        + labeled_extract(HPKE_SUITE, b"", b"info_hash", info)
    )
    secret = labeled_extract(HPKE_SUITE, shared_secret, b"secret", b"")
    return (
        labeled_expand(HPKE_SUITE, secret, b"key", context, 16),
        labeled_expand(HPKE_SUITE, secret, b"base_nonce", context, 12),
    )


def sealed_by_hand(private: bytes, public_key: bytes, info: bytes, text: bytes) -> bytes:
    ephemeral = X25519PrivateKey.from_private_bytes(private)
    encapsulated = ephemeral.public_key().public_bytes_raw()
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(public_key))
    key, nonce = key_schedule(kem_secret(shared, encapsulated, public_key), info)
    return encapsulated + AESGCM(key).encrypt(nonce, text, b"")


def opened_by_hand(private: bytes, info: bytes, sealed: bytes) -> bytes:
    recipient = X25519PrivateKey.from_private_bytes(private)
    shared = recipient.exchange(X25519PublicKey.from_public_bytes(sealed[:32]))
    public_key = recipient.public_key().public_bytes_raw()
    key, nonce = key_schedule(kem_secret(shared, sealed[:32], public_key), info)
    return AESGCM(key).decrypt(nonce, sealed[32:], b"")


def test_there_is_a_vector_for_the_suite_and_mode() -> None:
    assert len(VECTORS) == 1


@pytest.mark.parametrize("vector", VECTORS)
def test_the_independent_implementation_reproduces_rfc_9180(vector: dict[str, Any]) -> None:
    recipient = X25519PrivateKey.from_private_bytes(vector["skRm"])
    shared = recipient.exchange(X25519PublicKey.from_public_bytes(vector["enc"]))
    secret = kem_secret(shared, vector["enc"], vector["pkRm"])
    assert secret == vector["shared_secret"]
    key, nonce = key_schedule(secret, vector["info"])
    assert (key, nonce) == (vector["key"], vector["base_nonce"])
    first = {name: bytes.fromhex(value) for name, value in vector["encryptions"][0].items()}
    assert first["nonce"] == nonce
    assert AESGCM(key).encrypt(nonce, first["pt"], first["aad"]) == first["ct"]


@pytest.mark.parametrize("vector", VECTORS)
def test_what_is_sealed_under_the_key_of_rfc_9180_opens(vector: dict[str, Any]) -> None:
    text = bytes.fromhex(vector["encryptions"][0]["pt"])
    ciphertext = AESGCM(vector["key"]).encrypt(vector["base_nonce"], text, b"")
    key = SealingKey(vector["skRm"])
    assert key.public_key == vector["pkRm"]
    assert key.open(vector["enc"] + ciphertext, vector["info"]) == text


@pytest.mark.parametrize("vector", VECTORS)
def test_messages_with_associated_data_or_of_a_later_place_do_not_open(
    vector: dict[str, Any],
) -> None:
    for encryption in vector["encryptions"]:
        with pytest.raises(CannotOpen):
            SealingKey(vector["skRm"]).open(
                vector["enc"] + bytes.fromhex(encryption["ct"]), vector["info"]
            )


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=300), st.binary(max_size=60))
def test_both_implementations_open_what_the_other_sealed(
    private: bytes, text: bytes, context: bytes
) -> None:
    sealed = seal(KEY.public_key, text, context)
    assert len(sealed) == 32 + len(text) + 16
    assert opened_by_hand(KEY.private_bytes, context, sealed) == text
    assert KEY.open(sealed_by_hand(private, KEY.public_key, context, text), context) == text


def test_the_same_text_is_never_sealed_alike() -> None:
    assert len({seal(KEY.public_key, b"text", CONTEXT) for _ in range(8)}) == 8


def test_no_bit_can_be_flipped() -> None:
    sealed = seal(KEY.public_key, b"the key of a sale", CONTEXT)
    opened = []
    for bit in range(8 * len(sealed)):
        altered = bytearray(sealed)
        altered[bit // 8] ^= 1 << bit % 8
        try:
            KEY.open(bytes(altered), CONTEXT)
        except CannotOpen:
            continue
        opened.append(bit)
    assert opened == []


def test_the_unused_bit_of_the_encapsulated_key_is_bound_too() -> None:
    """X25519 ignores the top bit of a point; the key schedule does not."""
    sealed = bytearray(seal(KEY.public_key, b"text", CONTEXT))
    sealed[31] ^= 0x80
    with pytest.raises(CannotOpen):
        KEY.open(bytes(sealed), CONTEXT)


def test_cut_off_lengthened_and_empty_messages_do_not_open() -> None:
    sealed = seal(KEY.public_key, b"text", CONTEXT)
    for wrong in [sealed[:length] for length in range(len(sealed))] + [sealed + b"\0"]:
        with pytest.raises(CannotOpen):
            KEY.open(wrong, CONTEXT)


@given(st.binary(max_size=40))
def test_another_context_does_not_open(context: bytes) -> None:
    sealed = seal(KEY.public_key, b"text", CONTEXT)
    with pytest.raises(CannotOpen):
        KEY.open(sealed, context)


def test_another_key_does_not_open() -> None:
    with pytest.raises(CannotOpen):
        SealingKey.generate().open(seal(KEY.public_key, b"text", CONTEXT), CONTEXT)


P = 2**255 - 19
SMALL_ORDER = [
    number.to_bytes(32, "little")
    for number in (
        0,
        1,
        325606250916557431795983626356110631294008115727848805560023387167927233504,
        39382357235489614581723060781553021112529911719440698176882885853963445705823,
        P - 1,
        P,
        P + 1,
    )
]


@pytest.mark.parametrize("public_key", SMALL_ORDER)
def test_nothing_is_sealed_to_a_key_of_small_order(public_key: bytes) -> None:
    with pytest.raises(UnusableKey):
        seal(public_key, b"text", CONTEXT)


@pytest.mark.parametrize("encapsulated", SMALL_ORDER)
def test_an_encapsulated_key_of_small_order_does_not_open(encapsulated: bytes) -> None:
    """The shared secret would be zero, so anybody can make such a message."""
    key, nonce = key_schedule(kem_secret(bytes(32), encapsulated, KEY.public_key), CONTEXT)
    forged = encapsulated + AESGCM(key).encrypt(nonce, b"text", b"")
    with pytest.raises(CannotOpen):
        KEY.open(forged, CONTEXT)


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(UnusableKey):
        seal(bytes(range(1, 65))[:length], b"text", CONTEXT)
    with pytest.raises(ValueError, match="32"):
        SealingKey(bytes(length))


@given(st.binary(max_size=120))
def test_any_bytes_are_refused_in_one_way(data: bytes) -> None:
    with pytest.raises(CannotOpen):
        KEY.open(data, CONTEXT)


def test_a_key_is_usable_where_something_can_be_sealed_to_it() -> None:
    usable = SealingKey.generate().public_key
    assert is_usable(usable)
    for key in (bytes(32), b"\x01" + bytes(31), usable[:31]):
        assert not is_usable(key)
        with pytest.raises(UnusableKey):
            seal(key, b"", b"")
