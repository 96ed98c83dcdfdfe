"""HTML and SVG built so that text is always escaped: only what `tag` made counts as markup.

The output is well-formed XML too (void elements are closed, attributes quoted), which lets a
test parse any drawing with a strict parser.
"""

import re
from collections.abc import Iterable

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TURNS_TEXT_ROUND = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f]")
_VOID = frozenset({"br", "hr", "input", "link", "meta", "wbr"})
_SHAPES = frozenset({"circle", "line", "path", "polygon", "rect", "use"})


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


Child = str | int | float | None | Iterable["Child"]
Value = str | int | float | bool | None


def escape(text: str) -> Markup:
    """Text as it may stand in an element or a quoted attribute.

    Characters that XML forbids, and those that turn the direction of the text around them, show
    as U+FFFD: a file name may not dress up as another.
    """
    text = _TURNS_TEXT_ROUND.sub("\ufffd", _NOT_XML.sub("\ufffd", text))
    for plain, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(plain, entity)
    return Markup(text.replace("'", "&#39;"))


def join(*children: Child) -> Markup:
    """Children one after another; plain text among them is escaped, None is left out."""
    parts: list[str] = []
    for child in children:
        if isinstance(child, Markup):
            parts.append(child)
        elif isinstance(child, str):
            parts.append(escape(child))
        elif isinstance(child, Iterable):
            parts.append(join(*child))
        elif child is not None:
            parts.append(str(child))
    return Markup("".join(parts))


def tag(name: str, /, *children: Child, **attributes: Value) -> Markup:
    """`tag("a", "text", class_="x", data_n=1)`: `_` becomes `-` and a trailing one is dropped.

    An attribute that is None or False is left out; one that is True repeats its own name.
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    inside = join(*children)
    if not inside and (name in _VOID or name in _SHAPES):
        return Markup(f"<{name}{written}/>")
    return Markup(f"<{name}{written}>{inside}</{name}>")


def raw(text: str) -> Markup:
    """Our own style sheet, script or drawing, never anything that came with a run."""
    return Markup(text)


def _attribute(key: str, value: Value) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    if name == "viewbox":
        name = "viewBox"
    if isinstance(value, float):
        value = f"{value:.1f}".removesuffix(".0")
    return f' {name}="{name if value is True else escape(str(value))}"'
