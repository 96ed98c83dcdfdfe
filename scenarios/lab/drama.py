"""What a crash sweep plays: a transaction, through to its end, by owners who do not give up."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from scenarios.lab.auditor import read_books
from scenarios.lab.books import Books
from scenarios.lab.owners import PAUSE_SECONDS
from scenarios.lab.world import Node, World


@dataclass(frozen=True)
class Ended:
    how: str
    faults: tuple[str, ...] = ()
    """What was not as it must be (G2, G5)."""


class Drama(Protocol):
    parties: Mapping[str, Node]

    async def prepare(self) -> None:
        """What must be there before anybody is killed."""

    async def play(self) -> Ended: ...


async def whole_books(world: World) -> Books:
    """As soon as all parties answer."""
    while True:
        books = await read_books(world.nodes.values())
        if not books.silent:
            return books
        await asyncio.sleep(PAUSE_SECONDS)


def differences(
    before: Mapping[str, int], now: Mapping[str, int], change: Mapping[str, int]
) -> tuple[str, ...]:
    """What did not change as it should have; what `change` does not name stays as it was."""
    return tuple(
        f"{what}: {now[what]}, not {was} {change.get(what, 0):+d}"
        for what, was in before.items()
        if now[what] != was + change.get(what, 0)
    )
