"""Who learns what in a protocol, alone and together: measured, and compared with what is expected.

A measurement is played in a world of its own. Then everything that each party could know is read,
and each fact is asked of every party and of all pairs and triples.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from scenarios.lab.facts import Cast, Claim, Coalition, Fact, Measurement, parts
from scenarios.lab.knowledge import Known, Seen, look_at, what_all_know
from scenarios.lab.launcher import Progress, no_progress
from scenarios.lab.linking import How, Joined, Linker, Tie, common
from scenarios.lab.world import World


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
    unseen: tuple[str, ...]
    """Facts that not even those who made them true could read: then it proves nothing that others
    could not. That nobody was looked up is no such thing."""
    records: int

    @property
    def _inside(self) -> set[str]:
        return {role.symbol for role in self.of.roles if role.insider}

    def smallest(self, fact: Fact) -> dict[How, frozenset[Coalition]]:
        """For each way of knowing: the coalitions of which no part knows as much."""
        found: dict[How, set[Coalition]] = {}
        for coalition, how in self.how[fact.name].items():
            if how is How.NEVER or self._inside & set(coalition):
                continue
            if all(self.how[fact.name][part] < how for part in _smaller(coalition)):
                found.setdefault(how, set()).add(coalition)
        return {how: frozenset(ones) for how, ones in found.items()}

    def contradicted(self, fact: Fact) -> list[Claim]:
        """Claims of the paper that the measurement does not bear out."""
        return [claim for claim in fact.claims if self.knows(fact, claim.coalition) != claim.can]

    def knows(self, fact: Fact, coalition: str) -> bool:
        return self.how[fact.name][parts(coalition)] >= How.DERIVABLE

    def expected(self, fact: Fact, coalition: Coalition) -> How:
        """What those who are expected to know it leave to be expected of all others.

        An insider knows what it does; how is not asked.
        """
        if self._inside & set(coalition):
            return self.how[fact.name][coalition]
        ways = fact.expected().items()
        found = [how for how, ones in ways if any({*one} <= {*coalition} for one in ones)]
        return max(found, default=How.NEVER)

    def unexpected(self) -> list[Fact]:
        return [fact for fact in self.of.facts if self.smallest(fact) != fact.expected()]

    @property
    def as_expected(self) -> bool:
        return not (self.unexpected() or self.confusions or self.unseen)


def _smaller(coalition: Coalition) -> Iterator[Coalition]:
    for size in range(1, len(coalition)):
        yield from combinations(coalition, size)


async def measure(measurement: Measurement, *, progress: Progress = no_progress) -> Measured:
    """Play it in a world of its own, and ask."""
    async with World.start_temporary(
        peers=measurement.peers,
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
    return Measured(measurement, how, tuple(asked.confusions), tuple(asked.unseen()), records)


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

    def unseen(self) -> Iterator[str]:
        for fact in self._measurement.facts:
            ties = [(cast, cast.ties[fact.name]) for cast in self._casts]
            seen = [
                any(self._itself(node.name, tie) for node in cast.nodes.values())
                for cast, tie in ties
            ]
            if not (all(seen) or fact.of_directory):
                yield fact.name

    def _itself(self, name: str, tie: Tie) -> bool:
        return self._linkers[False].itself(name).how(tie) > How.NEVER

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
