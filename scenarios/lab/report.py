"""report.html: what a person reads first after a run.

One file with no reference to anything outside it: style, script and drawings are inside, and a
content security policy lets nothing else run or load, whatever a file name or message holds.
"""

import base64
import hashlib
from importlib.resources import files
from pathlib import Path

from scenarios.lab import wording
from scenarios.lab.attack_sides import attack_section
from scenarios.lab.coin_chains import coins_section
from scenarios.lab.markup import Child, Markup, join, raw, tag
from scenarios.lab.mermaid import render_mermaid
from scenarios.lab.message_list import LISTED, message_list
from scenarios.lab.party_cards import parties_section
from scenarios.lab.run import (
    EVENTS_FILE,
    Check,
    PartyCost,
    Run,
    RunSummary,
    replace_file,
)
from scenarios.lab.sequence import DRAWN, draw_sequence

REPORT_FILE = "report.html"
SEQUENCE_FILE = "sequence.mmd"

MEANING = {
    "ok": "Everything that must hold was checked, and it held.",
    "violated": "Something happened that must never happen. The checks below say what.",
    "unknown": "The run ended before it could be judged, or a check could not be made.",
}


def write_report(folder: Path | str, run: Run) -> Path:
    """Write the report and the Mermaid diagram into a run's folder; returns the report's path."""
    folder = Path(folder)
    replace_file(folder / SEQUENCE_FILE, render_mermaid(run).encode())
    replace_file(folder / REPORT_FILE, render_report(run).encode())
    return folder / REPORT_FILE


def render_report(run: Run) -> str:
    """The whole page."""
    sections = [
        ("attack", "The attack", attack_section(run.attack, run) if run.attack else None),
        ("parties", "Who took part", parties_section(run)),
        ("sequence", "What was said", _sequence(run)),
        ("coins", "The coins", coins_section(run.coins, run.ring) if run.coins else None),
        ("checks", "What was checked", _checks(run)),
        ("cost", "What it cost", _cost(run)),
        ("again", "Run it again", _again(run)),
    ]
    kept = [(anchor, title, body) for anchor, title, body in sections if body]
    contents = [tag("li", tag("a", title, href=f"#{anchor}")) for anchor, title, _ in kept]
    return page(
        f"{run.scenario.title}: {run.verdict}",
        _verdict(run),
        tag("nav", tag("ol", contents), aria_label="Contents"),
        tag("main", [_section(*part) for part in kept]),
        script=True,
    )


def page(title: str, *body: Child, script: bool = False) -> str:
    """A self-contained page in the house's style."""
    style, code = _packaged("page.css"), _packaged("report.js") if script else ""
    policy = "default-src 'none'; base-uri 'none'; form-action 'none'"
    policy += f"; style-src '{_fingerprint(style)}'"
    if script:
        policy += f"; script-src '{_fingerprint(code)}'"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", raw(style)),
    )
    end = tag("script", raw(code)) if script else None
    return "<!doctype html>\n" + tag("html", head, tag("body", *body, end), lang="en") + "\n"


def _packaged(name: str) -> str:
    return files("scenarios.lab").joinpath("page", name).read_text(encoding="utf-8")


