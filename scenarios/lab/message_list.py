"""Every message of a run in words and figures: its fields, size, signatures, time and formula."""

from collections.abc import Mapping, Sequence

import msgspec

from scenarios.lab import wording
from scenarios.lab.markup import Markup, join, tag
from scenarios.lab.run import Event, Formula
from scenarios.lab.sequence import Extent, Gap, ends, shown

MANY = 200
"""More messages than this stay folded when the report is printed, and are told more shortly."""
LONGEST_VALUE, LONGEST_OF_MANY = 2000, 300
"""Characters of one field's value that are shown."""
MOST_FIELDS = 40
"""Fields of one message that are shown."""
LISTED = Extent(2000, first=1200, last=400)
"""Messages of a list; it keeps every message that the drawing keeps."""


def message_list(
    events: Sequence[Event], formulas: Mapping[str, Formula], anchor: str = "message"
) -> Markup:
    """The list, folded; each message is itself folded to one line."""
    longest = LONGEST_VALUE if len(events) <= MANY else LONGEST_OF_MANY
    entries = [
        tag("li", _gap(row) if isinstance(row, Gap) else _entry(row, formulas, anchor, longest))
        for row in shown(events, LISTED)
    ]
    return tag(
        "details",
        tag("summary", f"Every message as a list ({wording.count(len(events), 'message')})"),
        tag("ol", entries, class_="messages"),
        class_="all-messages",
        data_print=len(events) <= MANY,
    )


def _gap(gap: Gap) -> Markup:
    messages = wording.count(gap.count, "message")
    text = f"{messages} not listed (number {gap.first} to {gap.last}); events.jsonl has them."
    return tag("p", text, class_="cut")


def _entry(event: Event, formulas: Mapping[str, Formula], anchor: str, longest: int) -> Markup:
    sender, receiver = ends(event)
    way = sender if sender == receiver else join(sender, " → ", receiver)
    outcome = event.outcome if event.refused else ""
    formula = formulas.get(f"{event.protocol} {event.step}")
    return tag(
        "details",
        tag(
            "summary",
            tag("span", event.step, class_="step"),
            tag("span", event.message, class_="name"),
            tag("span", way, class_="way"),
            tag("span", outcome or event.note, class_="refusal" if outcome else "note"),
            tag("span", wording.size(event.bytes) if event.bytes else "", class_="figure"),
            tag("span", wording.moment(event.time_ms), class_="figure"),
        ),
        tag("div", describe(event, formula, longest), class_="body"),
        id=f"{anchor}-{event.n}",
        class_=f"message {event.kind}{' refused' if event.refused else ''}",
    )


def describe(event: Event, formula: Formula | None, longest: int = LONGEST_VALUE) -> Markup:
    """What can be said about one message."""
    return join(
        tag("p", "Refused: ", tag("code", event.outcome), class_="refusal")
        if event.refused
        else None,
        tag("p", event.note, class_="note") if event.note else None,
        _facts(event),
        _formula(formula) if formula else None,
        _fields(event, longest),
    )


def _facts(event: Event) -> Markup:
    facts: list[tuple[str, str | Markup]] = [
        ("protocol", wording.words(event.protocol)),
        ("time", f"{wording.moment(event.time_ms)} after the start"),
    ]
    if event.kind != "decision":
        facts += [
            ("size", f"{wording.grouped(event.bytes)} bytes"),
            ("signatures", str(event.signatures)),
        ]
    if event.transaction:
        facts.append(("transaction", tag("code", event.transaction)))
    return _pairs(facts, "facts")


def _formula(formula: Formula) -> Markup:
    if not formula.ours or formula.ours == formula.paper:
        rows = [("the paper, and here", wording.formula(formula.paper))]
    else:
        rows = [
            ("the paper", wording.formula(formula.paper)),
            ("here", wording.formula(formula.ours)),
        ]
    return _pairs([(name, tag("span", text, class_="formula")) for name, text in rows], "formulas")


def _fields(event: Event, longest: int) -> Markup | None:
    sealed = [name for name in event.sealed_fields if name not in event.fields]
    rows = [(name, value(content, longest)) for name, content in event.fields.items()]
    rows += [(name, tag("span", "sealed", class_="sealed")) for name in sealed]
    if len(rows) > MOST_FIELDS:
        left_out = wording.count(len(rows) - MOST_FIELDS, "more field")
        rows = [*rows[:MOST_FIELDS], ("…", tag("span", left_out))]
    if not rows and not event.sealed:
        return None
    receiver = event.receiver or "the receiver"
    if event.sealed and not rows:
        return tag("p", f"The whole body is sealed: only {receiver} can read it.", class_="sealed")
    told = f"Sealed: only {receiver} can open what is marked. " if event.sealed else None
    return join(
        tag("p", told, class_="seal-note") if told and sealed else None,
        tag("p", f"Sealed on the way: only {receiver} read these fields.", class_="seal-note")
        if told and not sealed
        else None,
        _pairs(rows, "fields"),
    )


def value(content: object, longest: int = LONGEST_VALUE) -> Markup:
    """A field's value; nested ones as an indented text."""
    if isinstance(content, str):
        text = content
    elif isinstance(content, dict | list) and content:
        text = msgspec.json.format(msgspec.json.encode(content), indent=2).decode()
        return tag("pre", _cut(text, longest), tabindex="0")
    else:
        text = msgspec.json.encode(content).decode()
    return tag("code", _cut(text, longest) if text else "(empty)")


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    return f"{text[:longest]}… ({wording.grouped(len(text))} characters)"


def _pairs(rows: Sequence[tuple[str, str | Markup]], kind: str) -> Markup:
    return tag(
        "dl",
        [tag("div", tag("dt", name), tag("dd", content)) for name, content in rows],
        class_=kind,
    )
