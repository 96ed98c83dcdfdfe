"""What was measured, as a table for a terminal or for the README."""

from collections.abc import Sequence

from scenarios.lab.benchmark import Figure, Measured
from scenarios.lab.console import in_words, say, show_table

COLUMNS = ["what", ">median", ">least", ">most", "", ">beside", "which is", ">ratio"]
MARKS = {True: "holds", False: "fails", None: "cannot tell"}


def show(measured: Measured) -> None:
    say(f"{measured.name}   {measured.question}\n")
    show_table(COLUMNS, [row(figure) for figure in measured.figures])
    say()
    for note in [*measured.notes, conditions(measured)]:
        say(f"  {note}")
    for check in measured.checks:
        say(f"  {MARKS[check.holds]}: {check.name}" + (f", {check.detail}" if check.detail else ""))


def row(figure: Figure) -> list[str]:
    spread = ["", ""]
    if len(figure.values) > 1:
        spread = [number(min(figure.values)), number(max(figure.values))]
    beside = "" if figure.beside is None else number(figure.beside)
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
    what, median = figure.what, number(figure.median)
    return [what, median, *spread, figure.unit, beside, figure.beside_what, ratio]


def conditions(measured: Measured) -> str:
    """The machine's line: what it is, and how much of it was others' meanwhile."""
    cores = in_words(measured.cores, "core")
    machine = f"{measured.processor}, {cores}" if measured.processor else cores
    busy = " (busy: read the ratios)" if measured.busy else ""
    before, after = measured.load
    return (
        f"{machine}, {measured.others:.1f} in use by others before and "
        f"{measured.others_after:.1f} after, load {before:.1f} and {after:.1f}{busy}; "
        f"Python {measured.versions['python']}; {measured.seconds:.0f} s"
    )


def number(value: float) -> str:
    """Three significant digits, or the whole number where it has more."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return f"{value:.{digits}f}".rstrip("0").rstrip(".") if digits else f"{value:.0f}"


def markdown(results: Sequence[Measured]) -> str:
    """The README's table: what, how much, beside what, and the command that measures it again."""
    lines = ["| what | figure | beside | again |", "|---|---|---|---|"]
    for measured in results:
        told = [figure for figure in measured.figures if figure.headline]
        for figure in told:
            again = f"`{measured.command}`" if figure is told[0] else ""
            lines.append(f"| {figure.what} | {_figure(figure)} | {_beside(figure)} | {again} |")
    return "\n".join([*lines, "", _machine(results)])


def _figure(figure: Figure) -> str:
    return f"{number(figure.median)} {figure.unit}".strip()


def _beside(figure: Figure) -> str:
    if figure.beside is None:
        return figure.beside_what
    beside = f"{figure.beside_what}: {number(figure.beside)} {figure.unit}".strip()
    return f"{beside}; {figure.ratio:.2f}x" if figure.ratio is not None else beside


def _machine(results: Sequence[Measured]) -> str:
    first = results[0]
    most = max(one.others for one in results)
    busy = " (busy: read the ratios)" if any(one.busy for one in results) else ""
    seconds = sum(one.seconds for one in results)
    return (
        f"Medians; {in_words(first.cores, 'core')}, at most {most:.1f} of them in use by others"
        f"{busy}; Python {first.versions['python']}; {first.started[:10]}, {seconds:.0f} s in all."
    )
