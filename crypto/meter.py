"""Counts cryptographic operations for whoever is being served.

A service opens a meter around one message (`with metering() as meter`); every primitive reports
to the meter of its own context, so concurrent messages do not mix their counts.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal

Operation = Literal[
    "sign", "verify", "seal", "open", "encrypt", "decrypt", "hash", "mac", "modular_exponentiation"
]

_meter: ContextVar[Counter[str] | None] = ContextVar("crypto_meter", default=None)


@contextmanager
def metering(into: Counter[str] | None = None) -> Iterator[Counter[str]]:
    """Count every operation made inside the block, in this task and those it starts.

    Tasks that outlive the block go on counting, so `into` may be a counter that is kept.
    """
    meter: Counter[str] = Counter() if into is None else into
    token = _meter.set(meter)
    try:
        yield meter
    finally:
        _meter.reset(token)


def meter_from_here(into: Counter[str]) -> None:
    """The same for the rest of this task, and for whatever it starts."""
    _meter.set(into)


def count(operation: Operation, times: int = 1) -> None:
    """Report an operation; free when nobody measures."""
    meter = _meter.get()
    if meter is not None:
        meter[operation] += times
