"""What a run cost: counters at its end less counters at its start, party by party."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from scenarios.lab.run import Costs, Event, PartyCost

OPERATIONS = ("sign", "verify", "seal", "open", "hash", "mac")


@dataclass(frozen=True)
class Counted:
    """`GET /inspect/counters` of every node at one moment."""

    nodes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By name; a node that could not be asked is missing."""
    seconds: float = field(default_factory=time.monotonic)

    def amounts(self, name: str) -> Counter[str]:
        """All counters of one node, summed over protocols and steps, and its own totals."""
        shown = self.nodes.get(name, {})
        summed: Counter[str] = Counter()
        for step in shown.get("steps", ()):
            summed.update({k: v for k, v in step.items() if isinstance(v, int)})
        for part in ("background", "dht"):
            summed.update({k: v for k, v in shown.get(part, {}).items() if isinstance(v, int)})
        return summed

    def cpu_seconds(self, name: str) -> float | None:
        value = self.nodes.get(name, {}).get("node", {}).get("cpu_seconds")
        return None if value is None else float(value)


def costs_between(before: Counted, after: Counted, events: Iterable[Event]) -> Costs:
    """Crypto and datagrams by the nodes' counters, messages and bytes by what was traced."""
    said = list(events)
    parties = [_party(name, before, after, said) for name in sorted(after.nodes)]
    return Costs(
        wall_seconds=round(after.seconds - before.seconds, 3),
        cpu_seconds=_cpu(before, after),
        parties=[party for party in parties if party != PartyCost(party.name)],
    )


def _party(name: str, before: Counted, after: Counted, events: Iterable[Event]) -> PartyCost:
    done = _since(before.amounts(name), after.amounts(name))
    cost = PartyCost(name, datagrams=done["datagrams_out"] + done["datagrams_in"])
    for operation in OPERATIONS:
        setattr(cost, operation, done[operation])
    for event in events:
        if event.kind not in ("request", "answer", "content"):
            continue
        if event.sender == name:
            cost.messages_out += 1
            cost.bytes_out += event.bytes
        if event.receiver == name:
            cost.messages_in += 1
            cost.bytes_in += event.bytes
    return cost


def _since(before: Counter[str], after: Counter[str]) -> Counter[str]:
    """A node that was started again counts from zero."""
    restarted = any(after[name] < before[name] for name in before)
    return after if restarted else after - before


def _cpu(before: Counted, after: Counted) -> float | None:
    spent = 0.0
    for name in after.nodes:
        now = after.cpu_seconds(name)
        if now is None:
            return None
        then = before.cpu_seconds(name) or 0.0
        spent += now - then if now >= then else now
    return round(spent, 3)
