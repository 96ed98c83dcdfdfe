"""Who tells what happens while it happens: a terminal, or nobody."""

from typing import Protocol

from nodes.runtime.observer import Row
from scenarios.lab.run import Run


class Narrator(Protocol):
    async def begin(self, name: str, title: str, seed: int) -> None: ...

    async def step(self, row: Row, says: str) -> None: ...

    async def say(self, text: str) -> None: ...

    async def end(self, run: Run, folder: str) -> None: ...


class Silent:
    """For programs, which read the run's folder."""

    async def begin(self, name: str, title: str, seed: int) -> None: ...

    async def step(self, row: Row, says: str) -> None: ...

    async def say(self, text: str) -> None: ...

    async def end(self, run: Run, folder: str) -> None: ...
