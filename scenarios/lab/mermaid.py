"""The sequence of a run in Mermaid's notation, for pages and tools that draw it."""

import re

from scenarios.lab.run import Event, Run
from scenarios.lab.sequence import columns, ends
from scenarios.lab.wording import fit

LONGEST_LABEL = 60
ARROWS = {"request": "->>", "answer": "-->>", "register": "-)", "content": "->>"}
REFUSED = "-x"
_SPECIAL = re.compile(r"[^\w \-.,/()+*'=]")


def render_mermaid(run: Run) -> str:
    """A sequenceDiagram: a participant a line, a message a line with its step in the paper."""
    lanes = columns(run.events, run.parties).parties
    aliases = {name: f"p{i}" for i, name in enumerate(lanes)}
    symbols = {party.name: party.symbol for party in run.parties}
    lines = ["sequenceDiagram"]
    for name, alias in aliases.items():
        shown = f"{name} ({symbols[name]})" if symbols.get(name) else name
        lines.append(f"    participant {alias} as {_text(shown)}")
    lines += [f"    {_line(event, aliases)}" for event in run.events]
    return "\n".join(lines) + "\n"


def _line(event: Event, aliases: dict[str, str]) -> str:
    sender, receiver = (aliases[name] for name in ends(event))
    label = f"{event.step} {event.message}"
    if event.refused:
        label += f" (refused, {event.outcome})"
    elif event.sealed:
        label += " (sealed)"
    if event.kind == "decision":
        return f"Note over {sender}: {_text(label)}"
    arrow = REFUSED if event.refused else ARROWS[event.kind]
    return f"{sender}{arrow}{receiver}: {_text(label)}"


def _text(text: str) -> str:
    """One line; characters with a meaning in Mermaid become its numeric entities."""
    one_line = fit(text, LONGEST_LABEL)
    return _SPECIAL.sub(lambda match: f"#{ord(match[0])};", one_line)
