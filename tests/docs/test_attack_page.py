"""docs/attacks.md has every attack, under the guards that it switches off, and what came of it."""

from pathlib import Path

from scenarios.lab.attack import attacks

PAGE = Path(__file__).parent.parent.parent / "docs" / "attacks.md"


def lines() -> dict[str, list[str]]:
    rows = [line.strip("| \n").split(" | ") for line in PAGE.read_text().splitlines()]
    return {cells[1]: cells for cells in rows if len(cells) > 4 and "-A" in cells[0]}


def test_the_page_has_every_attack_and_no_other() -> None:
    assert set(lines()) == {one.name for one in attacks()}


def test_each_stands_under_its_row_and_its_guards() -> None:
    shown = {name: (cells[0], cells[2]) for name, cells in lines().items()}
    assert shown == {
        one.name: (one.row, ", ".join(f"`{rule}`" for rule in one.guards) or one.kind)
        for one in attacks()
    }


def test_each_came_out_as_declared() -> None:
    """The grid on the page was produced by a run in which every cell was as expected."""
    for one in attacks():
        without, guarded = lines()[one.name][3:5]
        if one.kind == "guarded":
            assert without == one.word
        if one.kind == "open":
            assert guarded == one.word
        else:
            assert guarded in {f"REFUSED {code.rpartition('/')[2]}" for code in one.codes}
