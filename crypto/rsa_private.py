"""The RSA private operation m^d mod n (RFC 8017, RSASP1), by either of two engines.

`Portable` is Python integers: the Chinese remainder theorem, base and exponents blinded afresh
each time, because Python's own `pow` takes a time that depends on them. `OpenSsl` is the library's
raw operation, reached through ctypes: constant in time, about twenty times faster, and other
threads run meanwhile. Either checks s^e = m before it lets s go: one wrong half of the remainder
theorem would give the factors away.
"""

import ctypes
import secrets
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any, Protocol

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

PUBLIC_EXPONENT = 65537
EXPONENT_BLINDING_BITS = 64
SELF_TESTS = 2
KEPT_KEYS = 64
"""Keys whose checks are not repeated: each takes as long as many signatures."""

_NO_PADDING = 3  # RSA_NO_PADDING of openssl/rsa.h


class OperationFailed(RuntimeError):
    """The engine's result does not check: it is not shown to anyone."""


class PrivateOperation(Protocol):
    """m^d mod n for 0 <= m < n. Raises OperationFailed."""

    @property
    def name(self) -> str: ...

    def __call__(self, value: int) -> int: ...


class Portable:
    """Runs wherever Python does."""

    name = "portable"

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        numbers = key.private_numbers()
        self._p, self._q = numbers.p, numbers.q
        self._dp, self._dq, self._qinv = numbers.dmp1, numbers.dmq1, numbers.iqmp
        self._n = numbers.public_numbers.n

    def __call__(self, value: int) -> int:
        factor, inverse = self._blinding()
        blinded = value * pow(factor, PUBLIC_EXPONENT, self._n) % self._n
        result = self._by_halves(blinded) * inverse % self._n
        if pow(result, PUBLIC_EXPONENT, self._n) != value:
            raise OperationFailed(self.name)
        return result

    def _by_halves(self, value: int) -> int:
        p, q = self._p, self._q
        of_p = pow(value % p, _padded(self._dp, p), p)
        of_q = pow(value % q, _padded(self._dq, q), q)
        return of_q + q * ((of_p - of_q) * self._qinv % p)

    def _blinding(self) -> tuple[int, int]:
        while True:
            factor = 1 + secrets.randbelow(self._n - 1)
            try:
                return factor, pow(factor, -1, self._n)
            except ValueError:
                continue


def _padded(exponent: int, prime: int) -> int:
    """The same power, by another exponent each time."""
    return exponent + secrets.randbits(EXPONENT_BLINDING_BITS) * (prime - 1)


class OpenSsl:
    """libcrypto 3 or later. Raises OSError or AttributeError where there is none."""

    name = "openssl"

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._library = _libcrypto()
        self._bytes = (key.key_size + 7) // 8
        der = key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        start = ctypes.c_char_p(der)
        self._key = self._library.d2i_AutoPrivateKey(None, ctypes.byref(start), len(der))
        if not self._key:
            raise OSError("libcrypto cannot read this key")

    def __del__(self) -> None:
        if getattr(self, "_key", None):
            self._library.EVP_PKEY_free(self._key)

    def __call__(self, value: int) -> int:
        library = self._library
        result = self._run(library.EVP_PKEY_decrypt_init, library.EVP_PKEY_decrypt, value)
        if self._run(library.EVP_PKEY_encrypt_init, library.EVP_PKEY_encrypt, result) != value:
            raise OperationFailed(self.name)
        return result

    def _run(self, begin: Any, operate: Any, value: int) -> int:
        """One raw operation; a context of its own each time, so threads do not meet."""
        library, size = self._library, self._bytes
        context = library.EVP_PKEY_CTX_new(self._key, None)
        try:
            out = ctypes.create_string_buffer(size)
            length = ctypes.c_size_t(size)
            data = value.to_bytes(size, "big")
            well = (
                context
                and begin(context) == 1
                and library.EVP_PKEY_CTX_set_rsa_padding(context, _NO_PADDING) == 1
                and operate(context, out, ctypes.byref(length), data, size) == 1
                and length.value == size
            )
            if not well:
                raise OperationFailed(self.name)
            return int.from_bytes(out.raw, "big")
        finally:
            library.EVP_PKEY_CTX_free(context)


@cache
def _libcrypto() -> Any:
    """The library Python's own `ssl` stands on, with the types of what is used of it."""
    library = ctypes.CDLL("libcrypto.so.3")
    pointer, size = ctypes.c_void_p, ctypes.c_size_t
    begin = (ctypes.c_int, (pointer,))
    operate = (
        ctypes.c_int,
        (pointer, ctypes.c_char_p, ctypes.POINTER(size), ctypes.c_char_p, size),
    )
    functions: dict[str, tuple[Any, tuple[Any, ...]]] = {
        "d2i_AutoPrivateKey": (
            pointer,
            (pointer, ctypes.POINTER(ctypes.c_char_p), ctypes.c_long),
        ),
        "EVP_PKEY_free": (None, (pointer,)),
        "EVP_PKEY_CTX_new": (pointer, (pointer, pointer)),
        "EVP_PKEY_CTX_free": (None, (pointer,)),
        "EVP_PKEY_CTX_set_rsa_padding": (ctypes.c_int, (pointer, ctypes.c_int)),
        "EVP_PKEY_decrypt_init": begin,
        "EVP_PKEY_encrypt_init": begin,
        "EVP_PKEY_decrypt": operate,
        "EVP_PKEY_encrypt": operate,
    }
    for name, (result, arguments) in functions.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


@lru_cache(maxsize=KEPT_KEYS)
def read_der(der: bytes) -> PrivateKeyTypes:
    """Any private key, PKCS #8, not encrypted; the same object for the same bytes.

    Raises ValueError, TypeError, UnsupportedAlgorithm.
    """
    return serialization.load_der_private_key(der, password=None)


@lru_cache(maxsize=KEPT_KEYS)
def fastest(key: rsa.RSAPrivateKey) -> PrivateOperation:
    """OpenSSL's where it is there and agrees with the portable one on this key, else that one."""
    portable = Portable(key)
    try:
        candidate = OpenSsl(key)
        for _ in range(SELF_TESTS):
            value = secrets.randbelow(key.private_numbers().public_numbers.n)
            if candidate(value) != portable(value):
                return portable
    except (OSError, AttributeError, OperationFailed):
        return portable
    return candidate


Engine = Callable[[rsa.RSAPrivateKey], PrivateOperation]
ENGINES: Mapping[str, Engine] = {"fastest": fastest, "portable": Portable}
"""By the name a setting gives one."""
