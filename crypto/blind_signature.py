"""RSA blind signatures: RSABSSA-SHA384-PSSZERO-Deterministic (RFC 9474).

    blind      m = EMSA-PSS(message), no salt     z = m * r^e mod n      the user, with r
    sign       s' = z^d mod n                                            the signer, blindly
    finalize   s = s' / r mod n, an ordinary RSASSA-PSS signature        the user
    verify     s^e = EMSA-PSS(message)                                   anyone

z is uniform whatever m is, so the signer learns nothing of what it signs. The deterministic
variant is safe for messages of high entropy only: put 32 random bytes into each. The exponent is
65537, a modulus has 2048 bits or more in whole bytes, and serves for nothing else.

Values travel as exactly as many bytes as the modulus has, and are below it: each has one encoding.
The salt and the prefix of the standard's other variants are arguments, to hold this file to all of
its vectors.
"""

import hashlib
import math
from functools import lru_cache

from cryptography.exceptions import InvalidSignature as LibraryInvalidSignature
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from crypto import randomness, rsa_private
from crypto.hashing import digest, framed
from crypto.meter import count
from crypto.rsa_private import PUBLIC_EXPONENT, Engine, PrivateOperation

SMALLEST_MODULUS_BITS = 2048
LARGEST_MODULUS_BITS = 4096
HASH_BYTES = 48
"""SHA-384."""
PREFIX_BYTES = 32
SECURITY_BYTES = 16
"""A number reduced from so many bytes more than the modulus is uniform to 2^-128."""


class BlindSignatureError(ValueError):
    """Something is not as RFC 9474 wants it."""


class UnacceptableKey(BlindSignatureError):
    """Not a key for blind signatures: size, exponent or encoding."""


class MalformedValue(BlindSignatureError):
    """Not the one encoding of a number below the modulus."""


class UnusableFactor(BlindSignatureError):
    """Nothing can be blinded with this r."""


class InvalidBlindSignature(BlindSignatureError):
    """This is not the key's signature on this message."""


class BlindPublicKey:
    """n; e is 65537. `id` (32 bytes) names the key, `encoded` is n in as many bytes as it has."""

    __slots__ = ("_key", "encoded", "id", "modulus", "size")

    def __init__(self, modulus: int) -> None:
        bits = modulus.bit_length()
        if not SMALLEST_MODULUS_BITS <= bits <= LARGEST_MODULUS_BITS or bits % 8:
            raise UnacceptableKey(f"a modulus of {bits} bits")
        if modulus % 2 == 0:
            raise UnacceptableKey("an even modulus")
        self.modulus = modulus
        self.size = bits // 8
        self.encoded = modulus.to_bytes(self.size, "big")
        self.id = digest("blind signature key", self.encoded)
        self._key = rsa.RSAPublicNumbers(PUBLIC_EXPONENT, modulus).public_key()

    @classmethod
    def from_bytes(cls, encoded: bytes) -> "BlindPublicKey":
        """Raises UnacceptableKey; a leading zero is a second encoding."""
        if not encoded or encoded[0] == 0:
            raise UnacceptableKey("not the one encoding of a modulus")
        return _read(encoded)

    def number(self, value: bytes) -> int:
        """Raises MalformedValue unless `value` is the encoding of a number below n."""
        if len(value) != self.size:
            raise MalformedValue(f"{len(value)} bytes, not {self.size}")
        number = int.from_bytes(value, "big")
        if number >= self.modulus:
            raise MalformedValue("not below the modulus")
        return number

    def bytes_of(self, number: int) -> bytes:
        return number.to_bytes(self.size, "big")

    def verify(self, message: bytes, signature: bytes, *, salt_bytes: int = 0) -> None:
        """Raise InvalidBlindSignature unless `signature` is this key's on `message`."""
        count("verify")
        self.number(signature)
        pss = padding.PSS(padding.MGF1(hashes.SHA384()), salt_bytes)
        try:
            self._key.verify(signature, message, pss, hashes.SHA384())
        except LibraryInvalidSignature as error:
            raise InvalidBlindSignature("the signature does not fit") from error

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BlindPublicKey) and self.modulus == other.modulus

    def __hash__(self) -> int:
        return hash(self.modulus)


@lru_cache(maxsize=256)
def _read(encoded: bytes) -> BlindPublicKey:
    return BlindPublicKey(int.from_bytes(encoded, "big"))


