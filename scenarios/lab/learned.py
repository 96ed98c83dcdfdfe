"""What each party of a run could read, by what its node did read.

A thing is a value that stands in some message: the key, the payment. Whoever's view holds exactly
that value could read it, and so could who made it. Whoever was handed it only encrypted saw it
sealed. Everyone else never had it. The order of a party's own log decides nothing here: only the
values count, as they would for somebody who took the party's disk away.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scenarios.lab.run import Event, How, Learned

View = Mapping[str, Any]
SHORTEST_VALUE = 16
"""Hex digits: a shorter value could stand in a view by chance."""


@dataclass(frozen=True)
class Thing:
    """`field` of the messages at `steps`. Who sends one of them, or of `made_at`, has it anyway.

    Without a field the thing is what a party opened at that step: having its digest is not having
    it. `sealed_at`: steps that bring it only encrypted, to whoever asks for it. `opened`: the field
    stands in each of what a party decrypted under that name, not in a message.
    """

    what: str
    protocol: str
    steps: tuple[str, ...]
    field: str = ""
    made_at: tuple[str, ...] = ()
    sealed_at: tuple[str, ...] = ()
    opened: str = ""


ESCROW = "escrow_commerce"
COINS = "dht_micropayment"
CASH = "electronic_cash"
THINGS = (
    Thing("the content C", ESCROW, ("content",), made_at=("6a",), sealed_at=("6b", "D1u")),
    Thing("the key K", ESCROW, ("6a", "8a"), "key"),
    Thing("the digest H(E_K(C))", ESCROW, ("6a", "7"), "ciphertext_digest"),
    Thing("the payment", ESCROW, ("7",), "payment"),
    Thing("the contract", ESCROW, ("5", "6a", "7"), "contract"),
    Thing("the offer", ESCROW, ("1",), "offer"),
    Thing("the rating", ESCROW, ("9",), "rating"),
    Thing("the coins withdrawn", COINS, ("W2",), "coins"),
    Thing("the coins paid", COINS, ("P1",), "transfers"),
    Thing("the coins redeemed", COINS, ("D1",), "transfers"),
    Thing("whose withdrawal it is", CASH, ("W1r",), "receipt"),
    Thing(
        "the e-cash withdrawn",
        CASH,
        ("W4",),
        "signature",
        sealed_at=("W3", "W4", "P1", "D1"),
        opened="coins",
    ),
    Thing("the e-cash changed", CASH, ("",), "signature", sealed_at=("P3", "P4"), opened="coins"),
    Thing("what a payment is for", CASH, ("P1",), "reference"),
    Thing("the merchant's e-cash", CASH, ("P3",), "coin", sealed_at=("D1",)),
)


def what_each_learned(
    events: Iterable[Event], views: Mapping[str, Sequence[View]]
) -> dict[str, list[Learned]]:
    """By party name; empty where nobody's view is shown."""
    if not any(views.values()):
        return {}
    said = list(events)
    texts = {name: [json.dumps(line["value"]) for line in view] for name, view in views.items()}
    learned: dict[str, list[Learned]] = defaultdict(list)
    for thing in THINGS:
        values, makers = values_of(thing, views), _makers(thing, said)
        if not (values or (makers and not thing.field)):
            continue
        for name, view in views.items():
            knows = (
                name in makers
                or _opened(thing, view)
                or any(value in text for value in values for text in texts[name])
            )
            how: How = "readable" if knows else _not_readable(thing, name, said)
            learned[name].append(Learned(thing.what, how))
    return dict(learned)


def values_of(thing: Thing, views: Mapping[str, Sequence[View]]) -> set[str]:
    """Every value of a thing that anybody read, as it stands in a view."""
    found = set()
    for view in views.values():
        for line in view:
            if _is_of(thing, line):
                found |= {_needle(value[thing.field]) for value in _parts(thing, line)}
    return {value for value in found if len(value) >= SHORTEST_VALUE}


def _is_of(thing: Thing, line: View) -> bool:
    return (
        line["protocol"] == thing.protocol
        and line["step"] in thing.steps
        and thing.opened in ("", line["what"])
    )


def _parts(thing: Thing, line: View) -> Iterable[Mapping[str, Any]]:
    """Where the thing's field stands."""
    found = line["value"] if thing.opened else [line["value"]]
    return [value for value in found if isinstance(value, Mapping) and thing.field in value]


def _opened(thing: Thing, view: Sequence[View]) -> bool:
    return not thing.field and any(_is_of(thing, line) for line in view)


def _needle(value: Any) -> str:
    """What to look for: a document's content, without the signatures that may grow."""
    if isinstance(value, Mapping) and "content" in value:
        value = value["content"]
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        value = next(iter(value[0].values()))
    return value if isinstance(value, str) else json.dumps(value)


def _makers(thing: Thing, events: Iterable[Event]) -> set[str]:
    """Whoever sends a value knew it before; not so what only its receiver can decrypt."""
    steps = thing.made_at if thing.opened else thing.steps + thing.made_at
    return {
        event.sender for event in events if event.protocol == thing.protocol and event.step in steps
    }


def _not_readable(thing: Thing, name: str, events: Iterable[Event]) -> How:
    handed = any(
        name in (event.sender, event.receiver)
        for event in events
        if event.protocol == thing.protocol and event.step in thing.sealed_at
    )
    return "sealed only" if handed else "never"
