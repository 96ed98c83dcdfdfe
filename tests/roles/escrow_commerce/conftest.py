"""One world for all tests of a file."""

from collections.abc import AsyncIterator

import pytest_asyncio

from scenarios.lab.world import World

SETTINGS = {"offer_seconds": 20, "dispute_seconds": 4}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world() -> AsyncIterator[World]:
    async with World.start_temporary(peers=5, settings=SETTINGS) as made:
        yield made
