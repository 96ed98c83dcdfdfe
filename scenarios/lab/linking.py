"""Who bought? What a coalition of parties could join, from all that each of them read and keeps.

A party knows values from where the customer is named (it saw that name at the other end, or has it
in its books) and values from where a pseudonym acts (the deeds). A value that stands on both sides,
of one party or of two that lie together, says who is behind the deeds. Nobody's care in keeping
its books is trusted: everything it could read counts. Amounts and times are too short to count
here, and network addresses lie outside.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scenarios.lab.learned import SHORTEST_VALUE
from scenarios.lab.node_client import Node


@dataclass(frozen=True)
class Knowledge:
    """Of one party about one customer and some deeds."""

    of_the_person: frozenset[str]
    of_the_deeds: frozenset[str]


async def what_it_knows(
    node: Node, customer: Node, deeds: Collection[str], public: Collection[str] = ()
) -> Knowledge:
    """`deeds` are transactions; `public` are values everybody knows, which join nothing."""
    trace = (await node.get("/inspect/trace"))["rows"]
    meetings = {
        row["transaction"]
        for row in trace
        if customer.name in (row.get("sender"), row.get("receiver"))
    }
    view = (await node.get("/inspect/view"))["read"]
    person, acts = {customer.id}, set[str]()
    for line in view:
        found = set(values_in(line["value"]))
        person |= found if line["transaction"] in meetings else set()
        acts |= found if line["transaction"] in deeds else set()
    for row in _rows(await node.get("/inspect/ledger")):
        found = set(values_in(row))
        if customer.id in found:
            person |= found
        elif found & acts - set(public):
            acts |= found
    return Knowledge(frozenset(person - set(public)), frozenset(acts - set(public)))


def joined(coalition: Iterable[Knowledge]) -> set[str]:
    """The values that give the customer away; none: the coalition cannot tell."""
    members = list(coalition)
    person = {value for member in members for value in member.of_the_person}
    deeds = {value for member in members for value in member.of_the_deeds}
    return {
        min(one, other, key=len)
        for one in person
        for other in deeds
        if one in other or other in one
    }


def values_in(value: object) -> Iterator[str]:
    """Every text in it that is too long to be there by chance."""
    if isinstance(value, str):
        if len(value) >= SHORTEST_VALUE:
            yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from values_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from values_in(item)


def _rows(ledger: Mapping[str, Any]) -> Iterator[Any]:
    for table in ledger.values():
        yield from table if isinstance(table, list) else ()
