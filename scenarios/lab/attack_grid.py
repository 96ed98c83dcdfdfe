"""The grid of all attacks, kept: grid.json for programs, grid.html and grid.md for people."""

import re
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

import msgspec

from scenarios.lab.attacking import GridRow
from scenarios.lab.markup import Markup, tag
from scenarios.lab.report import page
from scenarios.lab.run import replace_file

LONGEST = 200
"""Characters of a loss in a table that is to be read."""
HEADS = ("row", "attack", "guard", "without", "with", "found out by", "messages", "loss", "")
ABOUT = (
    "Each guarded attack was played twice between processes: with its guards off it must succeed, "
    "with every guard on it must be refused and nothing may move. Inherent ones are refused "
    "whatever is on; open ones succeed whatever is on, and are measured."
)


def keep_grid(folder: Path, rows: Sequence[GridRow], reports: Sequence[Path]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(folder / "grid.json", msgspec.json.format(msgspec.json.encode(rows)))
    replace_file(folder / "grid.html", render_grid(rows, reports).encode())
    replace_file(folder / "grid.md", as_markdown(rows).encode())


def as_markdown(rows: Sequence[GridRow]) -> str:
    """The table alone, as it stands in docs/attacks.md."""
    heads = HEADS[:-1]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for one in rows:
        guards = ", ".join(f"`{rule}`" for rule in one.guards) or one.kind
        messages = "" if one.messages is None else str(one.messages)
        cells = [one.row, one.name, guards, one.without, with_every_guard(one)]
        cells += [_nobody_in_particular(found_out_by(one)), messages]
        cells.append(_nobody_in_particular(_first_words(one.loss)))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _first_words(loss: str) -> str:
    """All that was measured stands in the attack's own report."""
    if len(loss) <= LONGEST:
        return loss
    first = loss.partition(";")[0]
    return f"{first} ..." + ")" * (first.count("(") - first.count(")"))


def _nobody_in_particular(loss: str) -> str:
    """Which peers the seed drew, and which pseudonym, is no matter of a page."""
    return re.sub(r"pseudonym [0-9a-f]{8}", "a pseudonym", re.sub(r"peer-\d+", "a peer", loss))


def render_grid(rows: Sequence[GridRow], reports: Sequence[Path]) -> str:
    """The whole page; each row leads to its report."""
    wrong = sum(not one.as_expected for one in rows)
    verdict = "every cell is as expected" if not wrong else f"{wrong} not as expected"
    heads = [tag("th", head, scope="col") for head in HEADS]
    body = [_line(one, report) for one, report in zip_longest(rows, reports)]
    return page(
        "Every attack",
        tag(
            "header",
            tag("h1", "Every attack, without its guard and with it"),
            tag("p", f"{len(rows)} attacks: {verdict}. {ABOUT}", class_="about"),
            class_="plain",
        ),
        tag(
            "main",
            tag(
                "div",
                tag("table", tag("thead", tag("tr", heads)), tag("tbody", body), class_="grid"),
                class_="scroll",
                tabindex="0",
            ),
        ),
    )


def with_every_guard(one: GridRow) -> str:
    """What came of it, with the refusal's name but for its protocol's."""
    return f"{one.guarded} {one.refusal.rpartition('/')[2]}".strip()


def found_out_by(one: GridRow) -> str:
    """By whom; and by what, where that was not the refusal."""
    if one.detected_how in ("", one.refusal):
        return one.detected_by
    return f"{one.detected_by}: {one.detected_how.rpartition('/')[2]}"


def _line(one: GridRow, report: Path | None) -> Markup:
    name = one.name.replace("_", " ")
    cells = [
        tag("a", name, href=str(report)) if report else name,
        ", ".join(one.guards) or one.kind,
        one.without,
        with_every_guard(one),
        found_out_by(one),
        "" if one.messages is None else str(one.messages),
        one.loss,
        "" if one.as_expected else f"NOT AS EXPECTED: {one.trouble}",
    ]
    return tag(
        "tr",
        tag("th", one.row, scope="row"),
        [tag("td", cell) for cell in cells],
        class_="" if one.as_expected else "wrong",
    )
