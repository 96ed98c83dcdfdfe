"""The page on judging says what the judges say: every denial, what decides it, who is convicted."""

from pathlib import Path

import pytest

from scenarios.lab.commands_judge import UNDECIDABLE
from scenarios.lab.judges import DENIALS

PAGE = (Path(__file__).parents[2] / "docs" / "judging.md").read_text(encoding="utf-8")
HEADINGS = {
    "escrow_commerce": "Sales with escrow",
    "dht_micropayment": "Coins of the DHT",
    "item_trading": "Items of an online game",
    "electronic_cash": "E-cash",
    "anonymous_micropayment": "Purchases under a pseudonym",
}


def rows_under(heading: str) -> list[tuple[str, ...]]:
    _, found, rest = PAGE.partition(f"\n## {heading}\n")
    assert found, f"the page has no heading {heading}"
    lines = [line for line in rest.partition("\n## ")[0].splitlines() if line.startswith("| ")]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines[1:]]


@pytest.mark.parametrize("protocol", sorted(DENIALS))
def test_every_denial_has_its_row_and_no_row_is_made_up(protocol: str) -> None:
    declared = [(denial.says, denial.evidence, denial.verdict) for denial in DENIALS[protocol]]
    assert rows_under(HEADINGS[protocol]) == declared


def test_every_protocol_has_a_judge_and_its_table() -> None:
    assert HEADINGS.keys() == DENIALS.keys()


def test_the_exit_codes_are_the_commands() -> None:
    assert f"{UNDECIDABLE}: something is undecidable" in PAGE
