"""A blind signature, RSA-2048: each side's part, and the private operation by either engine."""

import asyncio
import secrets
from collections.abc import Callable
from typing import Annotated

from typer import Option

from crypto.blind_signature import Blinder, BlindPrivateKey, derive_factor
from crypto.rsa_private import OpenSsl, Portable
from scenarios.lab.benchmark import Bench, benchmark
from scenarios.lab.yardsticks import cheapest


@benchmark(question="What does a blind signature cost, and the private operation in it?")
async def blind_signature(
    bench: Bench,
    *,
    repeats: Annotated[int, Option(min=1, help="Of each operation's rounds.")] = 5,
) -> None:
    """Signs without seeing what (RFC 9474), RSA-2048, in one thread; the thread's own time."""
    await asyncio.to_thread(_measure, bench, repeats)


def _measure(bench: Bench, repeats: int) -> None:
    key = BlindPrivateKey.generate()
    public, message = key.public_key, secrets.token_bytes(64)
    factor = derive_factor(public, secrets.token_bytes(32), "benchmark")
    blinder = Blinder(public, message, factor)
    value = secrets.randbelow(public.modulus)
    made = key.blind_sign(blinder.blinded_message)
    signature = blinder.finalize(made)
    portable, openssl = Portable(key._key), OpenSsl(key._key)

    def rounds(operate: Callable[[], object]) -> list[float]:
        return [cheapest(operate) for _ in range(repeats)]

    quick = bench.figure("private operation, OpenSSL", rounds(lambda: openssl(value)), "us")
    bench.figure(
        "private operation, portable",
        rounds(lambda: portable(value)),
        "us",
        beside=quick.median,
        beside_what="OpenSSL",
    )
    bench.figure(
        "a blind signature, signer",
        rounds(lambda: key.blind_sign(blinder.blinded_message)),
        "us",
        beside=quick.median,
        beside_what="its private operation",
        headline=True,
    )
    for name, operate in {
        "derive the factor": lambda: derive_factor(public, message, "benchmark"),
        "blind": lambda: Blinder(public, message, factor),
        "unblind and check": lambda: blinder.finalize(made),
        "verify": lambda: public.verify(message, signature),
    }.items():
        bench.figure(name, rounds(operate), "us")
    bench.note("RSABSSA-SHA384-PSSZERO-Deterministic, 2048 bits, one modulus.")
    bench.check("the two engines agree", portable(value) == openssl(value))
