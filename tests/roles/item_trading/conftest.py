"""A world for each test: what one trade leaves behind is nothing to the next."""

from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest_asyncio

from tests.roles.item_trading.world import World

Start = Callable[..., Coroutine[Any, Any, World]]


@pytest_asyncio.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    started: list[World] = []

    async def begin(without: tuple[str, ...] = (), **settings: Any) -> World:
        made = World(tmp_path, without, **settings)
        started.append(made)
        await made.start()
        return made

    try:
        yield begin
    finally:
        for made in started:
            await made.close()
