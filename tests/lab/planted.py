"""Views as nodes show them, with whatever a test plants in them."""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from scenarios.lab.disclosure import Implied, nothing_implied
from scenarios.lab.knowledge import Known, Seen, what_all_know

_counted = itertools.count(1)


def fresh(size: int = 32) -> str:
    """A value that nobody has seen, in hex."""
    return f"{next(_counted):#010x}".removeprefix("0x").zfill(8) * (size // 4)


@dataclass
class Planted:
    """Parties and what was said between them."""

    ids: Mapping[str, str]
    views: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    traces: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    ledgers: dict[str, dict[str, Any]] = field(default_factory=dict)

    def said(
        self,
        receiver: str,
        value: object,
        *,
        sender: str = "",
        step: str = "1",
        transaction: str = "",
        time: int = 0,
        protocol: str = "planted",
    ) -> str:
        """A message; without a sender an anonymous one. Returns its transaction."""
        row = {
            "time": time,
            "protocol": protocol,
            "step": step,
            "transaction": transaction or fresh(16),
        }
        self.views.setdefault(receiver, []).append(row | {"what": "word", "value": value})
        for name, direction in ((sender, "out"), (receiver, "in")):
            seen_by = {"direction": direction, "sender": sender, "receiver": receiver}
            if name:
                self.traces.setdefault(name, []).append(row | seen_by | {"message": "Word"})
        return str(row["transaction"])

    def opened(self, by: str, value: object, *, step: str, transaction: str) -> None:
        """What was sealed inside a message."""
        row = {"time": 0, "protocol": "planted", "step": step, "transaction": transaction}
        self.views.setdefault(by, []).append(row | {"what": "inside", "value": value})

    def wrote(self, who: str, table: str, *rows: Mapping[str, Any]) -> None:
        """In its books."""
        self.ledgers.setdefault(who, {}).setdefault(table, []).extend(rows)

    def seen(self) -> list[Seen]:
        return [
            Seen(
                name,
                id_,
                self.views.get(name, []),
                self.traces.get(name, []),
                {"party": id_, **self.ledgers.get(name, {})},
            )
            for name, id_ in self.ids.items()
        ]

    def known(self, implied: Implied = nothing_implied) -> dict[str, Known]:
        return what_all_know(self.seen(), implied)


def parties(names: Iterable[str]) -> Planted:
    return Planted({name: fresh() for name in names})
