"""Where unpredictable bytes and keys come from: the operating system, everywhere but in simulation.

A simulation lets everything in its context draw from a seed, so that it can be played again.
"""

import os
from contextvars import ContextVar
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import rsa

from crypto.rsa_private import PUBLIC_EXPONENT

FRACTION_BITS = 53


class Source(Protocol):
    def octets(self, size: int) -> bytes: ...

    def rsa_key(self, bits: int) -> rsa.RSAPrivateKey:
        """A key of this many bits with the exponent `PUBLIC_EXPONENT`."""


class OperatingSystem:
    """For everything that is meant."""

    def octets(self, size: int) -> bytes:
        return os.urandom(size)

    def rsa_key(self, bits: int) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(PUBLIC_EXPONENT, bits)


OPERATING_SYSTEM: Source = OperatingSystem()
_source: ContextVar[Source] = ContextVar("randomness", default=OPERATING_SYSTEM)


def draw_from(source: Source) -> None:
    """For the rest of this context, and for whatever it starts."""
    _source.set(source)


def octets(size: int) -> bytes:
    return _source.get().octets(size)


def rsa_key(bits: int) -> rsa.RSAPrivateKey:
    return _source.get().rsa_key(bits)


def fraction() -> float:
    """At least 0 and less than 1."""
    drawn = int.from_bytes(octets(8), "big") >> (64 - FRACTION_BITS)
    return drawn / (1 << FRACTION_BITS)
