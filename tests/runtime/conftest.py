"""The world the tests of the shell run in."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.runtime.world import World


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World(tmp_path) as made:
        yield made
