"""A node's clock: the system's, moved forward by whoever runs a lab."""

import time

from nodes.protocols.message import Milliseconds


class Clock:
    """All times of a node come from here, so `advance` moves every deadline at once."""

    def __init__(self) -> None:
        self._advanced_ms = 0

    def now(self) -> Milliseconds:
        """Milliseconds since the epoch, UTC."""
        return time.time_ns() // 1_000_000 + self._advanced_ms

    def advance(self, seconds: float) -> None:
        """Time only goes forward. ValueError for a negative step."""
        if seconds < 0:
            raise ValueError("time only goes forward")
        self._advanced_ms += round(seconds * 1000)
