"""A life cycle is a table of moves; whatever it does not have is refused and changes nothing."""

import enum
from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

import msgspec

from nodes.protocols.dht_micropayment.refusals import MoveNotAllowed


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of what a party keeps."""


class HasState(Protocol):
    @property
    def state(self) -> Any: ...


R = TypeVar("R", bound=HasState)
S = TypeVar("S", bound=enum.StrEnum)
Moves = Mapping[S, frozenset[S]]


def moved(record: R, moves: Moves[S], to: S, **changes: object) -> R:
    """The record in its new state. Raises MoveNotAllowed for a move the table does not have."""
    if to not in moves[record.state]:
        raise MoveNotAllowed(f"{record.state.value} cannot become {to.value}")
    changed: R = msgspec.structs.replace(record, state=to, **changes)  # type: ignore[type-var]
    return changed
