"""Each protocol's page shows who learns what, exactly as it is declared and measured."""

from pathlib import Path

import pytest

from scenarios.lab import facts
from scenarios.lab.facts import Fact, Measurement
from scenarios.lab.linking import How
from scenarios.lab.privacy_words import together

PAGES = Path(__file__).parents[2] / "docs" / "protocols"
HEADING = "## Privacy, measured"
WAYS = (How.READABLE, How.DERIVABLE, How.GUESSED, How.SEALED)


def row_of(fact: Fact) -> str:
    expected = fact.expected()
    cells = [", ".join(sorted(map(together, expected.get(way, ())))) or "-" for way in WAYS]
    return f"| {' | '.join([fact.sentence, *cells])} |"


def tables_of(protocol: str) -> list[list[str]]:
    """Under the heading: the rows of each table, without its head."""
    _, found, rest = (PAGES / f"{protocol}.md").read_text(encoding="utf-8").partition(HEADING)
    assert found, f"{protocol}.md has no heading {HEADING}"
    section = rest.partition("\n## ")[0]
    blocks = [block.splitlines() for block in section.split("\n\n")]
    return [block[2:] for block in blocks if block and block[0].startswith("| to know")]


@pytest.mark.parametrize("protocol", facts.protocols())
def test_the_page_says_who_learns_what(protocol: str) -> None:
    declared: tuple[Measurement, ...] = facts.find(protocol)
    assert tables_of(protocol) == [[row_of(fact) for fact in one.facts] for one in declared]
