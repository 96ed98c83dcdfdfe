"""Interactive proof of knowing an RSA-FDH signature (Guillou and Quisquater, EUROCRYPT 1988).

Both know the key (n, e) and a number v; the prover knows s with s^e = v. For j = 1 .. 8 at once:

    commit     verifier -> prover    H(session, c_1..c_8, nonce)      c_j uniform in [0, e)
    announce   prover -> verifier    T_j = k_j^e
    open       verifier -> prover    c_j and the nonce: checked against the commitment
    answer     prover -> verifier    z_j = k_j s^{c_j}
    check      verifier              z_j^e = T_j v^{c_j}

Two answers to one T_j with different c_j give s away (e is prime), so one who does not know s
passes with probability e^-8, less than 2^-128. The verifier has fixed its challenges before it
sees any T_j, so it learns nothing that it could not have made alone, and nobody else is convinced
by what it shows.

k_j follows from a secret, the statement, the session and the verifier's commitment: whoever asks
again with the same commitment gets the same T_j, and a commitment opens to one set of challenges.
So no k_j ever meets two challenges, even in a prover that remembers nothing.

A T_j without inverse is refused: T_j = 0 would be answered by z_j = 0 whatever c_j is.
"""

import hashlib
import hmac
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from crypto.full_domain_hash import FdhPublicKey, MalformedNumber
from crypto.hashing import authenticate, digest, framed
from crypto.meter import count
from crypto.rsa_private import PUBLIC_EXPONENT

ROUNDS = 8
CHALLENGE_BYTES = 3
"""One challenge, big endian: 65536 needs 17 bits."""
CHALLENGES_BYTES = ROUNDS * CHALLENGE_BYTES
NONCE_BYTES = 32
SECRET_BYTES = 32
WIDE_BYTES = 24
"""A challenge reduced from so many bytes is uniform to 2^-175."""


class ProofRefused(ValueError):
    """The verifier is not convinced."""


class OpeningRefused(ValueError):
    """The verifier did not open what it had committed to: it gets no answer."""


@dataclass(frozen=True)
class Opening:
    """The challenges, and what they were hidden with."""

    challenges: bytes
    nonce: bytes


@dataclass(frozen=True)
class Statement:
    """The prover knows `key`'s signature on this labelled message."""

    key: FdhPublicKey
    label: str
    message: bytes

    @cached_property
    def value(self) -> int:
        """v."""
        return self.key.encode(self.label, self.message)

    @cached_property
    def digest(self) -> bytes:
        return digest("statement", self.key.encoded, self.label.encode(), self.message)


# Verifier


def draw_opening(seed: bytes) -> Opening:
    """Challenges and nonce from 32 bytes nobody else knows: the same ones for the same seed."""
    if len(seed) < SECRET_BYTES:
        raise ValueError("a seed has 32 bytes or more")
    stream = hashlib.shake_256(framed("guillou-quisquater challenges", seed))
    wide = stream.digest(ROUNDS * WIDE_BYTES)
    pieces = (wide[i : i + WIDE_BYTES] for i in range(0, len(wide), WIDE_BYTES))
    challenges = (int.from_bytes(piece, "big") % PUBLIC_EXPONENT for piece in pieces)
    nonce = digest("guillou-quisquater nonce", seed)
    return Opening(write_challenges(challenges), nonce)


def write_challenges(challenges: Iterable[int]) -> bytes:
    return b"".join(c.to_bytes(CHALLENGE_BYTES, "big") for c in challenges)


def read_challenges(encoded: bytes) -> tuple[int, ...]:
    """Raises OpeningRefused unless these are eight numbers below e, each in three bytes."""
    if len(encoded) != CHALLENGES_BYTES:
        raise OpeningRefused(f"{len(encoded)} bytes of challenges, not {CHALLENGES_BYTES}")
    pieces = (encoded[i : i + CHALLENGE_BYTES] for i in range(0, len(encoded), CHALLENGE_BYTES))
    challenges = tuple(int.from_bytes(piece, "big") for piece in pieces)
    if max(challenges) >= PUBLIC_EXPONENT:
        raise OpeningRefused("a challenge is not below e")
    return challenges


def commit(session: bytes, opening: Opening) -> bytes:
    """32 bytes: hides the challenges and binds them to this session."""
    return digest("guillou-quisquater", session, opening.challenges, opening.nonce)


def check(
    statement: Statement,
    opening: Opening,
    announced: tuple[bytes, ...],
    answers: tuple[bytes, ...],
) -> None:
    """Raise ProofRefused unless every equation holds. `announced` was there before the opening."""
    count("verify")
    key = statement.key
    if len(announced) != ROUNDS or len(answers) != ROUNDS:
        raise ProofRefused(f"{len(announced)} numbers announced, {len(answers)} answers")
    challenges = read_challenges(opening.challenges)
    try:
        numbers = [(key.unit(t), key.unit(z)) for t, z in zip(announced, answers, strict=True)]
    except MalformedNumber as error:
        raise ProofRefused(str(error)) from error
    for challenge, (announcement, answer) in zip(challenges, numbers, strict=True):
        right = announcement * key.power(statement.value, challenge) % key.modulus
        if key.power(answer, PUBLIC_EXPONENT) != right:
            raise ProofRefused("an equation does not hold")


# Prover


@dataclass(frozen=True)
class Prover:
    """One run of the proof. `secret` is the prover's for all its runs; `signature` is s."""

    statement: Statement
    signature: bytes
    secret: bytes
    session: bytes
    commitment: bytes

    def announce(self) -> tuple[bytes, ...]:
        """T_1 .. T_8."""
        key = self.statement.key
        return tuple(key.bytes_of(key.power(k, PUBLIC_EXPONENT)) for k in self._nonces())

    def answer(self, opening: Opening) -> tuple[bytes, ...]:
        """z_1 .. z_8. Raises OpeningRefused for anything but the opening of the commitment."""
        challenges = read_challenges(opening.challenges)
        if len(opening.nonce) != NONCE_BYTES:
            raise OpeningRefused(f"a nonce of {len(opening.nonce)} bytes")
        if not hmac.compare_digest(commit(self.session, opening), self.commitment):
            raise OpeningRefused("these are not the challenges committed to")
        key, root = self.statement.key, self.statement.key.number(self.signature)
        pairs = zip(self._nonces(), challenges, strict=True)
        return tuple(key.bytes_of(k * key.power(root, c) % key.modulus) for k, c in pairs)

    def _nonces(self) -> tuple[int, ...]:
        """k_1 .. k_8, each below n and with an inverse."""
        if len(self.secret) < SECRET_BYTES:
            raise ValueError("a prover's secret has 32 bytes or more")
        seed = authenticate(
            self.secret,
            "guillou-quisquater nonces",
            self.statement.digest,
            self.signature,
            self.session,
            self.commitment,
        )
        return tuple(self._nonce(seed, place) for place in range(ROUNDS))

    def _nonce(self, seed: bytes, place: int) -> int:
        key = self.statement.key
        for attempt in range(256):
            number = key.hash_to_number("nonce", seed, bytes([place, attempt]))
            if number > 1 and math.gcd(number, key.modulus) == 1:
                return number
        raise AssertionError("a modulus of two large primes has units everywhere")
