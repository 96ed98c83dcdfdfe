"""Records that change only by the moves their tables allow, and messages on their way."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import msgspec

from nodes.protocols.item_trading.refusals import WrongState
from nodes.protocols.message import Message, PartyId


class HasState(Protocol):
    """A record with a life cycle."""

    @property
    def state(self) -> Any: ...


R = TypeVar("R", bound=HasState)
S = TypeVar("S", bound=enum.StrEnum)
Moves = Mapping[S, frozenset[S]]


def moved(record: R, moves: Moves[S], to: S, **changes: object) -> R:
    """The record in its new state. Raises WrongState for a move the table does not have."""
    if to not in moves[record.state]:
        raise WrongState(f"{record.state.value} cannot become {to.value}")
    made: R = msgspec.structs.replace(record, state=to, **changes)  # type: ignore[type-var]
    return made


@dataclass(frozen=True)
class To:
    """A message on its way to one party."""

    recipient: PartyId
    message: Message


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of what is kept."""
