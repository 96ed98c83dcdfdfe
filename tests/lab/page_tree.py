"""A rendered page as a tree, read by a strict XML parser."""

import re
from collections.abc import Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

_OURS = re.compile(r"(<style>|<script>).*?(</style>|</script>)", re.DOTALL)


def tree_of(page: str) -> Element:
    """The page without the text of its style sheet and script, which are not XML."""
    start = "<!doctype html>\n"
    assert page.startswith(start)
    bare = _OURS.sub(r"\1\2", page.removeprefix(start))
    return ElementTree.fromstring(bare.replace(' xmlns="http://www.w3.org/2000/svg"', ""))


def drawing_of(markup: str) -> Element:
    return ElementTree.fromstring(markup.replace(' xmlns="http://www.w3.org/2000/svg"', ""))


def classed(element: Element, name: str) -> Iterator[Element]:
    """Every element below with that class."""
    for each in element.iter():
        if name in each.get("class", "").split():
            yield each


def text_of(element: Element) -> str:
    """Text in one line; a no-break space counts as a space."""
    return " ".join("".join(element.itertext()).split())


def by_id(element: Element, name: str) -> Element:
    (found,) = (each for each in element.iter() if each.get("id") == name)
    return found
