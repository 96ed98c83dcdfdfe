from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.roles.anonymous_micropayment.market import Market


@pytest_asyncio.fixture
async def market(tmp_path: Path) -> AsyncIterator[Market]:
    async with Market(tmp_path) as market:
        yield market
        assert await market.value() == 0, "money has appeared or is lost"
