"""The market the attacks on coins run in."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.wallet.market import Market


@pytest_asyncio.fixture
async def market(tmp_path: Path) -> AsyncIterator[Market]:
    async with Market(tmp_path) as made:
        yield made
