"""Items sold between real nodes: both models, recovery, voids, complaints, two markets."""

from typing import Any

import pytest

from tests.roles.electronic_cash.owner import ControlRefused
from tests.roles.item_trading.conftest import Start
from tests.roles.item_trading.world import MONEY, PRICE, World

pytestmark = pytest.mark.asyncio
BOTH = pytest.mark.parametrize("model", [1, 2])


async def steps(world: World, name: str, asked: dict[str, Any] | None = None) -> list[str]:
    rows = (await world.get(name, "/inspect/trace"))["rows"]
    return [
        row["step"]
        for row in rows
        if row["protocol"] == "item_trading" and row["kind"] == "request"
        if asked is None or row["transaction"] == asked["transaction"]
    ]


async def sold(world: World, model: int) -> dict[str, Any]:
    asked = await world.paid(model)
    await world.ended("bob", asked, "registered")
    await world.ended("alice", asked, "paid")
    await world.ended("market-1", asked, "registered")
    return asked


@BOTH
async def test_an_item_changes_hands_for_money_or_neither_does(start: Start, model: int) -> None:
    """IT-02, IT-03: labels in order, owner of the serial, money conserved, old serial revoked."""
    world = await start()
    asked = await sold(world, model)
    await world.check("bob", alice=PRICE, bob=MONEY - PRICE)
    assert await world.in_world() == [world.id("bob")]
    mine = await steps(world, "bob", asked)
    assert mine == {1: ["3", "1.4n", "1.5", "1.6", "7"], 2: ["3", "2.5", "2.6", "2.8", "7"]}[model]
    at_market = [step for step in await steps(world, "market-1", asked) if step[0] != "L"]
    assert (
        at_market
        == {
            1: ["3", "1.4", "1.4n", "1.5", "1.6", "9", "10"],
            2: ["3", "2.4", "2.6", "2.7", "9", "10"],
        }[model]
    )


async def test_model_1_needs_no_seller_after_the_listing(start: Start) -> None:
    """IT-27: the seller is away from step 2 on, and its money waits for it."""
    world = await start()
    await world.rich()
    await world.listed(1)
    await world.stop_node("alice")
    asked = await world.ready()
    await world.control("bob", "item_pay", **asked)
    await world.ended("bob", asked, "registered")
    await world.ended("market-1", asked, "registered")
    await world.restart("alice")
    await world.ended("alice", asked, "paid")
    await world.check("bob", alice=PRICE, bob=MONEY - PRICE)


async def test_model_2_lists_without_a_certificate(start: Start) -> None:
    """The market has no certificate in custody and reads no signature; nor does it hold money."""
    world = await start()
    serial = await world.certified()
    own = (await world.ledger("alice"))["item_certificates"][0]
    await world.listed(2, serial)
    (row,) = (await world.ledger("market-1"))["item_listings"]
    assert (row["in_custody"], row["state"]) == (False, "listed")
    signature = own["certificate"][-512:]
    assert signature not in await world.view("market-1")
    assert sorted(await steps(world, "market-1")) == ["2.1", "2.2b", "2.2d", "G1", "G2"]


async def test_the_proof_takes_longer_than_handing_the_certificate_over(start: Start) -> None:
    """IT-31: the delay the paper names, counted in messages."""
    world = await start()
    counted = []
    for model in (1, 2):
        before = len(await steps(world, "market-1"))
        await world.listed(model)
        counted.append(len(await steps(world, "market-1")) - before)
    assert counted[0] < counted[1]


@BOTH
async def test_after_a_rollback_the_last_certificates_owner_gets_the_item_once(
    start: Start, model: int
) -> None:
    """IT-26."""
    world = await start()
    serial = await world.certified()
    await world.control("game", "copy_world")
    await world.rich()
    await world.listed(model, serial)
    asked = await world.ready()
    await world.control("bob", "item_pay", **asked)
    await world.ended("bob", asked, "registered")
    await world.control("game", "rollback_world")
    assert await world.in_world() == [world.id("alice")]
    with pytest.raises(ControlRefused, match="not-the-last-certificate"):
        await world.control("alice", "item_recover", serial=serial)
    (own,) = (await world.ledger("bob"))["item_certificates"]
    for _ in range(2):
        await world.control("bob", "item_recover", serial=own["serial"])
        assert await world.in_world() == [world.id("bob")]


