"""runs/index.html: every run kept in a folder, newest first."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from scenarios.lab.markup import Markup, tag
from scenarios.lab.report import REPORT_FILE, page, seal
from scenarios.lab.run import RUN_FILE, RunSummary, UnreadableRun, load_summary, replace_file
from scenarios.lab.wording import count, seconds

INDEX_FILE = "index.html"


def write_index(root: Path | str) -> Path:
    """List every run below `root` (`<scenario>/<time>-<seed>/`); returns the index's path."""
    root = Path(root)
    runs: dict[str, RunSummary] = {}
    unreadable: list[str] = []
    for file in sorted(root.glob(f"*/*/{RUN_FILE}")):
        folder = file.parent.relative_to(root).as_posix()
        try:
            runs[folder] = load_summary(file.parent)
        except UnreadableRun:
            unreadable.append(folder)
    replace_file(root / INDEX_FILE, render_index(runs, unreadable).encode())
    return root / INDEX_FILE


def render_index(runs: Mapping[str, RunSummary], unreadable: Iterable[str] = ()) -> str:
    """The list. `runs` maps a run's folder, relative to the index, to the run or its summary."""
    newest_first = sorted(runs.items(), key=lambda item: _moment(item[1]), reverse=True)
    heads = [
        tag("th", name, scope="col")
        for name in ("verdict", "scenario", "what happened", "started", "seed", "time")
    ]
    table = tag(
        "table",
        tag("thead", tag("tr", heads)),
        tag("tbody", [_row(folder, run) for folder, run in newest_first]),
        class_="runs",
    )
    lost = [tag("li", tag("code", folder)) for folder in unreadable]
    return page(
        "Runs",
        tag("header", tag("h1", "Runs"), tag("p", _tally(runs)), class_="plain"),
        tag(
            "main",
            tag("div", table, class_="scroll", tabindex="0")
            if runs
            else tag("p", "Nothing has been run yet. Try ", tag("code", "jangteo run --list"), "."),
            tag("section", tag("h2", "Not readable"), tag("ul", lost)) if lost else None,
        ),
    )


def _moment(run: RunSummary) -> datetime:
    """When a run started; one that does not say so counts as the oldest."""
    try:
        moment = datetime.fromisoformat(run.started)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _tally(runs: Mapping[str, RunSummary]) -> str:
    verdicts = [run.verdict for run in runs.values()]
    parts = [
        f"{verdicts.count(verdict)} {verdict}"
        for verdict in ("ok", "violated", "unknown")
        if verdict in verdicts
    ]
    return f"{count(len(runs), 'run')}, newest first. {', '.join(parts)}".strip()


def _row(folder: str, run: RunSummary) -> Markup:
    started = run.started.replace("T", " ").partition(".")[0].removesuffix("Z")
    off = f"without {', '.join(run.guards_off)}" if run.guards_off else None
    return tag(
        "tr",
        tag("td", seal(run.verdict)),
        tag(
            "th", tag("a", run.scenario.title, href=f"./{quote(folder)}/{REPORT_FILE}"), scope="row"
        ),
        tag("td", run.summary, tag("div", off, class_="weakened") if off else None),
        tag("td", started, class_="figure"),
        tag("td", str(run.seed), class_="figure"),
        tag("td", seconds(run.seconds), class_="figure"),
    )
