"""A measured table as rows of words, for a terminal and for programs."""

from collections.abc import Iterator
from typing import Any

from scenarios.lab.facts import TOGETHER, Claim, Coalition, Fact
from scenarios.lab.linking import How
from scenarios.lab.privacy import Measured

SHORT = {How.GUESSED: "amount, time", How.SEALED: "sealed"}
AGAINST, NEW = "*", "!"
LEGEND = (
    ("readable", "it stands in one message or one row of its books"),
    ("derivable", "values that several records share, and hashes computed again, join it"),
    ("amount, time", "nothing joins it, but equal amounts close in time point to the right one"),
    ("sealed", "it was in its hands, and only others could open it"),
    ("never", "none of these"),
)


def together(coalition: Coalition) -> str:
    return TOGETHER.join(coalition)


def short(how: How) -> str:
    return SHORT.get(how, how.words)


def cell(measured: Measured, fact: Fact, coalition: Coalition) -> str:
    """`*`: the paper says otherwise. `!`: not what is expected."""
    how = measured.how[fact.name][coalition]
    against = any(together(coalition) == claim.coalition for claim in measured.contradicted(fact))
    unexpected = how is not measured.expected(fact, coalition)
    return short(how) + AGAINST * against + NEW * unexpected


def rows(measured: Measured) -> Iterator[list[str]]:
    for coalition in measured.of.coalitions():
        yield [
            together(coalition),
            *(cell(measured, fact, coalition) for fact in measured.of.facts),
        ]


def claims(measured: Measured) -> Iterator[tuple[Fact, Claim, bool]]:
    """Each claim of the paper, and whether the measurement bears it out."""
    for fact in measured.of.facts:
        contradicted = measured.contradicted(fact)
        for claim in fact.claims:
            yield fact, claim, claim not in contradicted


def claim_in_words(fact: Fact, claim: Claim) -> str:
    can = "can" if claim.can else "cannot"
    return f"section {claim.section}: {claim.coalition} {can} know {fact.sentence}"


def wrong(measured: Measured) -> Iterator[str]:
    """Sentences; none where all is as expected."""
    for fact in measured.unexpected():
        found = _smallest(measured.smallest(fact)) or "nobody"
        expected = _smallest(fact.expected()) or "nobody"
        yield f"{fact.name}: {found}; expected: {expected}"
    for confusion in measured.confusions:
        who = together(confusion.coalition)
        yield f"{confusion.fact}: {who} would tie it to a stranger, too: that proves nothing"
    for name in measured.unseen:
        yield f"{name}: not even those who made it true could read it: nothing was measured"


def _smallest(found: dict[How, frozenset[Coalition]]) -> str:
    return "; ".join(
        f"{how.words} to {', '.join(sorted(map(together, ones)))}"
        for how, ones in sorted(found.items(), reverse=True)
    )


def as_plain(measured: Measured) -> dict[str, Any]:
    """For programs."""
    return {
        "name": measured.of.name,
        "title": measured.of.title,
        "as_expected": measured.as_expected,
        "records": measured.records,
        "parties": {role.symbol: role.who for role in measured.of.roles},
        "facts": [_fact_as_plain(measured, fact) for fact in measured.of.facts],
        "wrong": list(wrong(measured)),
    }


def _fact_as_plain(measured: Measured, fact: Fact) -> dict[str, Any]:
    contradicted = measured.contradicted(fact)
    return {
        "name": fact.name,
        "sentence": fact.sentence,
        "how": {together(c): how.words for c, how in measured.how[fact.name].items()},
        "smallest": _plain(measured.smallest(fact)),
        "expected": _plain(fact.expected()),
        "claims": [
            {
                "coalition": claim.coalition,
                "can": claim.can,
                "section": claim.section,
                "holds": claim not in contradicted,
            }
            for claim in fact.claims
        ],
    }


def _plain(found: dict[How, frozenset[Coalition]]) -> dict[str, list[str]]:
    return {how.words: sorted(map(together, ones)) for how, ones in found.items()}
