"""Sales between real nodes, paid in coins: PC-01 to PC-03, and the ends that are no purchase."""

import hashlib
from pathlib import Path

import pytest

from nodes.protocols.escrow_commerce.judge import Answer, Digests, judge
from scenarios.lab.node_client import ControlRefused
from scenarios.lab.world import World
from tests.roles.escrow_commerce.trading import (
    PRICE,
    Deal,
    agreed,
    held_coins,
    in_peer_folder,
    steps,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def bytes_into_escrow(deal: Deal) -> int:
    rows = await deal.escrow_server.trace(transaction=deal.sale)
    return sum(row["bytes"] for row in rows if row["direction"] == "in" and "bytes" in row)


async def test_pc_01_an_honest_sale_has_the_papers_steps_and_no_other(
    world: World, tmp_path: Path
) -> None:
    deal = await agreed(world, tmp_path)
    await deal.pay()
    await deal.accepted()
    await world.central_server.trace(transaction=deal.sale, wait=5)
    said = await steps(deal)
    assert sorted(set(said)) == ["10", "5", "5r", "6a", "6b", "7", "8", "8a", "8b", "9"]
    assert len(said) == len(set(said))
    place = said.index
    assert place("5") < place("5r") < place("6a") < place("8")
    assert place("5r") < place("6b") < place("7") < place("8") < place("8a") < place("9")
    assert place("9") < place("8b")


async def test_pc_02_the_buyer_has_the_content_and_the_seller_the_coins(
    world: World, tmp_path: Path
) -> None:
    before = await held_coins(world.peers[0]), await held_coins(world.peers[1])
    deal = await agreed(world, tmp_path)
    await deal.pay()
    await deal.accepted()
    assert hashlib.sha256(await deal.bought()).hexdigest() == deal.content_id
    after = await held_coins(deal.seller), await held_coins(deal.buyer)
    assert after == (before[0] + PRICE, before[1])
    assert await held_coins(world.escrow_server) == 0


async def test_pc_03_what_the_escrow_server_gets_does_not_grow_with_the_content(
    world: World, tmp_path: Path
) -> None:
    sizes = []
    for size in (10_000, 3_000_000):
        deal = await agreed(world, tmp_path, size=size)
        await deal.pay()
        await deal.accepted()
        sizes.append(await bytes_into_escrow(deal))
    assert abs(sizes[0] - sizes[1]) < 0.01 * sizes[0]


async def test_pc_20_what_the_escrow_server_kept_convicts_both_sides(
    world: World, tmp_path: Path
) -> None:
    deal = await agreed(world, tmp_path)
    await deal.pay()
    await deal.accepted()
    kept = (await deal.details(world.escrow_server, "escrow_server"))["evidence"]
    ruling = judge(bytes.fromhex(piece["bytes"]) for piece in kept)
    assert (ruling.answer, ruling.digests) == (Answer.DECIDED, Digests.EQUAL)
    assert ruling.contract is not None
    assert ruling.contract.buyer.hex() == deal.buyer.id


async def test_pc_21_the_central_server_reads_no_key_no_digest_and_no_payment(
    world: World, tmp_path: Path
) -> None:
    deal = await agreed(world, tmp_path)
    await deal.pay()
    await deal.accepted()
    escrow_view = (await world.escrow_server.get("/inspect/view"))["read"]
    (deposit,) = (
        line["value"]
        for line in escrow_view
        if line["transaction"] == deal.sale and line["step"] == "6a"
    )
    central_view = str(await world.central_server.get("/inspect/view"))
    assert deal.content_id in central_view
    for secret in (deposit["key"], deposit["ciphertext_digest"]):
        assert secret not in central_view


async def test_the_buyer_who_says_nothing_pays_when_the_dispute_time_is_over(
    world: World, tmp_path: Path
) -> None:
    deal = await agreed(world, tmp_path)
    await deal.pay()
    await deal.buyer.until(deal.sale, "opened")
    await deal.closed()
    assert "9" not in await steps(deal)


async def test_a_sale_nobody_pays_for_ends_at_its_deadline_and_nothing_is_lost(
    world: World, tmp_path: Path
) -> None:
    before = await held_coins(world.peers[1])
    deal = await agreed(world, tmp_path, coins=0, within_seconds=1)
    await deal.buyer.until(deal.sale, "aborted")
    await deal.seller.until(deal.sale, "aborted")
    sale = await deal.escrow_server.until(deal.sale, "aborted")
    assert sale["reason"] == "deadline-passed"
    assert "8" not in await steps(deal), "there was nothing to compare with"
    assert await held_coins(deal.buyer) == before
    assert not in_peer_folder(world, deal.seller, "selling")
    with pytest.raises(ControlRefused) as refusal:
        await deal.buyer.control("pay", transaction=deal.sale)
    assert refusal.value.code == "escrow_commerce/wrong-state"


async def test_who_has_not_enough_coins_is_told_so_and_may_pay_later(
    world: World, tmp_path: Path
) -> None:
    poor = world.peers[2]
    deal = await agreed(world, tmp_path, buyer=poor, coins=0)
    await poor.until(deal.sale, "ciphertext-held")
    with pytest.raises(ControlRefused) as refusal:
        await poor.control("pay", transaction=deal.sale)
    assert refusal.value.code == "dht_micropayment/not-enough-coins"
    taken = await poor.control("withdraw", count=PRICE)
    await poor.until(taken["transaction"], "held")
    await deal.pay()
    await deal.accepted()


async def test_content_is_there_for_its_owner_once_it_is_opened(
    world: World, tmp_path: Path
) -> None:
    deal = await agreed(world, tmp_path)
    await deal.buyer.until(deal.sale, "ciphertext-held")
    with pytest.raises(ControlRefused) as refusal:
        await deal.bought()
    assert refusal.value.code == "escrow_commerce/wrong-state"
    await deal.pay()
    await deal.accepted()
    assert await deal.bought() == deal.content.read_bytes()
    assert [p.name for p in in_peer_folder(world, deal.buyer, "opened")].count(deal.sale) == 1
    assert not in_peer_folder(world, deal.buyer, "bought")


async def test_a_rating_counts_once_and_shows_in_the_next_search(
    world: World, tmp_path: Path
) -> None:
    seller = world.peers[3]
    deal = await agreed(world, tmp_path, seller=seller)
    await deal.pay()
    await deal.buyer.until(deal.sale, "opened")
    await deal.buyer.control("rate", transaction=deal.sale, value=-1)
    with pytest.raises(ControlRefused) as refusal:
        await deal.buyer.control("rate", transaction=deal.sale, value=1)
    assert refusal.value.code == "escrow_commerce/rated-already"
    await deal.closed()
    rows = await world.central_server.trace(transaction=deal.sale, wait=5)
    assert any(row["step"] == "10" for row in rows)
    found = await world.peers[4].control("search", content_id=deal.content_id)
    assert found["selected"]["of_seller"] == {"total": -1, "count": 1, "trust": -1 / 3}
