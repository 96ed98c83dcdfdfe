"""A world on UDP or in memory: the same classes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from dht.network_in_memory import MemoryNetwork
from tests.dht.worlds import World, world


@pytest_asyncio.fixture(params=["udp", "memory"])
async def sixteen(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    network = MemoryNetwork() if request.param == "memory" else None
    async with world(tmp_path, network=network) as made:
        yield made


@pytest_asyncio.fixture
async def memory(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path, network=MemoryNetwork()) as made:
        yield made
