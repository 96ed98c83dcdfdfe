"""What a simulation draws from instead of the operating system: streams of one seed.

Each life of each node has a stream of its own, so what one node draws changes nothing of what
another gets. RSA keys are slow to find: they come from a shelf that fills once per process, the
same in every simulation; which one a node gets depends on the order in which they are asked for.
"""

import itertools
import math
import random
from collections.abc import Iterator
from functools import cache

from cryptography.hazmat.primitives.asymmetric import rsa

from crypto.rsa_private import PUBLIC_EXPONENT

SMALL_PRIMES = 20_000
PRIME_TESTS = 4
"""Rounds of Miller and Rabin; for numbers drawn at random of this size far more than enough."""


def stream(*names: object) -> random.Random:
    """Of a seed and whatever tells it apart from others; the same in every process."""
    return random.Random("/".join(map(str, names)))


class Seeded:
    """A `crypto.randomness.Source`. `keys`: numbers on the shelf of RSA keys, for a whole world."""

    def __init__(self, chance: random.Random, keys: Iterator[int]) -> None:
        self._chance, self._keys = chance, keys

    def octets(self, size: int) -> bytes:
        return self._chance.randbytes(size)

    def rsa_key(self, bits: int) -> rsa.RSAPrivateKey:
        return key_on_shelf(bits, next(self._keys))


@cache
def key_on_shelf(bits: int, number: int) -> rsa.RSAPrivateKey:
    """The same key for the same number. Nobody may use it outside a simulation."""
    chance = stream("rsa", bits, number)
    while True:
        p, q = _prime(chance, bits // 2), _prime(chance, bits // 2)
        totient = math.lcm(p - 1, q - 1)
        if p != q and (p * q).bit_length() == bits and math.gcd(PUBLIC_EXPONENT, totient) == 1:
            break
    d = pow(PUBLIC_EXPONENT, -1, totient)
    numbers = rsa.RSAPrivateNumbers(
        p=p,
        q=q,
        d=d,
        dmp1=rsa.rsa_crt_dmp1(d, p),
        dmq1=rsa.rsa_crt_dmq1(d, q),
        iqmp=rsa.rsa_crt_iqmp(p, q),
        public_numbers=rsa.RSAPublicNumbers(PUBLIC_EXPONENT, p * q),
    )
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


def _prime(chance: random.Random, bits: int) -> int:
    """From a drawn start upwards; its two highest bits are set, so that two make up a modulus."""
    while True:
        start = chance.getrandbits(bits) | (3 << (bits - 2)) | 1
        for candidate in _coprime_to_small(start, 40 * bits):
            if _is_prime(candidate, chance):
                return candidate


def _coprime_to_small(start: int, width: int) -> Iterator[int]:
    """Odd numbers of an interval that no small prime divides."""
    sieve = bytearray(width)
    for prime in _small_primes():
        # the first k with start + 2k divisible by it
        first = -start * pow(2, -1, prime) % prime
        for k in range(first, width, prime):
            sieve[k] = 1
    return (start + 2 * k for k in range(width) if not sieve[k])


@cache
def _small_primes() -> tuple[int, ...]:
    sieve = bytearray([1]) * SMALL_PRIMES
    for n in range(3, math.isqrt(SMALL_PRIMES) + 1, 2):
        if sieve[n]:
            for multiple in range(n * n, SMALL_PRIMES, n):
                sieve[multiple] = 0
    return tuple(n for n in range(3, SMALL_PRIMES, 2) if sieve[n])


def _is_prime(number: int, chance: random.Random) -> bool:
    bases = itertools.chain((2,), (chance.randrange(3, number - 1) for _ in range(PRIME_TESTS)))
    return all(_passes(number, base) for base in bases)


def _passes(number: int, base: int) -> bool:
    """One round of Miller and Rabin."""
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    power = pow(base, odd, number)
    if power in (1, number - 1):
        return True
    for _ in range(twos - 1):
        power = power * power % number
        if power == number - 1:
            return True
    return False
