"""kill -9 at points of a sale: whoever comes back finishes it (PC-18, PC-22, crash table)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from scenarios.lab.node_client import Node, Unanswered
from scenarios.lab.world import World
from tests.roles.escrow_commerce.trading import PRICE, agreed, held_coins

pytestmark = pytest.mark.asyncio(loop_scope="module")

CRASHES = [
    ("seller", "5", "received"),
    ("seller", "5", "saved"),
    ("seller", "6a", "saved"),
    ("seller", "8b", "received"),
    ("seller", "8b", "saved"),
    ("buyer", "7", "saved"),
    ("buyer", "7", "sent"),
    ("buyer", "8a", "received"),
    ("buyer", "8a", "saved"),
    ("escrow_server", "6a", "saved"),
    ("escrow_server", "7", "received"),
    ("escrow_server", "7", "saved"),
    ("escrow_server", "8a", "saved"),
    ("escrow_server", "9", "saved"),
    ("escrow_server", "8b", "saved"),
]


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def everyone_is_back(world: World) -> AsyncIterator[None]:
    """One test's failure is not the next one's."""
    yield
    for node in world.nodes.values():
        if not node.alive():
            await node.restart()


@pytest.mark.parametrize(("side", "step", "point"), CRASHES)
async def test_a_sale_outlives_the_crash_of_one_party(
    world: World, tmp_path: Path, side: str, step: str, point: str
) -> None:
    seller, buyer = world.peers[0], world.peers[1]
    victim = {"seller": seller, "buyer": buyer, "escrow_server": world.escrow_server}[side]
    before = await held_coins(seller)
    await victim.control("kill_at", protocol="escrow_commerce", step=step, point=point)
    deal = await agreed(world, tmp_path)
    if step in ("5", "6a"):
        await revived(victim)
    try:
        await deal.pay()
    except Unanswered:
        assert victim is buyer
    if step in ("7", "8a"):
        await revived(victim)
    await deal.buyer.until(deal.sale, "opened")
    await deal.buyer.control("accept", transaction=deal.sale)
    if step in ("8b", "9"):
        await revived(victim)
    await deal.closed()
    assert await deal.bought() == deal.content.read_bytes()
    assert await held_coins(seller) == before + PRICE


async def revived(victim: Node) -> None:
    """It has ended at the point it was told to, and is started again."""
    while victim.alive():
        try:
            await victim.trace(after=10**6, wait=0.02)
        except Unanswered:
            continue
    await victim.restart()


async def test_pc_22_a_sale_past_step_4_needs_no_central_server(
    world: World, tmp_path: Path
) -> None:
    deal = await agreed(world, tmp_path)
    await world.central_server.kill()
    await deal.pay()
    await deal.accepted()
    await world.central_server.restart()
    rows = await world.central_server.trace(transaction=deal.sale, wait=10)
    assert any(row["step"] == "10" for row in rows), "the update waited for the central server"


async def test_pc_22_nothing_is_lost_while_the_escrow_server_is_away(
    world: World, tmp_path: Path
) -> None:
    deal = await agreed(world, tmp_path)
    await deal.buyer.until(deal.sale, "ciphertext-held")
    await world.escrow_server.kill()
    await deal.pay()
    await deal.buyer.until(deal.sale, "paid")
    await world.escrow_server.restart()
    await deal.accepted()
    assert await deal.bought() == deal.content.read_bytes()


async def test_a_payment_that_comes_after_the_deadline_comes_back(
    world: World, tmp_path: Path
) -> None:
    before = await held_coins(world.peers[1])
    deal = await agreed(world, tmp_path, within_seconds=3)
    await deal.buyer.until(deal.sale, "ciphertext-held")
    await world.escrow_server.kill()
    await deal.pay()
    record = await deal.details(deal.buyer, "buyer")
    while await now_at(deal.buyer) <= record["deadline"]:
        await deal.buyer.trace(after=10**6, wait=0.1)
    await world.escrow_server.restart()
    await deal.buyer.until(deal.sale, "refunded")
    await deal.seller.until(deal.sale, "aborted")
    assert await held_coins(deal.buyer) == before + PRICE


async def now_at(node: Node) -> int:
    """The node's time, by the newest row of its trace at the latest."""
    now: int = (await node.control("clock", advance_seconds=0))["now"]
    return now