def _fingerprint(code: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()


def _section(anchor: str, title: str, body: Markup) -> Markup:
    heading = tag("h2", title, id=f"{anchor}-title")
    return tag("section", heading, body, id=anchor, aria_labelledby=f"{anchor}-title")


def facts_of(run: RunSummary) -> str:
    """Time, seed and moment in a line."""
    started = run.started.replace("T", " ").partition(".")[0].removesuffix("Z")
    return f"{wording.seconds(run.seconds)} · seed {run.seed} · {started}"


def seal(verdict: str) -> Markup:
    return tag("span", verdict, class_=f"seal {verdict}")


def _verdict(run: Run) -> Markup:
    messages = wording.count(len(run.events), "message")
    octets = wording.size(sum(event.bytes for event in run.events))
    return tag(
        "header",
        tag(
            "div",
            tag("p", run.scenario.name, class_="scenario"),
            tag("h1", run.scenario.title),
            tag("p", run.scenario.sentence, class_="about") if run.scenario.sentence else None,
            tag("p", run.scenario.paper, class_="paper") if run.scenario.paper else None,
        ),
        tag(
            "div",
            seal(run.verdict),
            class_="stamp",
            role="img",
            aria_label=f"Verdict: {run.verdict}",
        ),
        tag(
            "div",
            tag("p", run.summary, class_="summary"),
            tag("p", MEANING[run.verdict]),
            _weakened(run.guards_off),
            tag("p", f"{messages} · {octets} · {facts_of(run)}", class_="small"),
            class_="outcome",
        ),
        class_=f"verdict {run.verdict}",
    )


def _weakened(guards: list[str]) -> Markup | None:
    if not guards:
        return None
    named = [join(", " if i else "", tag("code", guard)) for i, guard in enumerate(guards)]
    what = "This guard was" if len(guards) == 1 else "These guards were"
    return tag("p", f"{what} switched off on purpose: ", *named, ".", class_="weakened")


LEGEND = (
    ("request", "request"),
    ("answer", "answer"),
    ("register", "register in the ring"),
    ("content", "content"),
    ("refused", "refused"),
)


def _sequence(run: Run) -> Markup | None:
    if not run.events:
        return None
    drawing = draw_sequence(run.events, run.parties)
    cut = None
    if len(run.events) > DRAWN.most:
        all_of_them = "the list below it" if len(run.events) <= LISTED.most else EVENTS_FILE
        cut = tag(
            "p",
            f"This run has {wording.count(len(run.events), 'message')}. The drawing shows the "
            f"first, the last and refused ones; {all_of_them} has all.",
            class_="cut",
        )
    present = {event.kind for event in run.events} | {
        "refused" for event in run.events if event.refused
    }
    legend = [
        tag("li", tag("span", class_=f"key {kind}"), label)
        for kind, label in LEGEND
        if kind in present
    ]
    return join(
        tag("ul", legend, class_="legend"),
        cut,
        _replay(),
        tag(
            "div",
            tag(
                "div",
                drawing,
                class_="frame",
                tabindex="0",
                role="region",
                aria_label="Drawing of the messages; it scrolls",
            ),
            tag(
                "aside",
                tag("p", "Choose an arrow to see what the message held.", class_="hint"),
                id="panel",
                aria_live="polite",
                aria_label="The chosen message",
                hidden=True,
            ),
            class_="stage",
        ),
        message_list(run.events, run.formulas),
    )


def _replay() -> Markup:
    return tag(
        "div",
        tag("button", "Replay", type="button", id="play"),
        tag("button", "‹", type="button", id="back", aria_label="One message back"),
        tag("button", "›", type="button", id="forth", aria_label="One message on"),
        tag(
            "input", type="range", id="slider", min=0, value=0, max=0, aria_label="Replay position"
        ),
        tag("output", id="position", for_="slider"),
        class_="replay",
        hidden=True,
    )


def _checks(run: Run) -> Markup | None:
    if not run.checks:
        return None
    return tag("ul", [_check(check) for check in run.checks], class_="checks")


def _check(check: Check) -> Markup:
    state, word = {
        True: ("holds", "holds"),
        False: ("fails", "does not hold"),
        None: ("unknown", "could not be told"),
    }[check.holds]
    return tag(
        "li",
        tag("span", word, class_="standing"),
        tag("span", check.name, class_="name"),
        tag("span", check.detail, class_="detail") if check.detail else None,
        class_=state,
    )


def _cost(run: Run) -> Markup | None:
    costs = run.costs
    if not costs.parties and not costs.wall_seconds:
        return None
    time = f"{wording.seconds(costs.wall_seconds)} on the clock"
    if costs.cpu_seconds is not None:
        time += f", {wording.seconds(costs.cpu_seconds)} of processor time in all processes"
    names = list(PartyCost.__struct_fields__[1:])
    used = [name for name in names if any(getattr(party, name) for party in costs.parties)]
    if not used:
        return tag("p", time, ".")
    heads = [tag("th", _head(name), scope="col") for name in ["party", *used]]
    rows = [
        _cost_row(party.name, [getattr(party, n) for n in used], used) for party in costs.parties
    ]
    sums = [sum(getattr(party, name) for party in costs.parties) for name in used]
    table = tag(
        "table",
        tag("thead", tag("tr", heads)),
        tag("tbody", rows),
        tag("tfoot", _cost_row("in all", sums, used)),
        class_="costs",
    )
    return join(tag("p", time, "."), tag("div", table, class_="scroll", tabindex="0"))


def _head(name: str) -> str:
    return {"sign": "signed", "verify": "verified", "seal": "sealed", "open": "opened",
            "hash": "hashes", "mac": "MACs"}.get(name, wording.words(name))  # fmt: skip


def _cost_row(name: str, figures: list[int], columns: list[str]) -> Markup:
    cells = [
        tag("td", _figure(figure, column), class_="figure" if figure else "figure none")
        for figure, column in zip(figures, columns, strict=True)
    ]
    return tag("tr", tag("th", name, scope="row"), cells)


def _figure(figure: int, column: str) -> str:
    return wording.size(figure) if column.startswith("bytes") else wording.grouped(figure)


def _again(run: Run) -> Markup:
    settings = {name: str(setting) for name, setting in run.settings.items()}
    return join(
        tag("pre", tag("code", run.command), class_="command", tabindex="0"),
        tag(
            "p",
            f"The seed is {run.seed}. With the same seed the same choices are made; times and "
            "the order of messages that travel at once may differ.",
        ),
        tag("p", f"Guards switched off: {', '.join(run.guards_off) or 'none'}."),
        tag(
            "div",
            _table("Settings", settings),
            _table("Versions", run.versions),
            class_="two",
        ),
    )


def _table(caption: str, rows: dict[str, str]) -> Markup | None:
    if not rows:
        return None
    body = [tag("tr", tag("th", k, scope="row"), tag("td", v)) for k, v in rows.items()]
    return tag("table", tag("caption", caption), tag("tbody", body), class_="pairs")
