"""Text is escaped whatever it holds; only what `tag` made is markup."""

from html import unescape
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.lab.markup import Markup, escape, join, raw, tag


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("</script><script>alert(1)", "&lt;/script&gt;&lt;script&gt;alert(1)"),
        ("a & b", "a &amp; b"),
        ("\"'", "&quot;&#39;"),
        ("&lt;", "&amp;lt;"),
        ("조각.png", "조각.png"),
    ],
)
def test_characters_of_markup_are_escaped(text: str, escaped: str) -> None:
    assert escape(text) == escaped


@pytest.mark.parametrize("character", ["\u202e", "\u2066", "\u2069", "\u200f", "\u200e", "\u202a"])
def test_a_character_that_turns_text_round_shows_as_a_mark(character: str) -> None:
    assert escape(f"cod{character}gnp.exe") == "cod\ufffdgnp.exe"


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x08", "\ufffe", "\ud800"])
def test_a_character_that_xml_forbids_shows_as_a_mark(character: str) -> None:
    assert escape(f"a{character}b") == "a\ufffdb"


@given(st.text(), st.text())
def test_any_text_and_attribute_stay_what_they_are(text: str, value: str) -> None:
    made = tag("p", text, title=value)
    element = ElementTree.fromstring(made)
    assert list(element) == []
    newlines = str.maketrans({"\r": "\n"})
    assert (element.text or "") == unescape(escape(text)).replace("\r\n", "\n").translate(newlines)
    assert set(element.attrib) == {"title"}


def test_what_is_markup_already_is_not_escaped_again() -> None:
    assert tag("p", tag("b", "<")) == "<p><b>&lt;</b></p>"
    assert join("<", raw("<hr/>")) == "&lt;<hr/>"


def test_children_are_flattened_and_none_is_left_out() -> None:
    assert tag("p", ["a", [1, None, (2.5, "b")]], None) == "<p>a12.5b</p>"


def test_names_of_attributes_and_values_that_switch() -> None:
    made = tag("a", "x", class_="c", data_n=1, hidden=True, open=False, title=None)
    assert made == '<a class="c" data-n="1" hidden="hidden">x</a>'


def test_an_attribute_may_be_called_name() -> None:
    assert tag("meta", name="viewport") == '<meta name="viewport"/>'


def test_empty_elements_are_closed_as_their_kind_is() -> None:
    assert tag("br") == "<br/>"
    assert tag("circle", r=2.50) == '<circle r="2.5"/>'
    assert tag("div") == "<div></div>"


def test_a_string_is_not_markup() -> None:
    assert not isinstance("<b>", Markup)
    assert isinstance(tag("b"), Markup)
