"""Where the attacks run: a market for coins, and one with sales."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.attacks.bazaar import Bazaar
from tests.wallet.market import Market


@pytest_asyncio.fixture
async def market(tmp_path: Path) -> AsyncIterator[Market]:
    async with Market(tmp_path) as made:
        yield made


@pytest_asyncio.fixture
async def bazaar(tmp_path: Path) -> AsyncIterator[Bazaar]:
    async with Bazaar(tmp_path) as made:
        yield made
