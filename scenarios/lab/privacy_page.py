"""privacy.html: who learns what, as a table of parties and coalitions by facts."""

from collections.abc import Iterable, Sequence

from scenarios.lab.facts import Coalition
from scenarios.lab.linking import How
from scenarios.lab.markup import Markup, join, tag
from scenarios.lab.privacy import Measured
from scenarios.lab.privacy_words import (
    AGAINST,
    LEGEND,
    NEW,
    cell,
    claim_in_words,
    claims,
    together,
    wrong,
)
from scenarios.lab.report import page


def render_privacy(protocol: str, measured: Sequence[Measured]) -> str:
    """The whole page."""
    title = f"Who learns what: {protocol}"
    return page(
        title,
        tag(
            "header",
            tag("h1", title),
            tag("p", HOW_IT_IS_MEASURED, class_="about"),
            class_="plain",
        ),
        tag("main", _legend(), [_section(one) for one in measured]),
    )


HOW_IT_IS_MEASURED = (
    "Two casts of strangers did the same, by turns, in a world of their own. Everything that each "
    "party read, said and keeps was put side by side, for each party alone and for all that may "
    "lie together. What both casts have seen joins nothing, nor does a name. Network addresses "
    "lie outside."
)


def _legend() -> Markup:
    rows = [tag("tr", tag("th", word, scope="row"), tag("td", meaning)) for word, meaning in LEGEND]
    marks = [
        tag("tr", tag("th", AGAINST, scope="row"), tag("td", "the paper says otherwise")),
        tag("tr", tag("th", NEW, scope="row"), tag("td", "not what is expected")),
    ]
    return tag("table", tag("caption", "Words"), tag("tbody", rows, marks), class_="pairs")


def _section(measured: Measured) -> Markup:
    alone = [c for c in measured.of.coalitions() if len(c) == 1]
    several = [c for c in measured.of.coalitions() if len(c) > 1]
    return tag(
        "section",
        tag("h2", measured.of.title),
        tag(
            "div",
            _pairs("Parties", ((role.symbol, role.who) for role in measured.of.roles)),
            _pairs("Facts", ((fact.name, fact.sentence) for fact in measured.of.facts)),
            class_="two",
        ),
        tag("h3", "Each party alone"),
        _table(measured, alone),
        tag("h3", "Parties that put together what they know"),
        _table(measured, several),
        _claims(measured),
        _wrong(measured),
    )


def _pairs(caption: str, pairs: Iterable[tuple[str, str]]) -> Markup:
    rows = [tag("tr", tag("th", name, scope="row"), tag("td", what)) for name, what in pairs]
    return tag("table", tag("caption", caption), tag("tbody", rows), class_="pairs")


def _table(measured: Measured, coalitions: Sequence[Coalition]) -> Markup:
    heads = [tag("th", "", scope="col")]
    heads += [tag("th", fact.name, scope="col") for fact in measured.of.facts]
    table = tag(
        "table",
        tag("thead", tag("tr", heads)),
        tag("tbody", [_row(measured, coalition) for coalition in coalitions]),
        class_="costs",
    )
    return tag("div", table, class_="scroll", tabindex="0")


def _row(measured: Measured, coalition: Coalition) -> Markup:
    cells = []
    for fact in measured.of.facts:
        how = measured.how[fact.name][coalition]
        word = cell(measured, fact, coalition)
        cells.append(tag("td", word, class_="figure none" if how is How.NEVER else "figure"))
    return tag("tr", tag("th", together(coalition), scope="row"), cells)


def _claims(measured: Measured) -> Markup | None:
    lines = [
        tag(
            "li",
            tag("span", "holds" if holds else "measured otherwise", class_="standing"),
            tag("span", claim_in_words(fact, claim), class_="name"),
            class_="holds" if holds else "fails",
        )
        for fact, claim, holds in claims(measured)
    ]
    if not lines:
        return None
    return join(tag("h3", "What the paper claims"), tag("ul", lines, class_="checks"))


def _wrong(measured: Measured) -> Markup:
    lines = [
        tag("li", tag("span", line, class_="name"), class_="fails") for line in wrong(measured)
    ]
    if not lines:
        return tag("p", f"As expected. {measured.records} records were compared.")
    return join(tag("h3", "Not as expected"), tag("ul", lines, class_="checks"))
