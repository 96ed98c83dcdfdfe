"""A node's clock: the system's, moved forward by whoever runs a lab."""

import os
import time
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path

from nodes.protocols.message import Milliseconds

MOST_SECONDS = 10**9
"""Thirty years: certificates have long ended, and a moment still fits its type."""


_system: ContextVar[Callable[[], int]] = ContextVar("system_clock", default=time.time_ns)


def system_clock_is(nanoseconds: Callable[[], int]) -> None:
    """What tells the time since the epoch in this context: in simulation, another than time's."""
    _system.set(nanoseconds)


class Clock:
    """All times of a node come from here, so `advance` moves every deadline at once."""

    def __init__(self, kept: Path | None = None) -> None:
        """`kept`: where the step forward outlives the process, so that time never goes back."""
        self._kept = kept
        self._advanced_ms = int(kept.read_text()) if kept is not None and kept.exists() else 0

    def now(self) -> Milliseconds:
        """Milliseconds since the epoch, UTC."""
        return _system.get()() // 1_000_000 + self._advanced_ms

    def advance(self, seconds: float) -> None:
        """Time only goes forward. ValueError for a step back, or for one past all deadlines."""
        if not 0 <= seconds <= MOST_SECONDS:
            raise ValueError(f"time goes forward, by at most {MOST_SECONDS} seconds")
        self._advanced_ms += round(seconds * 1000)
        if self._kept is not None:
            partial = self._kept.with_suffix(".partial")
            partial.write_text(str(self._advanced_ms))
            os.replace(partial, self._kept)
