"""A signing key outside the prime-order subgroup: its signatures verify, and prove too little."""

import hashlib

from crypto.hashing import framed
from tests.crypto import edwards


class MixedKey:
    """A = aB + T with T of order 8. A signature fits where the challenge is a multiple of 8."""

    def __init__(self, secret: int) -> None:
        self._secret = secret % edwards.ORDER
        honest = edwards.multiply(self._secret, edwards.BASE)
        torsion = edwards.point_of_order_eight()
        self.public_key = edwards.encoded(edwards.add(honest, torsion))

    def sign(self, label: str, message: bytes) -> bytes:
        text = framed(label, message)
        for number in range(1000):
            seed = number.to_bytes(8, "big") + text
            nonce = int.from_bytes(hashlib.sha512(seed).digest(), "little") % edwards.ORDER
            nonce_point = edwards.encoded(edwards.multiply(nonce, edwards.BASE))
            challenge = edwards.challenge(nonce_point, self.public_key, text)
            if challenge % 8 == 0:
                s = (nonce + challenge * self._secret) % edwards.ORDER
                return nonce_point + s.to_bytes(32, "little")
        raise AssertionError("one in eight nonces will do")
