"""Who learns what in a protocol, alone and together: declared, measured, compared.

A measurement plays its protocol in a world of its own, twice at the same time: two casts of
strangers do the same, for what nobody can tell apart is what privacy is. Then everything that
each party could know is read, and each fact is asked of every party and of all pairs and triples.

    MEASUREMENTS = (Measurement(protocol=..., parties=(...), facts=(...), play=play),)

in scenarios/privacy/<protocol>.py. What is expected of a fact stands beside it as the smallest
coalitions that learn it; all larger ones do, too.
"""

import importlib
import pkgutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations
from typing import Any

import scenarios.privacy
from scenarios.lab.disclosure import Implied, nothing_implied
from scenarios.lab.failures import LabFailure, did_you_mean
from scenarios.lab.knowledge import Known, Seen, look_at, what_all_know
from scenarios.lab.launcher import Progress, no_progress
from scenarios.lab.linking import How, Joined, Linker, Tie, common
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
        return {how: frozenset(_parts(one) for one in ones) for how, ones in given.items() if ones}


def _parts(coalition: str) -> Coalition:
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
    settings: Mapping[str, str] = field(default_factory=dict)
    programs: Mapping[str, str] = field(default_factory=dict)

    def coalitions(self) -> Iterator[Coalition]:
        """Every party, then all pairs and triples of those who are not insiders."""
        yield from ((role.symbol,) for role in self.roles)
        outside = [role.symbol for role in self.roles if not role.insider]
        for size in range(2, MOST_TOGETHER + 1):
            yield from combinations(outside, size)


@dataclass(frozen=True)
class Confusion:
    """A coalition ties a thing to a stranger's: what it joined proves nothing."""

    fact: str
    coalition: Coalition


@dataclass(frozen=True)
class Measured:
    of: Measurement
    how: Mapping[str, Mapping[Coalition, How]]
    """By fact."""
    confusions: tuple[Confusion, ...]
    records: int

    def smallest(self, fact: Fact) -> dict[How, frozenset[Coalition]]:
        """For each way of knowing: the coalitions of which no part knows as much."""
        inside = {role.symbol for role in self.of.roles if role.insider}
        found: dict[How, set[Coalition]] = {}
        for coalition, how in self.how[fact.name].items():
            if how is How.NEVER or inside & set(coalition):
                continue
            if all(self.how[fact.name][part] < how for part in _smaller(coalition)):
                found.setdefault(how, set()).add(coalition)
        return {how: frozenset(ones) for how, ones in found.items()}

    def contradicted(self, fact: Fact) -> list[Claim]:
        """Claims of the paper that the measurement does not bear out."""
        return [claim for claim in fact.claims if self.knows(fact, claim.coalition) != claim.can]

    def knows(self, fact: Fact, coalition: str) -> bool:
        return self.how[fact.name][_parts(coalition)] >= How.DERIVABLE

    def unexpected(self) -> list[Fact]:
        return [fact for fact in self.of.facts if self.smallest(fact) != fact.expected()]

    @property
    def as_expected(self) -> bool:
        return not (self.unexpected() or self.confusions)


def _smaller(coalition: Coalition) -> Iterator[Coalition]:
    for size in range(1, len(coalition)):
        yield from combinations(coalition, size)


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


async def measure(measurement: Measurement, *, progress: Progress = no_progress) -> Measured:
    """Play it in a world of its own, and ask."""
    async with World.start_temporary(
        peers=measurement.peers,
        settings=measurement.settings,
        programs=measurement.programs,
        protocols=measurement.servers_of,
        progress=progress,
    ) as world:
        began = time.time_ns() // 1_000_000
        casts = await measurement.play(world)
        return judge(measurement, casts, await look_at(world), began)


def judge(
    measurement: Measurement, casts: Sequence[Cast], everyone: Sequence[Seen], began: int = 0
) -> Measured:
    """`began`: who looked up whom before, as the world started, is not asked."""
    known = what_all_know(everyone, measurement.implied)
    asked = _Asked(measurement, casts, known, began)
    how = {fact.name: asked.everyone_of(fact) for fact in measurement.facts}
    records = sum(len(party.records) for party in known.values())
    return Measured(measurement, how, tuple(asked.confusions), records)


class _Asked:
    def __init__(
        self,
        measurement: Measurement,
        casts: Sequence[Cast],
        known: Mapping[str, Known],
        began: int,
    ) -> None:
        self._measurement, self._casts = measurement, casts
        self.confusions: list[Confusion] = []
        strangers = [[known[cast.nodes[s].name] for s in cast.private] for cast in casts]
        public = common(strangers)
        self._linkers = {
            False: Linker(known, public),
            True: Linker(known, public, look_ups_since=began),
        }
        self._joined: dict[tuple[bool, Coalition], Joined] = {}

    def everyone_of(self, fact: Fact) -> dict[Coalition, How]:
        alone = {
            (role.symbol,): self._sealed(fact, role.symbol) for role in self._measurement.roles
        }
        found: dict[Coalition, How] = {}
        for coalition in self._measurement.coalitions():
            sealed = max(alone[(symbol,)] for symbol in coalition)
            found[coalition] = max(self._of(fact, coalition), sealed)
        return found

    def _of(self, fact: Fact, coalition: Coalition) -> How:
        """The most that is learnt of any cast; a guess must be right about each."""
        joined = [self._together(fact, cast, coalition) for cast in self._casts]
        ties = [cast.ties[fact.name] for cast in self._casts]
        best = max(j.how(tie) for j, tie in zip(joined, ties, strict=True))
        if best is How.NEVER and all(j.guesses(ties, n) for n, j in enumerate(joined)):
            return How.GUESSED
        if any(j.how(crossed) > How.NEVER for j in joined for crossed in _crossed(ties)):
            self.confusions.append(Confusion(fact.name, coalition))
        return best

    def _sealed(self, fact: Fact, symbol: str) -> How:
        linker = self._linkers[fact.of_directory]
        held = any(
            linker.opened(cast.nodes[symbol].name).how(cast.ties[fact.name]) > How.NEVER
            for cast in self._casts
        )
        return How.SEALED if held else How.NEVER

    def _together(self, fact: Fact, cast: Cast, coalition: Coalition) -> Joined:
        names = tuple(sorted(cast.nodes[symbol].name for symbol in coalition))
        key = fact.of_directory, names
        if key not in self._joined:
            linker = self._linkers[fact.of_directory]
            its_own = coalition[0] in cast.private
            joined = linker.itself(names[0]) if its_own else linker.coalition(names)
            self._joined[key] = joined
        return self._joined[key]


def _crossed(ties: Sequence[Tie]) -> Iterator[Tie]:
    """Of one cast this, of another that: what is not true, and must never come out."""
    for one in ties:
        for other in ties:
            if (other.other, other.amount) != (one.other, one.amount):
                yield Tie(one.one, other.other, other.amount)


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
