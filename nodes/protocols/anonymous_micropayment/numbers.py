"""S_N: the numbers of the orders under one pseudonym, and their aliases.

Two orders of one customer may overtake each other through a fast and a slow vendor, so numbers are
not asked to grow (PID-R3). Which are used is remembered in a window: the highest used number and
those used among the WINDOW below it. A number below the window is too old, one more than WINDOW
above the highest too far ahead. A number that is never used leaves a gap and nothing else.
"""

import enum
from typing import Annotated

import msgspec

from nodes.protocols.anonymous_micropayment.tags import framed_tag
from nodes.protocols.anonymous_micropayment.values import Alias

WINDOW = 64


class Fresh(enum.Enum):
    """What a number is to a window."""

    FRESH = enum.auto()
    USED = enum.auto()
    TOO_OLD = enum.auto()
    TOO_FAR_AHEAD = enum.auto()


class Window(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The numbers used under one pseudonym."""

    highest: int = 0
    used: Annotated[tuple[int, ...], msgspec.Meta(max_length=WINDOW)] = ()
    """Those used above `oldest`, in rising order."""

    @property
    def oldest(self) -> int:
        """Every number up to here is out of use."""
        return max(0, self.highest - WINDOW)

    def tell(self, number: int) -> Fresh:
        if number <= self.oldest:
            return Fresh.TOO_OLD
        if number > self.highest + WINDOW:
            return Fresh.TOO_FAR_AHEAD
        return Fresh.USED if number in self.used else Fresh.FRESH

    def use(self, number: int) -> "Window":
        """With a fresh number used."""
        assert self.tell(number) is Fresh.FRESH, "only a fresh number is used"
        highest = max(self.highest, number)
        kept = (n for n in (*self.used, number) if n > highest - WINDOW)
        return Window(highest, tuple(sorted(kept)))

    def coming(self, after: int = 0) -> tuple[int, ...]:
        """Every number above `after` that is fresh now."""
        first, to = max(self.oldest, after) + 1, self.highest + WINDOW
        return tuple(n for n in range(first, to + 1) if n not in self.used)


def alias_of(secret: bytes, number: int) -> Alias:
    """HMAC(BCus_key, "alias" || S_N): to whoever lacks the key, no two belong together (PID-A9)."""
    return framed_tag(secret, "alias", number)


def new_aliases(secret: bytes, window: Window, before: Window | None) -> dict[Alias, int]:
    """What the broker computes ahead. `before`: those of that earlier window, under this key, are
    known; a window only moves up."""
    known = before.highest + WINDOW if before else 0
    return {alias_of(secret, number): number for number in window.coming(known)}
