"""RSA signatures over a full-domain hash: RSA-FDH (Bellare and Rogaway, 1993 and 1996).

    encode    v = SHAKE-256(label, n, message) mod n      one number for each message
    sign      s = v^d mod n                               the signer
    verify    s^e = v mod n                               anyone

A message has one v and one signature, so whoever holds the signature knows the one e-th root of a
number that everybody can compute: what crypto/guillou_quisquater.py proves without showing it.
The exponent is 65537, a modulus has 2048 bits or more in whole bytes, and serves for nothing else.

Values travel as exactly as many bytes as the modulus has, and are below it: each has one encoding.
"""

import hashlib
import math
from functools import lru_cache

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from crypto import randomness, rsa_private
from crypto.hashing import digest, framed
from crypto.meter import count
from crypto.rsa_private import PUBLIC_EXPONENT, Engine, PrivateOperation

SMALLEST_MODULUS_BITS = 2048
LARGEST_MODULUS_BITS = 4096
SECURITY_BYTES = 16
"""A number reduced from so many bytes more than the modulus is uniform to 2^-128."""


class FullDomainHashError(ValueError):
    """Something is not as a signature of this kind wants it."""


class UnacceptableKey(FullDomainHashError):
    """Not a key for these signatures: size, exponent or encoding."""


class MalformedNumber(FullDomainHashError):
    """Not the one encoding of a number below the modulus, or of one that can be divided by."""


class InvalidFullDomainSignature(FullDomainHashError):
    """This is not the key's signature on this message."""


class FdhPublicKey:
    """n; e is 65537. `encoded` is n in as many bytes as it has, `id` (32 bytes) names the key."""

    __slots__ = ("encoded", "id", "modulus", "size")

    def __init__(self, modulus: int) -> None:
        bits = modulus.bit_length()
        if not SMALLEST_MODULUS_BITS <= bits <= LARGEST_MODULUS_BITS or bits % 8:
            raise UnacceptableKey(f"a modulus of {bits} bits")
        if modulus % 2 == 0:
            raise UnacceptableKey("an even modulus")
        self.modulus = modulus
        self.size = bits // 8
        self.encoded = modulus.to_bytes(self.size, "big")
        self.id = digest("full-domain hash key", self.encoded)

    @classmethod
    def from_bytes(cls, encoded: bytes) -> "FdhPublicKey":
        """Raises UnacceptableKey; a leading zero is a second encoding."""
        if not encoded or encoded[0] == 0:
            raise UnacceptableKey("not the one encoding of a modulus")
        return _read(encoded)

    def number(self, value: bytes) -> int:
        """Raises MalformedNumber unless `value` is the encoding of a number below n."""
        if len(value) != self.size:
            raise MalformedNumber(f"{len(value)} bytes, not {self.size}")
        number = int.from_bytes(value, "big")
        if number >= self.modulus:
            raise MalformedNumber("not below the modulus")
        return number

    def unit(self, value: bytes) -> int:
        """The same for a number that has an inverse: 0 and what shares a factor have none."""
        number = self.number(value)
        if math.gcd(number, self.modulus) != 1:
            raise MalformedNumber("no inverse modulo n")
        return number

    def bytes_of(self, number: int) -> bytes:
        return number.to_bytes(self.size, "big")

    def hash_to_number(self, label: str, *parts: bytes) -> int:
        """SHAKE-256 (FIPS 202) over the framed arguments and n, uniform below n."""
        count("hash")
        seed = framed(label, self.encoded, *parts)
        wide = hashlib.shake_256(seed).digest(self.size + SECURITY_BYTES)
        return int.from_bytes(wide, "big") % self.modulus

    def encode(self, label: str, message: bytes) -> int:
        """v: what the signature of this labelled message is the e-th root of."""
        return self.hash_to_number("full-domain hash", label.encode(), message)

    def power(self, base: int, exponent: int) -> int:
        """base^exponent mod n. The time it takes depends on both: for public exponents only."""
        count("modular_exponentiation")
        return pow(base, exponent, self.modulus)

    def verify(self, label: str, message: bytes, signature: bytes) -> None:
        """Raise InvalidFullDomainSignature unless this key signed exactly this."""
        count("verify")
        try:
            number = self.number(signature)
        except MalformedNumber as error:
            raise InvalidFullDomainSignature(str(error)) from error
        if self.power(number, PUBLIC_EXPONENT) != self.encode(label, message):
            raise InvalidFullDomainSignature("the signature does not fit")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FdhPublicKey) and self.modulus == other.modulus

    def __hash__(self) -> int:
        return hash(self.modulus)


@lru_cache(maxsize=256)
def _read(encoded: bytes) -> FdhPublicKey:
    return FdhPublicKey(int.from_bytes(encoded, "big"))


class FdhPrivateKey:
    """The signer's key."""

    __slots__ = ("_key", "operation", "public_key")

    def __init__(self, key: rsa.RSAPrivateKey, operation: PrivateOperation | None = None) -> None:
        numbers = key.public_key().public_numbers()
        if numbers.e != PUBLIC_EXPONENT:
            raise UnacceptableKey(f"exponent {numbers.e}")
        self.public_key = FdhPublicKey(numbers.n)
        self._key = key
        self.operation = operation or rsa_private.fastest(key)

    @classmethod
    def generate(
        cls, bits: int = SMALLEST_MODULUS_BITS, *, engine: Engine = rsa_private.fastest
    ) -> "FdhPrivateKey":
        if not SMALLEST_MODULUS_BITS <= bits <= LARGEST_MODULUS_BITS or bits % 8:
            raise UnacceptableKey(f"a modulus of {bits} bits")
        key = randomness.rsa_key(bits)
        return cls(key, engine(key))

    @classmethod
    def from_der(cls, der: bytes, *, engine: Engine = rsa_private.fastest) -> "FdhPrivateKey":
        """Raise UnacceptableKey unless this is such a key, PKCS #8, not encrypted."""
        try:
            key = rsa_private.read_der(der)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise UnacceptableKey("no readable private key") from error
        if not isinstance(key, rsa.RSAPrivateKey):
            raise UnacceptableKey("not an RSA key")
        return cls(key, engine(key))

    def to_der(self) -> bytes:
        """PKCS #8, not encrypted: whoever stores it guards it."""
        return self._key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def sign(self, label: str, message: bytes) -> bytes:
        """The one signature of this labelled message; the same bytes each time."""
        count("sign")
        count("modular_exponentiation")
        return self.public_key.bytes_of(self.operation(self.public_key.encode(label, message)))