async def test_as_printed_a_rollback_doubles_the_item(start: Start) -> None:
    """IT-A16 with its guard off."""
    world = await start(("ledger-outlives-the-world",))
    serial = await world.certified()
    await world.control("game", "copy_world")
    await world.rich()
    await world.listed(1, serial)
    asked = await world.ready()
    await world.control("bob", "item_pay", **asked)
    await world.ended("bob", asked, "registered")
    await world.control("game", "rollback_world")
    await world.control("alice", "item_recover", serial=serial)
    (own,) = (await world.ledger("bob"))["item_certificates"]
    await world.control("bob", "item_recover", serial=own["serial"])
    assert sorted(await world.in_world()) == sorted([world.id("alice"), world.id("bob")])


# what does not come about


@BOTH
async def test_an_order_that_is_not_paid_gives_the_item_back_to_the_list(
    start: Start, model: int
) -> None:
    world = await start()
    await world.listed(model)
    asked = await world.ready()
    await world.advance(61)
    await world.ended("bob", asked, "void")
    await world.ended("market-1", asked, "void")
    await world.check("alice")
    shown = await world.control("carol", "item_list", market="market-1")
    assert len(shown["items"]) == 1


@BOTH
async def test_an_item_nobody_wants_leaves_the_list_in_time(start: Start, model: int) -> None:
    world = await start()
    listing = await world.listed(model, valid_seconds=3600)
    await world.advance(3601)
    await world.ended("market-1", listing, "closed")
    shown = await world.control("carol", "item_list", market="market-1")
    assert shown["items"] == []


@BOTH
async def test_an_owner_takes_its_item_off_the_list_before_its_time(
    start: Start, model: int
) -> None:
    """U1; what is being sold stays until its trade has ended."""
    world = await start()
    listing = await world.listed(model)
    asked = await world.ready()
    with pytest.raises(ControlRefused, match=r"item-taken|wrong-state"):
        await world.control("alice", "item_unlist", **listing)
    await world.advance(61)
    await world.ended("bob", asked, "void")
    await world.ended("market-1", asked, "void")
    await world.ended("alice", listing, "listed")
    await world.control("alice", "item_unlist", **listing)
    await world.ended("alice", listing, "closed")
    await world.ended("market-1", listing, "closed")
    assert (await world.control("bob", "item_list", market="market-1"))["items"] == []
    again = await world.listed(
        model, (await world.ledger("alice"))["item_certificates"][0]["serial"]
    )
    assert again != listing
    await world.check("alice")


async def test_a_buyer_with_too_little_may_pay_later(start: Start) -> None:
    world = await start()
    await world.listed(1)
    asked = await world.ready()
    with pytest.raises(ControlRefused, match="not-enough"):
        await world.control("bob", "item_pay", **asked)
    await world.rich()
    await world.control("bob", "item_pay", **asked)
    await world.ended("bob", asked, "registered")


async def test_a_seller_that_never_sends_the_key_costs_the_buyer_time_alone(start: Start) -> None:
    """IT-A12."""
    world = await start()
    await world.rich()
    await world.listed(2)
    asked = await world.ready()
    await world.stop_node("alice")
    await world.control("bob", "item_pay", **asked)
    await world.ended("bob", asked, "paid")
    await world.advance(61)
    await world.ended("bob", asked, "refunded")
    await world.restart("alice")
    await world.advance(61, "alice")
    await world.ended("alice", asked, "void")
    await world.check("alice", alice=0, bob=MONEY)


