"""What stands in a value that a party could read: the texts that can tie it to something else.

A value of a view is what a message held: fields, lists, and documents as they were signed. Those
are opened here as anyone could open them. A text counts when it is too long to be there by
chance. Amounts are kept apart: they tie nothing by themselves.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

SHORTEST_VALUE = 16
"""Letters or hex digits: a shorter value could stand in a view by chance."""
LONGEST_SIMPLE = 64
"""Hex digits of a key, a digest, a nonce; what is longer is made of parts or sealed."""
AMOUNT_FIELDS = frozenset({"amount", "price", "count", "total"})
WITNESSES = frozenset({"votes", "voters"})
"""Who signed as a witness of something is no party to it."""
HEX = re.compile(r"(?:[0-9a-f]{2}){8,}")

Implied = Callable[[str, Mapping[str, Any]], Iterable[str]]
"""What the fields of a record let anyone compute: (what the record is, its fields) -> texts.

`what` is the name under which the party read it; empty for a record inside another.
"""


def nothing_implied(what: str, fields: Mapping[str, Any]) -> Iterable[str]:
    return ()


@dataclass
class Disclosed:
    """Of one value: its texts, its amounts, and the long texts that nobody could take apart."""

    texts: set[str] = field(default_factory=set)
    amounts: set[int] = field(default_factory=set)
    opaque: set[str] = field(default_factory=set)


class Reader:
    """`aliases`: other names of the same thing, such as a node's name for its id."""

    def __init__(
        self, aliases: Mapping[str, str] | None = None, implied: Implied = nothing_implied
    ) -> None:
        self._aliases = aliases or {}
        self._implied = implied

    def read(self, what: str, value: object) -> Disclosed:
        found = Disclosed()
        self._value(value, found, what)
        return found

    def _value(self, value: object, found: Disclosed, what: str = "") -> None:
        if isinstance(value, str):
            self._text(value, found)
        elif isinstance(value, bytes):
            self._text(value.hex(), found)
        elif isinstance(value, Mapping):
            self._record(value, found, what)
        elif isinstance(value, list | tuple):
            self._list(value, found)

    def _record(self, fields: Mapping[str, Any], found: Disclosed, what: str) -> None:
        found.texts.update(self._implied(what, fields))
        for name, value in fields.items():
            if name in WITNESSES:
                continue
            if name in AMOUNT_FIELDS and _is_amount(value):
                found.amounts.add(value)
            self._value(value, found)

    def _list(self, items: list[Any] | tuple[Any, ...], found: Disclosed) -> None:
        """Of a list's amounts the sum counts: coins of 4, 2 and 1 are 7."""
        if _is_vote(items):
            return
        inside = Disclosed(found.texts, set(), found.opaque)
        for item in items:
            self._value(item, inside)
        totals = [
            sum(
                item[name]
                for item in items
                if isinstance(item, Mapping) and _is_amount(item.get(name))
            )
            for name in AMOUNT_FIELDS
        ]
        found.amounts.update(total for total in totals if total)

    def _text(self, text: str, found: Disclosed) -> None:
        if text in self._aliases:
            found.texts.add(self._aliases[text])
        elif len(text) >= SHORTEST_VALUE:
            found.texts.add(text)
            if not HEX.fullmatch(text):
                found.texts.update(HEX.findall(text))
            elif len(text) > LONGEST_SIMPLE:
                self._long(text, found)

    def _long(self, text: str, found: Disclosed) -> None:
        opened = opened_document(bytes.fromhex(text))
        if opened is None:
            found.opaque.add(text)
        else:
            self._value(opened, found)


def opened_document(data: bytes) -> object | None:
    """The fields of a document, a record or a list; None for what is none of them."""
    try:
        value = msgspec.msgpack.decode(data)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None


def documents_in(value: object) -> Iterator[dict[str, Any]]:
    """Every document in a value that names its fields, as it was signed."""
    if isinstance(value, str) and len(value) > LONGEST_SIMPLE and HEX.fullmatch(value):
        opened = opened_document(bytes.fromhex(value))
        if isinstance(opened, dict):
            yield opened
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from documents_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from documents_in(item)


def texts_inside(opaque: str, known: frozenset[str]) -> Iterator[str]:
    """Known values of 16 or 32 bytes that stand somewhere inside a longer one."""
    for digits in (32, 64):
        for start in range(0, len(opaque) - digits + 1, 2):
            part = opaque[start : start + digits]
            if part in known:
                yield part


def _is_amount(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_vote(items: list[Any] | tuple[Any, ...]) -> bool:
    """[who, signature], as a certificate lists its votes."""
    return (
        len(items) == 2
        and all(isinstance(item, bytes) for item in items)
        and [len(item) for item in items] == [32, 64]
    )
