"""The floor of what processes did: what was counted, at what each operation costs alone, now.

Cryptography, an empty HTTP request for each message (client and server), a durable commit for each
that was made. The RSA of blind signatures has unit costs of its own.
"""

import asyncio
import secrets
from collections import Counter
from dataclasses import dataclass

from crypto.blind_signature import Blinder, BlindPrivateKey, derive_factor
from crypto.rsa_private import Engine, fastest
from scenarios.lab.market_costs import Spent
from scenarios.lab.yardsticks import Units, cheapest

WHAT = "cryptography + empty requests + commits"


@dataclass(frozen=True)
class BlindUnits:
    """Microseconds of processor time, RSA-2048."""

    sign: float
    """The private operation, with its check."""
    blind: float
    verify: float

    def line(self) -> str:
        return (
            f"unit costs (us), RSA-2048: blind signature {self.sign:.1f}, blinding "
            f"{self.blind:.1f}, verification {self.verify:.1f}"
        )


async def measure_blind_units(engine: Engine = fastest) -> BlindUnits:
    return await asyncio.to_thread(_measure, engine)


def _measure(engine: Engine) -> BlindUnits:
    key = BlindPrivateKey.generate(engine=engine)
    public, message = key.public_key, secrets.token_bytes(64)
    factor = derive_factor(public, secrets.token_bytes(32), "yardstick")
    blinder = Blinder(public, message, factor)
    signature = blinder.finalize(key.blind_sign(blinder.blinded_message))
    return BlindUnits(
        sign=cheapest(lambda: key.blind_sign(blinder.blinded_message)),
        blind=cheapest(lambda: Blinder(public, message, factor)),
        verify=cheapest(lambda: public.verify(message, signature)),
    )


@dataclass(frozen=True)
class Rsa:
    """How many of the operations that were counted are RSA's, of one piece of work."""

    signed: float = 0.0
    blinded: float = 0.0
    verified: float = 0.0


def floor(
    spent: Spent, units: Units, *, blind: BlindUnits | None = None, rsa: Rsa = Rsa()
) -> float:
    """Milliseconds a piece, all processes together."""
    return (
        _crypto(spent.counted, spent.times, units, blind, rsa)
        + spent.requests(units)
        + spent.each("commits") * units.commit / 1000
    )


def floor_of_all(spent: Spent, units: Units) -> float:
    """Milliseconds a piece, with an empty datagram for each that was sent."""
    return floor(spent, units) + spent.datagrams * units.datagram / 1000


def floor_of_node(
    counted: Counter[str],
    times: int,
    units: Units,
    *,
    blind: BlindUnits | None = None,
    rsa: Rsa = Rsa(),
) -> float:
    """Milliseconds a piece, of one server: of each request its own side."""
    served = counted["messages"] * units.served + counted["commits"] * units.commit
    return _crypto(counted, times, units, blind, rsa) + served / times / 1000


def _crypto(
    counted: Counter[str], times: int, units: Units, blind: BlindUnits | None, rsa: Rsa
) -> float:
    spent = units.crypto(counted) / times
    if blind is None:
        return spent
    instead = rsa.signed * (blind.sign - units.sign) + rsa.verified * (blind.verify - units.verify)
    return spent + (instead + rsa.blinded * blind.blind) / 1000
