"""`GET /`: who this node is, what it does, what it holds now, in plain words."""

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nodes.runtime.service import Service

LINKS = {
    "/docs": "every message it takes, and its control operations",
    "/.well-known/node": "its keys and certificate",
    "/readyz": "whether it is ready",
    "/metrics": "metrics",
    "/inspect/trace": "every message in and out (owner's token)",
    "/inspect/transactions": "its transactions (owner's token)",
    "/inspect/ledger": "balances and holds (owner's token)",
}


def _facts(service: "Service") -> list[tuple[str, Any]]:
    party = service.party
    missing = service.missing()
    facts: list[tuple[str, Any]] = [
        ("Name", party.name),
        ("Role", party.role.value.replace("_", " ")),
        ("Key", party.id.hex()),
        ("Takes part in", ", ".join(service.protocols()) or "nothing yet"),
        ("State", "waiting for " + ", ".join(missing) if missing else "ready"),
    ]
    if party.guards.off:
        facts.append(("Guards switched off", ", ".join(sorted(party.guards.off))))
    facts.extend(sorted(service.totals().items()))
    return facts


def front_text(service: "Service") -> str:
    lines = [service.purpose, ""]
    lines += [f"{name + ':':<24}{value}" for name, value in _facts(service)]
    lines += ["", *(f"  {path:<26}{what}" for path, what in LINKS.items()), ""]
    return "\n".join(lines)


def front_html(service: "Service") -> str:
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>"
        for name, value in _facts(service)
    )
    links = "".join(
        f'<li><a href="{path}">{path}</a> {escape(what)}</li>' for path, what in LINKS.items()
    )
    title = escape(f"{service.party.name} · Jangteo")
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width">
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}}
th{{text-align:left;padding-right:1.5rem;vertical-align:top}}td{{overflow-wrap:anywhere}}
:root{{color-scheme:light dark}}</style></head>
<body><h1>{escape(service.party.name)}</h1><p>{escape(service.purpose)}</p>
<table>{rows}</table><h2>Pages</h2><ul>{links}</ul></body></html>"""
