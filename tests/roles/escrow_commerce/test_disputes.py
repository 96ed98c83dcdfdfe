"""Disputes between real nodes, and kill -9 in the middle of one (PC-A1, PC-A7, G1 to G5)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from scenarios.lab.node_client import ControlRefused, Node, Unanswered
from scenarios.lab.world import World
from tests.roles.escrow_commerce.trading import PRICE, Deal, agreed, held_coins

pytestmark = pytest.mark.asyncio(loop_scope="module")

SETTINGS = {"offer_seconds": 20, "dispute_seconds": 10}
GARBAGE_SELLER, FALSE_CLAIMANT = "peer-04", "peer-05"
CRASHES = [
    ("buyer", "D1", "saved"),
    ("buyer", "D2", "saved"),
    ("buyer", "8r", "received"),
    ("buyer", "8r", "saved"),
    ("escrow_server", "D1", "received"),
    ("escrow_server", "D1", "saved"),
    ("escrow_server", "D1u", "received"),
    ("escrow_server", "D1u", "saved"),
    ("escrow_server", "8r", "saved"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world() -> AsyncIterator[World]:
    programs = {
        GARBAGE_SELLER: "scenarios.adversaries.garbage_seller",
        FALSE_CLAIMANT: "scenarios.adversaries.false_claimant",
    }
    async with World.start_temporary(peers=5, settings=SETTINGS, programs=programs) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def everyone_is_back(world: World) -> AsyncIterator[None]:
    """One test's failure is not the next one's."""
    yield
    for node in world.nodes.values():
        if not node.alive():
            await node.restart()


async def bought_garbage(world: World, folder: Path) -> Deal:
    deal = await agreed(world, folder, seller=world.node(GARBAGE_SELLER))
    await deal.pay()
    record = await deal.buyer.until(deal.sale, "garbage")
    assert record["complaint"] == "wrong-content"
    return deal


async def test_pc_a1_garbage_is_paid_back_and_lowers_the_sellers_trust(
    world: World, tmp_path: Path
) -> None:
    before = await held_coins(world.peers[1])
    deal = await bought_garbage(world, tmp_path)
    with pytest.raises(ControlRefused) as refusal:
        await deal.buyer.control("accept", transaction=deal.sale)
    assert refusal.value.code == "escrow_commerce/wrong-state"
    await deal.buyer.control("dispute", transaction=deal.sale)
    await deal.buyer.until(deal.sale, "refunded")
    await deal.seller.until(deal.sale, "refunded")
    sale = await deal.details(world.escrow_server, "escrow_server")
    assert (sale["state"], sale["decision"], sale["finding"], sale["rated"]) == (
        "refunded",
        "refund",
        "wrong-content",
        -1,
    )
    assert await held_coins(deal.buyer) == before + PRICE
    rows = await world.central_server.trace(transaction=deal.sale, wait=5)
    assert any(row["step"] == "10" for row in rows)
    found = await deal.buyer.control("search", content_id=deal.content_id)
    assert found["selected"]["of_seller"]["trust"] < 0


async def test_pc_a7_who_lies_about_good_content_pays_for_it(world: World, tmp_path: Path) -> None:
    seller, liar = world.peers[0], world.node(FALSE_CLAIMANT)
    before = await held_coins(seller)
    deal = await agreed(world, tmp_path, seller=seller, buyer=liar)
    await deal.pay()
    await liar.until(deal.sale, "garbage")
    await liar.control("dispute", transaction=deal.sale)
    await liar.until(deal.sale, "denied")
    await deal.closed()
    sale = await deal.details(world.escrow_server, "escrow_server")
    assert (sale["decision"], sale["finding"]) == ("release", "as-promised")
    assert await held_coins(seller) == before + PRICE


@pytest.mark.parametrize(("side", "step", "point"), CRASHES)
async def test_a_dispute_outlives_the_crash_of_one_party(
    world: World, tmp_path: Path, side: str, step: str, point: str
) -> None:
    victim = world.peers[1] if side == "buyer" else world.escrow_server
    before = await held_coins(world.peers[1])
    deal = await bought_garbage(world, tmp_path)
    await victim.control("kill_at", protocol="escrow_commerce", step=step, point=point)
    try:
        await deal.buyer.control("dispute", transaction=deal.sale)
    except Unanswered:
        assert victim is deal.buyer
    await revived(victim)
    await deal.buyer.until(deal.sale, "refunded")
    await deal.seller.until(deal.sale, "refunded")
    assert await held_coins(deal.buyer) == before + PRICE
    assert await held_coins(world.escrow_server) == 0


async def revived(victim: Node) -> None:
    """It has ended at the point it was told to, and is started again."""
    while victim.alive():
        try:
            await victim.trace(after=10**6, wait=0.02)
        except Unanswered:
            continue
    await victim.restart()
