"""The shortest part of a history that still fails: A. Zeller and R. Hildebrandt's ddmin.

A. Zeller and R. Hildebrandt, Simplifying and Isolating Failure-Inducing Input, IEEE Transactions on
Software Engineering 28 (2002), section 4.
"""

from collections.abc import Callable, Sequence

from scenarios.soak.history import Happening, History

Fails = Callable[[History], bool]


def shortest(history: History, fails: Fails, goes_on: Callable[[], bool] = lambda: True) -> History:
    """`history` fails. What comes back fails too, and no single happening can be left out of it.

    Unless `goes_on` says that there is no more time: then it is what was found so far.
    """
    kept, parts = list(history.happenings), 2
    while len(kept) >= 2 and goes_on():
        smaller = _failing_part(history, kept, parts, fails, goes_on)
        if smaller is not None:
            parts = max(2, min(parts - 1, len(smaller)))
            kept = smaller
        elif parts < len(kept):
            parts = min(2 * parts, len(kept))
        else:
            break
    return history.only(kept)


def _failing_part(
    history: History,
    kept: Sequence[Happening],
    parts: int,
    fails: Fails,
    goes_on: Callable[[], bool],
) -> list[Happening] | None:
    """What is left without one of the parts, if it fails."""
    for part in range(parts):
        begin, end = part * len(kept) // parts, (part + 1) * len(kept) // parts
        rest = [*kept[:begin], *kept[end:]]
        if not goes_on():
            return None
        if rest and fails(history.only(rest)):
            return rest
    return None
