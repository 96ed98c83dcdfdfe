"""Ed25519 signatures (RFC 8032) with strict verification, by libsodium.

Strict: keys and nonce points of small order are refused, else one fixed signature would verify
any message under such a key and prove nothing.
"""

from typing import Annotated

import msgspec
from nacl import bindings
from nacl.exceptions import BadSignatureError
from nacl.exceptions import ValueError as NaClValueError

from crypto import randomness
from crypto.hashing import framed
from crypto.meter import count

PUBLIC_KEY_BYTES = 32
SIGNATURE_BYTES = 64
SEED_BYTES = 32

PublicKey = Annotated[bytes, msgspec.Meta(min_length=PUBLIC_KEY_BYTES, max_length=PUBLIC_KEY_BYTES)]
Signature = Annotated[bytes, msgspec.Meta(min_length=SIGNATURE_BYTES, max_length=SIGNATURE_BYTES)]


class InvalidSignature(ValueError):
    """This signature is not that key's over these bytes."""


class SigningKey:
    """A private key; `public_key` (32 bytes) is what others know its owner by."""

    __slots__ = ("_secret", "public_key", "seed")

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise ValueError("a signing key's seed has 32 bytes")
        self.seed = seed
        self.public_key, self._secret = bindings.crypto_sign_seed_keypair(seed)

    @classmethod
    def generate(cls) -> "SigningKey":
        return cls(randomness.octets(SEED_BYTES))

    def sign(self, label: str, message: bytes) -> bytes:
        """64 bytes over the framed label and message; the label names what kind of thing it is."""
        count("sign")
        signed: bytes = bindings.crypto_sign(framed(label, message), self._secret)
        return signed[:SIGNATURE_BYTES]

    def __repr__(self) -> str:
        return f"SigningKey({self.public_key.hex()[:8]})"


def verify(public_key: bytes, label: str, message: bytes, signature: bytes) -> None:
    """Raise InvalidSignature unless `public_key` signed exactly this label and message."""
    count("verify")
    if len(public_key) != PUBLIC_KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        raise InvalidSignature("wrong length")
    try:
        bindings.crypto_sign_open(signature + framed(label, message), public_key)
    except (BadSignatureError, NaClValueError) as error:
        raise InvalidSignature("the signature does not fit") from error


def is_acceptable_public_key(public_key: bytes) -> bool:
    """A canonical point of the prime-order subgroup: what a certificate authority may certify."""
    return len(public_key) == PUBLIC_KEY_BYTES and bool(
        bindings.crypto_core_ed25519_is_valid_point(public_key)
    )
