"""What does one blind signature cost, and how much of it is the private operation?

    python -m scenarios.benchmarks.blind_signature [--seconds 2]

Prints microseconds for each operation, RSA-2048, by either engine.
"""

import argparse
import secrets
import time
from collections.abc import Callable

from crypto.blind_signature import Blinder, BlindPrivateKey, derive_factor
from crypto.rsa_private import OpenSsl, Portable


def microseconds(operate: Callable[[], object], seconds: float) -> float:
    """The mean over as many runs as fit into `seconds`."""
    start, runs = time.perf_counter(), 0
    while (spent := time.perf_counter() - start) < seconds:
        operate()
        runs += 1
    return 1e6 * spent / runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="for each operation")
    seconds = parser.parse_args().seconds
    key = BlindPrivateKey.generate()
    public, message = key.public_key, secrets.token_bytes(64)
    factor = derive_factor(public, secrets.token_bytes(32), "benchmark")
    blinder = Blinder(public, message, factor)
    value = secrets.randbelow(public.modulus)
    blind_signature = key.blind_sign(blinder.blinded_message)
    signature = blinder.finalize(blind_signature)
    portable, openssl = Portable(key._key), OpenSsl(key._key)
    for name, operate in {
        "derive factor": lambda: derive_factor(public, message, "benchmark"),
        "blind": lambda: Blinder(public, message, factor),
        "sign, portable": lambda: portable(value),
        "sign, openssl": lambda: openssl(value),
        "finalize": lambda: blinder.finalize(blind_signature),
        "verify": lambda: public.verify(message, signature),
    }.items():
        print(f"{name:16} {microseconds(operate, seconds):9.0f} us")


if __name__ == "__main__":
    main()