async def test_a_key_asked_for_by_a_complaint_reaches_the_buyer(start: Start) -> None:
    """IT-A20: the market asks the seller for it."""
    world = await start()
    await world.rich()
    await world.listed(2)
    asked = await world.ready()
    await world.stop_node("alice")
    await world.control("bob", "item_pay", **asked)
    await world.ended("market-1", asked, "paid")
    await world.control("bob", "item_complain", **asked)
    await world.restart("alice")
    await world.ended("bob", asked, "registered")
    await world.ended("alice", asked, "paid")
    await world.check("bob", alice=PRICE, bob=MONEY - PRICE)


@BOTH
async def test_a_market_that_is_gone_keeps_nobody_from_money_or_certificate(
    start: Start, model: int
) -> None:
    world = await start()
    await world.rich()
    await world.listed(model)
    asked = await world.ready()
    await world.stop_node("market-1")
    await world.control("bob", "item_pay", **asked)
    await world.ended("bob", asked, "paid")
    await world.advance(61)
    await world.ended("bob", asked, "refunded")
    await world.restart("market-1")
    await world.advance(61, "market-1")
    await world.ended("market-1", asked, "void")
    if model == 2:
        await world.ended("alice", asked, "void")
    await world.check("alice", bob=MONEY)


async def test_one_item_at_two_markets_is_sold_once_and_nobody_pays_for_nothing(
    start: Start,
) -> None:
    """IT-A5, IT-A17, row 5: the second entry is stale, and is found so before anything is paid."""
    world = await start()
    serial = await world.certified()
    await world.listed(1, serial)
    await world.listed(1, serial, market="market-2")
    await world.rich()
    first = await world.ready()
    second = await world.ordered("carol", "market-2")
    assert (await world.ended("carol", second, "void"))["reason"] == "not-reserved"
    await world.control("bob", "item_pay", **first)
    await world.ended("bob", first, "registered")
    await world.ended("alice", first, "paid")
    await world.check("bob", alice=PRICE, bob=MONEY - PRICE)


async def test_an_item_that_is_listed_twice_is_sold_at_the_price_that_was_ordered(
    start: Start,
) -> None:
    """Model 2: the seller knows by the order which of its offerings is meant."""
    world = await start()
    serial = await world.certified()
    prices = (PRICE, PRICE + 1, PRICE)
    listings = [await world.listed(2, serial, price=price) for price in prices]
    shown = (await world.control("bob", "item_list", market="market-1"))["items"]
    lines = {item["listing"]: item["listed"] for item in shown}
    for listing, price in zip(listings, prices, strict=True):
        line = lines[listing["transaction"]]
        asked = await world.control("bob", "item_order", market="market-1", listed=line)
        assert (await world.ended("bob", asked, "ready"))["price"] == price
        (sale,) = (await world.get("alice", f"/inspect/transactions/{asked['transaction']}"))[
            "found"
        ]
        assert sale["listing"] == listing["transaction"]


async def test_a_game_that_closes_gives_the_money_back(start: Start) -> None:
    """Footnote 3: ownership ends with the service."""
    world = await start()
    await world.rich()
    await world.listed(1)
    asked = await world.ready()
    await world.stop_node("market-1")
    await world.control("bob", "item_pay", **asked)
    await world.ended("bob", asked, "paid")
    await world.control("game", "close_game")
    await world.restart("market-1")
    await world.ended("bob", asked, "refunded")
    await world.check_books()
    assert await world.coins("bob") == MONEY
    with pytest.raises(ControlRefused, match="game-closed"):
        await world.certified()


async def test_who_is_no_market_or_game_is_told_apart(start: Start) -> None:
    world = await start()
    serial = await world.certified()
    with pytest.raises(ControlRefused, match="unknown-party"):
        await world.control("alice", "item_sell", serial=serial, market="bob", price=1)
    with pytest.raises(ControlRefused, match="unknown-party"):
        await world.control("alice", "item_certificate", game_server="bob", item=serial)
    with pytest.raises(ControlRefused, match="unknown-item"):
        await world.control("bob", "item_certificate", game_server="game", item=serial)
    with pytest.raises(ControlRefused, match="unknown-item"):
        await world.control("bob", "item_sell", serial=serial, market="market-1", price=1)
