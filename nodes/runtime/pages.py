"""`GET /`: who this node is, what it does, what it holds now, in plain words."""

from collections.abc import Callable, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nodes.runtime.service import Service

LINKS = {
    "/docs": "every message it takes, and its control operations",
    "/.well-known/node": "its keys and certificate",
    "/readyz": "whether it is ready",
    "/metrics": "what it counts, for Prometheus",
}
OWNERS_LINKS = {
    "/inspect/trace": "every message in and out",
    "/inspect/transactions": "its transactions and how they stand",
    "/inspect/ledger": "what it holds",
}
LAB_LINKS = {"/inspect/view": "every plaintext it could read"}
OWNERS_NOTE = (
    "Only for its owner: the world's token as the password, whatever the user name "
    "(or as a bearer token)."
)

FIGURES: dict[str, tuple[str, Callable[[float], str]]] = {
    "cpu_seconds": ("Processor time", lambda value: f"{value:.2f} s"),
    "peak_memory_bytes": ("Memory at most", lambda value: f"{value / 2**20:.1f} MiB"),
    "commits": ("Writes to its disk", lambda value: f"{value:.0f}"),
    "messages_in_hand": ("Messages in hand", lambda value: f"{value:.0f}"),
    "outbox_waiting": ("Waiting to be sent", lambda value: f"{value:.0f}"),
    "turned_away": ("Turned away, full", lambda value: f"{value:.0f}"),
}
"""The totals of a node, in words."""


def _facts(service: "Service") -> list[tuple[str, Any]]:
    party = service.party
    missing = service.missing()
    facts: list[tuple[str, Any]] = [
        ("Name", party.name),
        ("Role", party.role.value.replace("_", " ")),
        ("Key", party.id.hex()),
        ("Takes part in", ", ".join(service.protocols()).replace("_", " ") or "nothing yet"),
        ("State", "waiting for " + ", ".join(missing) if missing else "ready"),
    ]
    if party.guards.off:
        facts.append(("Guards switched off", ", ".join(sorted(party.guards.off))))
    totals = service.totals()
    facts += [(words, show(totals[name])) for name, (words, show) in FIGURES.items()]
    return facts


def _owners_links(service: "Service") -> dict[str, str]:
    return OWNERS_LINKS | (LAB_LINKS if service.party.settings.lab else {})


def front_text(service: "Service") -> str:
    lines = [service.purpose, ""]
    lines += [f"{name + ':':<24}{value}" for name, value in _facts(service)]
    lines += ["", *_lines(LINKS), "", OWNERS_NOTE, "", *_lines(_owners_links(service)), ""]
    return "\n".join(lines)


def _lines(links: Mapping[str, str]) -> list[str]:
    return [f"  {path:<26}{what}" for path, what in links.items()]


def front_html(service: "Service") -> str:
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>"
        for name, value in _facts(service)
    )
    title = escape(f"{service.party.name} · Jangteo")
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width">
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}}
th{{text-align:left;padding-right:1.5rem;vertical-align:top}}td{{overflow-wrap:anywhere}}
:root{{color-scheme:light dark}}</style></head>
<body><h1>{escape(service.party.name)}</h1><p>{escape(service.purpose)}</p>
<table>{rows}</table><h2>Pages</h2>{_list(LINKS)}
<p>{escape(OWNERS_NOTE)}</p>{_list(_owners_links(service))}</body></html>"""


def _list(links: Mapping[str, str]) -> str:
    items = (f'<li><a href="{path}">{path}</a> {escape(what)}</li>' for path, what in links.items())
    return f"<ul>{''.join(items)}</ul>"
