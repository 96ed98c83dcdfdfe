"""Sealed messages: HPKE base mode, single shot (RFC 9180), X25519, HKDF-SHA256, AES-128-GCM.

Base mode on purpose: the sender signs inside. The authenticated mode of HPKE is deniable, so what
it delivers could never serve as evidence.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from crypto import randomness
from crypto.meter import count

SEALING_KEY_BYTES = 32

_suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM)
_any_key = X25519PrivateKey.generate()


class CannotOpen(ValueError):
    """Not sealed for this key and context, or altered."""


class UnusableKey(ValueError):
    """Not an X25519 public key, or one of small order, under which nothing would be secret."""


class SealingKey:
    """A private X25519 key; `public_key` (32 bytes) is what others seal to."""

    __slots__ = ("_key", "private_bytes", "public_key")

    def __init__(self, private_bytes: bytes) -> None:
        self._key = X25519PrivateKey.from_private_bytes(private_bytes)
        self.private_bytes = private_bytes
        self.public_key = self._key.public_key().public_bytes_raw()

    @classmethod
    def generate(cls) -> "SealingKey":
        return cls(randomness.octets(SEALING_KEY_BYTES))

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Raise CannotOpen unless `sealed` was made for this key with this context."""
        count("open")
        try:
            return _suite.decrypt(sealed, self._key, context)
        except (InvalidTag, ValueError) as error:
            raise CannotOpen("not sealed for this key and context") from error


def is_usable(public_key: bytes) -> bool:
    """Whether `seal` takes this key: not of small order, under which nothing would be secret."""
    try:
        _any_key.exchange(X25519PublicKey.from_public_bytes(public_key))
    except ValueError:
        return False
    return True


def seal(public_key: bytes, plaintext: bytes, context: bytes) -> bytes:
    """Encapsulated key (32 bytes), then ciphertext with its tag (16). Raises UnusableKey."""
    count("seal")
    try:
        return _suite.encrypt(plaintext, X25519PublicKey.from_public_bytes(public_key), context)
    except ValueError as error:
        raise UnusableKey("nothing can be sealed to this key") from error
