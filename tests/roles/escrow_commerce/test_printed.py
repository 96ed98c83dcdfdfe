"""With every mend switched off the sale goes as printed: still fair among the honest."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from nodes.protocols.escrow_commerce import guards
from nodes.protocols.guard import Guard
from scenarios.lab.world import World
from tests.roles.escrow_commerce.trading import PRICE, agreed, held_coins

pytestmark = pytest.mark.asyncio(loop_scope="module")

OFF = [value.name for value in vars(guards).values() if isinstance(value, Guard)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world() -> AsyncIterator[World]:
    async with World.start_temporary(peers=5, without=OFF) as made:
        yield made


async def test_as_printed_the_key_and_the_payment_leave_at_once(
    world: World, tmp_path: Path
) -> None:
    before = await held_coins(world.peers[0])
    deal = await agreed(world, tmp_path)
    await deal.pay()
    await deal.buyer.until(deal.sale, "opened")
    await deal.closed()
    assert await held_coins(deal.seller) == before + PRICE
    assert await deal.bought() == deal.content.read_bytes()
    await deal.buyer.control("accept", transaction=deal.sale)
    rows = await world.central_server.trace(transaction=deal.sale, wait=5)
    assert any(row["step"] == "10" for row in rows)
