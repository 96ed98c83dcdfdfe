"""The README names what there is."""

import re
from pathlib import Path

import typer

from scenarios.lab.cli import app
from scenarios.lab.scenario import PAPERS, names

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_scenario_has_its_line() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE)) == set(names())


def test_every_paper_leads_to_its_page() -> None:
    pages = dict(re.findall(r"\[`(\w+)`\]\((docs/protocols/\w+\.md)\)", README))
    assert set(PAPERS) <= set(pages)
    for package, page in pages.items():
        assert (ROOT / page).is_file()
        assert (ROOT / "nodes" / "protocols" / package).is_dir()


def test_every_command_shown_exists() -> None:
    there = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    lines = re.findall(r"\bjangteo ([a-z][^#`\n]*)", README)
    shown = {part.split()[0] for line in lines for part in line.split(" | ") if part.strip()}
    assert {"up", "run", "trace", "judge"} <= shown <= there


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / target).exists(), target
