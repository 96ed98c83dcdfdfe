"""One simulation: a seed, its clock, its network, and what runs in it.

    async def work(simulation: Simulation) -> str: ...
    simulate(work, seed=7)

The same seed and the same work give the same run, callback for callback, provided strings hash
alike (PYTHONHASHSEED). What is not the same is what OpenSSL draws by itself: the temporary keys of
sealed messages, the nonces of encrypted content and of certificates' signatures. Nothing that
happens depends on them.
"""

import contextlib
import itertools
import logging
import random
from collections.abc import Callable, Coroutine, Iterator
from contextvars import copy_context
from typing import Any, TypeVar

import structlog

from crypto import randomness
from nodes.runtime.clock import system_clock_is
from scenarios.simulation.lives import Life
from scenarios.simulation.loop import DAY_SECONDS, FIRST_MOMENT, VirtualLoop
from scenarios.simulation.network import Network
from scenarios.simulation.seeds import Seeded, stream

T = TypeVar("T")

EPOCH_SECONDS = 1_767_225_600
"""When every simulation begins: 2026-01-01, UTC."""


class Simulation:
    """`name` tells apart what is played from one seed; `begun`: seconds after EPOCH_SECONDS."""

    def __init__(
        self, seed: int, *, name: str = "", seconds: float = DAY_SECONDS, begun: float = 0.0
    ) -> None:
        self.seed, self.name = seed, name
        self._begun = begun
        self.network = Network(self.chance("network"))
        self.loop = VirtualLoop(self.network, self.chance("loop"), seconds=seconds)
        self._keys = itertools.count()

    def chance(self, *names: object) -> random.Random:
        """A stream of its own for each use, so that one more draw here changes nothing there."""
        return stream(self.seed, self.name, *names)

    def passed(self) -> float:
        """Seconds since EPOCH_SECONDS."""
        return self._begun + self.loop.time() - FIRST_MOMENT

    def nanoseconds(self) -> int:
        """Since the epoch."""
        return round((EPOCH_SECONDS + self.passed()) * 1e9)

    def new_life(self, node: str, number: int) -> Life:
        """In it everything is drawn from a stream of its own."""
        life = Life(node, number)
        life.context.run(randomness.draw_from, self.source(node, number))
        return life

    def end_lives(self, *lives: Life) -> None:
        """From now on nothing of them runs or listens. Their files are their owner's matter."""
        for life in lives:
            life.alive = False
            self.network.end_of(life)
        self.loop.bury(*lives)

    def source(self, *names: object) -> Seeded:
        return Seeded(self.chance("drawn", *names), self._keys)

    def run(self, work: Callable[["Simulation"], Coroutine[Any, Any, T]]) -> T:
        """Once."""
        return copy_context().run(self._run, work)

    def _run(self, work: Callable[["Simulation"], Coroutine[Any, Any, T]]) -> T:
        system_clock_is(self.nanoseconds)
        randomness.draw_from(self.source("lab"))
        with _quiet():
            return self.loop.run(work(self))


def simulate(
    work: Callable[[Simulation], Coroutine[Any, Any, T]],
    *,
    seed: int = 1,
    name: str = "",
    seconds: float = DAY_SECONDS,
    begun: float = 0.0,
) -> T:
    """What `work` returns. Raises loop.NothingToDo, loop.TimeIsUp."""
    return Simulation(seed, name=name, seconds=seconds, begun=begun).run(work)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What nodes log of their own failures is not shown: they are killed all the time."""
    before = structlog.get_config()
    level = logging.root.manager.disable
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(level)
        structlog.configure(**before)