class BlindPrivateKey:
    """The signer's key. It signs whatever it is shown, so it must serve one purpose only."""

    __slots__ = ("_key", "operation", "public_key")

    def __init__(self, key: rsa.RSAPrivateKey, operation: PrivateOperation | None = None) -> None:
        numbers = key.public_key().public_numbers()
        if numbers.e != PUBLIC_EXPONENT:
            raise UnacceptableKey(f"exponent {numbers.e}")
        self.public_key = BlindPublicKey(numbers.n)
        self._key = key
        self.operation = operation or rsa_private.fastest(key)

    @classmethod
    def generate(
        cls, bits: int = SMALLEST_MODULUS_BITS, *, engine: Engine = rsa_private.fastest
    ) -> "BlindPrivateKey":
        if not SMALLEST_MODULUS_BITS <= bits <= LARGEST_MODULUS_BITS or bits % 8:
            raise UnacceptableKey(f"a modulus of {bits} bits")
        key = randomness.rsa_key(bits)
        return cls(key, engine(key))

    @classmethod
    def from_der(cls, der: bytes, *, engine: Engine = rsa_private.fastest) -> "BlindPrivateKey":
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

    def blind_sign(self, blinded_message: bytes) -> bytes:
        """BlindSign: z^d mod n. The same bytes each time. Raises MalformedValue."""
        count("sign")
        count("modular_exponentiation")
        value = self.public_key.number(blinded_message)
        return self.public_key.bytes_of(self.operation(value))


class Blinder:
    """Blind and Finalize for one message and one r, which is never used for another.

    `factor` is r, 1 <= r < n, from `derive_factor`. Raises UnusableFactor.
    """

    __slots__ = ("_inverse", "_message", "_public_key", "_salt_bytes", "blinded_message")

    def __init__(
        self, public_key: BlindPublicKey, message: bytes, factor: int, *, salt: bytes = b""
    ) -> None:
        n = public_key.modulus
        encoded = encode(message, 8 * public_key.size - 1, salt)
        if math.gcd(encoded, n) != 1:
            raise UnusableFactor("the message shares a factor with the modulus")
        self._public_key, self._message, self._salt_bytes = public_key, message, len(salt)
        self._inverse = _inverse(factor, n)
        count("modular_exponentiation")
        blinded = encoded * pow(factor, PUBLIC_EXPONENT, n) % n
        self.blinded_message = public_key.bytes_of(blinded)

    def finalize(self, blind_signature: bytes) -> bytes:
        """The signature on the message. Raises MalformedValue or InvalidBlindSignature."""
        public_key = self._public_key
        number = public_key.number(blind_signature) * self._inverse % public_key.modulus
        signature = public_key.bytes_of(number)
        public_key.verify(self._message, signature, salt_bytes=self._salt_bytes)
        return signature


def prepare(message: bytes, prefix: bytes = b"") -> bytes:
    """Prepare: the message itself; in the randomized variants behind a prefix of 32 bytes."""
    if len(prefix) not in (0, PREFIX_BYTES):
        raise MalformedValue("a prefix has 32 bytes")
    return prefix + message


def derive_factor(public_key: BlindPublicKey, secret: bytes, label: str, *parts: bytes) -> int:
    """r, uniform below n, from a secret of 32 bytes or more: the same for the same arguments.

    SHAKE-256 (FIPS 202) over the framed arguments. Whoever knows the secret can unblind, so a
    signer must not.
    """
    size = public_key.size + SECURITY_BYTES
    for attempt in range(256):
        seed = framed(label, secret, *parts, public_key.encoded, bytes([attempt]))
        factor = int.from_bytes(hashlib.shake_256(seed).digest(size), "big") % public_key.modulus
        if factor > 1 and math.gcd(factor, public_key.modulus) == 1:
            return factor
    raise UnusableFactor("no factor is coprime to this modulus")


def encode(message: bytes, bits: int, salt: bytes = b"") -> int:
    """EMSA-PSS-ENCODE (RFC 8017, 9.1.1) with SHA-384 and MGF1, as a number below 2^bits."""
    size = (bits + 7) // 8
    fill = size - len(salt) - HASH_BYTES - 2
    if fill < 0:
        raise MalformedValue("the modulus is too small for this salt")
    hashed = hashlib.sha384(message).digest()
    seed = hashlib.sha384(bytes(8) + hashed + salt).digest()
    block = bytes(fill) + b"\x01" + salt
    mask = _mgf1(seed, len(block))
    masked = bytearray(a ^ b for a, b in zip(block, mask, strict=True))
    masked[0] &= 0xFF >> (8 * size - bits)
    return int.from_bytes(bytes(masked) + seed + b"\xbc", "big")


def _mgf1(seed: bytes, size: int) -> bytes:
    """RFC 8017, appendix B.2.1, with SHA-384."""
    blocks = range((size + HASH_BYTES - 1) // HASH_BYTES)
    out = b"".join(hashlib.sha384(seed + index.to_bytes(4, "big")).digest() for index in blocks)
    return out[:size]


def _inverse(factor: int, modulus: int) -> int:
    if not 1 <= factor < modulus:
        raise UnusableFactor("r is from 1 to n - 1")
    try:
        return pow(factor, -1, modulus)
    except ValueError as error:
        raise UnusableFactor("r shares a factor with the modulus") from error
