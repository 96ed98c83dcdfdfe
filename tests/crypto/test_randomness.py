"""Everything that is drawn comes from one source, and from which one is a matter of context."""

import contextvars
import hashlib

from cryptography.hazmat.primitives.asymmetric import rsa

from crypto import randomness
from crypto.blind_signature import BlindPrivateKey
from crypto.certificates import CertificateAuthorityKey
from crypto.content import generate_content_key
from crypto.full_domain_hash import FdhPrivateKey
from crypto.sealing import SealingKey
from crypto.signing import SigningKey


class Counted:
    """The same bytes in the same order."""

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._key, self._drawn = key, 0

    def octets(self, size: int) -> bytes:
        self._drawn += 1
        return hashlib.shake_256(self._drawn.to_bytes(8, "big")).digest(size)

    def rsa_key(self, bits: int) -> rsa.RSAPrivateKey:
        assert bits == self._key.key_size
        return self._key


def drawn(key: rsa.RSAPrivateKey) -> list[bytes]:
    randomness.draw_from(Counted(key))
    authority = CertificateAuthorityKey.generate()
    return [
        SigningKey.generate().seed,
        SealingKey.generate().private_bytes,
        generate_content_key(),
        authority.to_pem(),
        BlindPrivateKey.generate().to_der(),
        FdhPrivateKey.generate().to_der(),
    ]


def test_every_key_comes_from_the_source_of_the_context() -> None:
    key = randomness.rsa_key(2048)
    one, other = (contextvars.copy_context().run(drawn, key) for _ in range(2))
    assert one == other
    assert len({value[-16:] for value in one[:4]}) == 4


def test_outside_it_the_operating_system_is_asked() -> None:
    contextvars.copy_context().run(drawn, randomness.rsa_key(2048))
    assert SigningKey.generate().seed != SigningKey.generate().seed
    assert randomness.octets(32) != randomness.octets(32)


def test_a_fraction_is_at_least_0_and_less_than_1() -> None:
    drawn = [randomness.fraction() for _ in range(1000)]
    assert all(0 <= value < 1 for value in drawn)
    assert min(drawn) < 0.1
    assert max(drawn) > 0.9
