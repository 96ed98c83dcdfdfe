"""The page on performance: every question has its command there, and nothing is asked in vain."""

import re
from pathlib import Path
from xml.etree import ElementTree

from scenarios.lab.benchmark import find, names

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
COLUMNS = 6


def text() -> str:
    return PAGE.read_text(encoding="utf-8")


def test_every_benchmark_is_named_and_every_name_is_one() -> None:
    asked = set(re.findall(r"jangteo bench ([a-z_]+)", text()))

    assert {find(name).name for name in asked} == asked
    assert [name for name in names() if f"`{name}`" not in text() and name not in asked] == []


def test_the_table_has_all_its_columns_in_each_row() -> None:
    rows = [line for line in text().splitlines() if line.startswith("|")]

    assert len(rows) > len(names())
    assert {row.count("|") - 1 for row in rows} == {COLUMNS}


def test_the_drawings_are_there_and_can_be_read() -> None:
    drawings = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text())

    assert drawings
    for drawing in drawings:
        assert ElementTree.parse(PAGE.parent / drawing).getroot().tag.endswith("svg")
