"""kill -9 of one process at points around the commit: whoever comes back finishes it (IT-29)."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.roles.electronic_cash.owner import ControlRefused
from tests.roles.item_trading.processes import Processes

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

ITEMS, CASH = "item_trading", "electronic_cash"
PRICE = 3
CRASHES = [
    (1, "market-1", ITEMS, "1.1", "saved"),
    (1, "market-1", ITEMS, "3", "saved"),
    (1, "game", ITEMS, "1.4", "saved"),
    (1, "bob", ITEMS, "1.4n", "received"),
    (1, "coin-server-1", CASH, "C1", "saved"),
    (1, "market-1", ITEMS, "1.5", "saved"),
    (1, "bob", ITEMS, "1.6", "saved"),
    (1, "game", ITEMS, "7", "received"),
    (1, "game", ITEMS, "7", "saved"),
    (1, "market-1", ITEMS, "9", "received"),
    (1, "alice", ITEMS, "10", "saved"),
    (1, "coin-server-1", CASH, "C3", "saved"),
    (2, "market-1", ITEMS, "2.1", "saved"),
    (2, "market-1", ITEMS, "2.2b", "saved"),
    (2, "market-1", ITEMS, "2.2d", "received"),
    (2, "alice", ITEMS, "2.4", "saved"),
    (2, "bob", ITEMS, "2.5", "saved"),
    (2, "market-1", ITEMS, "2.6", "saved"),
    (2, "alice", ITEMS, "2.7", "received"),
    (2, "alice", ITEMS, "2.7", "saved"),
    (2, "bob", ITEMS, "2.8", "saved"),
    (2, "game", ITEMS, "7", "saved"),
    (2, "alice", ITEMS, "10", "received"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Processes]:
    made = Processes(tmp_path_factory.mktemp("world"))
    try:
        await made.start()
        asked = await made.control("bob", "cash_withdraw", amount=400)
        await made.ended("bob", asked, "completed")
        yield made
    finally:
        await made.close()


async def listed(world: Processes, model: int, item: str) -> str:
    found = await world.control("game", "item_found", owner="alice", item=item)
    own = await world.control("alice", "item_certificate", game_server="game", item=found["item"])
    sell = {"serial": own["serial"], "market": "market-1", "price": PRICE, "model": model}
    return await world.decide("alice", "item_sell", "offering", **sell)


async def owners(world: Processes, item: str) -> list[str]:
    """Of the certificates of this item that count."""
    rows = (await world.ledger("game"))["items"]
    return [r["owner"] for r in rows if r["item"] == item and r["state"] == "current"]


async def test_a_certificate_whose_answer_was_lost_is_the_same_when_asked_for_again(
    world: Processes,
) -> None:
    """Step 0: the item has another name in the game by then, and its owner knows the first."""
    item = "Sword of the lost answer"
    found = await world.control("game", "item_found", owner="alice", item=item)
    ask = {"game_server": "game", "item": found["item"]}
    await world.ends_at("game", ITEMS, "0", "saved")
    with pytest.raises(ControlRefused, match="unreachable"):
        await world.control("alice", "item_certificate", **ask)
    await world.start_again("game")
    (made,) = [r for r in (await world.ledger("game"))["items"] if r["item"] == item]
    for _ in range(2):
        assert (await world.control("alice", "item_certificate", **ask))["serial"] == made["serial"]
    assert await owners(world, item) == [(await world.ledger("alice"))["party"]]


@pytest.mark.parametrize(("model", "victim", "protocol", "step", "point"), CRASHES)
async def test_one_process_killed_at_one_point_costs_nobody_item_or_money(
    world: Processes, model: int, victim: str, protocol: str, step: str, point: str
) -> None:
    """And the trade ends as it would have: the item with the buyer, the price with the seller."""
    item = f"Sword of {victim}, {model}, {step}, {point}"
    before = {name: await world.coins(name) for name in ("alice", "bob")}
    await world.kill_at(victim, protocol, step, point)
    listing = await listed(world, model, item)
    await world.reaches("alice", listing, "listed")
    if step in ("1.1", "2.1", "2.2b", "2.2d"):
        await world.revived()
    shown = await world.control("bob", "item_list", market="market-1", words=item)
    order = {"market": "market-1", "listed": shown["items"][0]["listed"]}
    trade = await world.decide("bob", "item_order", "buyer", **order)
    await world.reaches("bob", trade, "ready")
    if step in ("3", "1.4", "1.4n", "2.4", "2.5"):
        await world.revived()
    await world.control("bob", "item_pay", transaction=trade)
    await world.reaches("bob", trade, "registered")
    await world.reaches("alice", trade, "paid")
    await world.revived()
    await world.reaches("market-1", trade, "registered")
    await world.check_books()
    (owner,) = await owners(world, item)
    assert owner == (await world.ledger("bob"))["party"]
    after = {name: await world.coins(name) for name in ("alice", "bob")}
    assert after == {"alice": before["alice"] + PRICE, "bob": before["bob"] - PRICE}
    (row,) = [r for r in (await world.ledger("game"))["item_trades"] if r["trade"] == trade]
    assert row["state"] == "registered"
