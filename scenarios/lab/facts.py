"""What there is to know in a protocol, who is expected to know it, and how it comes to be.

    MEASUREMENTS = (Measurement(protocol=..., roles=(...), facts=(...), play=play),)

in scenarios/privacy/<protocol>.py. What is expected of a fact stands beside it as the smallest
coalitions that learn it; all larger ones do, too. A play is played by two casts of strangers who
do the same at the same time: what nobody can tell apart is what privacy is.
"""

import importlib
import pkgutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import Any

import scenarios.privacy
from scenarios.lab.disclosure import Implied, nothing_implied
from scenarios.lab.failures import LabFailure, did_you_mean
from scenarios.lab.linking import How, Tie
from scenarios.lab.node_client import Node
from scenarios.lab.world import World

MOST_TOGETHER = 3
TOGETHER = "+"
Coalition = tuple[str, ...]


class NoSuchMeasurement(LabFailure):
    code = "lab/no-such-measurement"


@dataclass(frozen=True)
class Role:
    """A column of the table: the paper's symbol, and who that is."""

    symbol: str
    who: str
    insider: bool = False
    """It takes part in the very thing that others are not to know; it is in no coalition."""


@dataclass(frozen=True)
class Claim:
    """What the paper says of a fact: that this coalition can, or cannot, know it."""

    coalition: str
    can: bool
    section: str


@dataclass(frozen=True)
class Fact:
    """Expected: the smallest coalitions for each way of knowing, as `B+S`."""

    name: str
    sentence: str
    readable: tuple[str, ...] = ()
    derivable: tuple[str, ...] = ()
    guessed: tuple[str, ...] = ()
    sealed: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    of_directory: bool = False
    """It is about looking parties up, and nothing else."""

    def expected(self) -> dict[How, frozenset[Coalition]]:
        given = {
            How.READABLE: self.readable,
            How.DERIVABLE: self.derivable,
            How.GUESSED: self.guessed,
            How.SEALED: self.sealed,
        }
        return {how: frozenset(parts(one) for one in ones) for how, ones in given.items() if ones}


def parts(coalition: str) -> Coalition:
    """`B+S`: in the order of the roles."""
    return tuple(coalition.split(TOGETHER))


@dataclass(frozen=True)
class Cast:
    """Who played, and what is true of it."""

    nodes: Mapping[str, Node]
    """By symbol."""
    private: tuple[str, ...]
    """Symbols of those who are strangers to the other cast."""
    ties: Mapping[str, Tie]
    """By fact."""


Play = Callable[[World], Awaitable[Sequence[Cast]]]


@dataclass(frozen=True)
class Measurement:
    name: str
    protocol: str
    title: str
    roles: tuple[Role, ...]
    facts: tuple[Fact, ...]
    play: Play
    peers: int
    servers_of: tuple[str, ...]
    """Protocols whose servers the world has."""
    implied: Implied = nothing_implied

    def coalitions(self) -> Iterator[Coalition]:
        """Every party, then all pairs and triples of those who are not insiders."""
        yield from ((role.symbol,) for role in self.roles)
        outside = [role.symbol for role in self.roles if not role.insider]
        for size in range(2, MOST_TOGETHER + 1):
            yield from combinations(outside, size)


# how it is played


async def by_turns(*acts: AsyncIterator[None]) -> None:
    """One part of each, then the next part of each, to the end of all."""
    playing = list(acts)
    while playing:
        for act in list(playing):
            try:
                await anext(act)
            except StopAsyncIteration:
                playing.remove(act)


async def ended(node: Node, operation: str, state: str, **fields: Any) -> dict[str, Any]:
    """Ask for an operation and wait until it is in this state; its record."""
    asked = await node.control(operation, **fields)
    return await node.until(asked["transaction"], state)


async def read_at(node: Node, protocol: str, step: str) -> list[tuple[str, Any]]:
    """What this node read at a step so far: under which name, and the value."""
    lines = (await node.get("/inspect/view"))["read"]
    wanted = [line for line in lines if (line["protocol"], line["step"]) == (protocol, step)]
    return [(line["what"], line["value"]) for line in wanted]


# which there are


@cache
def protocols() -> tuple[str, ...]:
    """Every module in scenarios/privacy; none is imported for this."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(scenarios.privacy.__path__)))


def find(protocol: str) -> tuple[Measurement, ...]:
    """Raises NoSuchMeasurement, with the name that was probably meant."""
    wanted = protocol.replace("-", "_")
    if wanted not in protocols():
        raise NoSuchMeasurement(
            f"Nothing is declared about the privacy of '{protocol}'."
            f"{did_you_mean(wanted, protocols())}      (jangteo privacy)"
        )
    found: tuple[Measurement, ...] = importlib.import_module(
        f"scenarios.privacy.{wanted}"
    ).MEASUREMENTS
    return found
