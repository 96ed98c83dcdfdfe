"""Figures and symbols as a person reads them."""

import re
import unicodedata
from collections.abc import Callable

from scenarios.lab.markup import Markup, escape, join, tag

NBSP = "\u00a0"
"""Between a figure and its unit, which a line may not part."""

_SUBSCRIPT = re.compile(r"_(?:\{([^{}]*)\}|([A-Z0-9][A-Za-z0-9]*|[a-z0-9](?![A-Za-z0-9_])))")


def count(number: int, noun: str, plural: str | None = None) -> str:
    """1 message, 2 messages."""
    return f"{grouped(number)} {noun if number == 1 else plural or noun + 's'}"


def grouped(number: int) -> str:
    """Thousands apart by a thin no-break space, from 10 000 on."""
    return f"{number:,}".replace(",", "\u202f") if abs(number) >= 10_000 else str(number)


def size(octets: int) -> str:
    """Bytes in binary units, three digits at most."""
    value = float(octets)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1000 or unit == "GiB":
            break
        value /= 1024
    if unit == "B":
        return f"{octets}{NBSP}B"
    return f"{value:.1f}{NBSP}{unit}" if value < 10 else f"{value:.0f}{NBSP}{unit}"


def moment(milliseconds: int) -> str:
    """Time since the run's start."""
    if milliseconds < 1000:
        return f"{milliseconds}{NBSP}ms"
    return seconds(milliseconds / 1000)


def seconds(value: float) -> str:
    if value < 60:
        return f"{value:.2f}{NBSP}s" if value < 10 else f"{value:.1f}{NBSP}s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes}{NBSP}min {rest}{NBSP}s"


def short(text: str, digits: int = 8) -> str:
    """The start of a long hex string."""
    return text if len(text) <= digits + 2 else text[:digits] + "…"


def words(name: str) -> str:
    """central_server, central-server: central server."""
    return name.replace("_", " ").replace("-", " ")


def list_of(names: list[str]) -> str:
    """a, b and c."""
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def formula(text: str) -> Markup:
    """A paper's notation in HTML: X_1, E_K(C), seq_{i+1} get their subscripts."""
    return _with_subscripts(text, lambda below: tag("sub", formula(below)))


def symbol_in_drawing(text: str) -> Markup:
    """The same within an SVG text element."""
    return _with_subscripts(text, lambda below: tag("tspan", below, dy="4", font_size="70%"))


def _with_subscripts(text: str, lower: Callable[[str], Markup]) -> Markup:
    parts: list[str] = []
    end = 0
    for match in _SUBSCRIPT.finditer(text):
        parts += [escape(text[end : match.start()]), lower(match[1] or match[2] or "")]
        end = match.end()
    return join(parts, escape(text[end:]))


def width(text: str) -> int:
    """In half-width characters; a Korean letter takes two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def fit(text: str, room: int) -> str:
    """At most `room` half-width characters, with an ellipsis where cut."""
    text = " ".join(text.split())
    if width(text) <= room:
        return text
    kept, used = [], 1
    for character in text:
        used += width(character)
        if used > room:
            break
        kept.append(character)
    return "".join(kept).rstrip() + "…"
