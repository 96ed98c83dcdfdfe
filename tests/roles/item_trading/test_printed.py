"""Attacks between real nodes: with a guard off they succeed, with all on nothing moves."""

import pytest

from crypto import codec
from crypto.documents import Signed
from nodes.protocols.electronic_cash.documents import Outcome
from nodes.protocols.item_trading.documents import Deal
from nodes.protocols.item_trading.messages import (
    Moved,
    PaidNotice,
    SaleAccepted,
    SaleRequest,
)
from nodes.protocols.item_trading.payment import say
from nodes.protocols.item_trading.players import Offering, OfferingState
from nodes.protocols.item_trading.reading import opened
from nodes.protocols.item_trading.refusals import (
    NoticeNotTheGameServers,
    NotProvenPaid,
    SaleNotAuthorised,
)
from nodes.protocols.message import Received
from nodes.runtime.party import Party
from tests.roles.item_trading.conftest import Start
from tests.roles.item_trading.world import MONEY, PRICE, World

pytestmark = pytest.mark.asyncio
NOTICE = "paid-notice-is-proven"
SIGNED_NOTICE = "notice-by-the-game-server"
THEFT = ("sale-is-authorised", "sale-is-in-time")


def party_of(world: World, name: str) -> Party:
    return world.nodes[name].party


async def shipped(world: World) -> bytes:
    """Bob holds Alice's certificate encrypted, and has not paid."""
    await world.listed(2)
    return bytes.fromhex((await world.ready())["transaction"])


async def forge_notice(world: World, trade: bytes) -> None:
    """IT-A8: Bob tells Alice that he has paid."""
    bob, alice = party_of(world, "bob"), party_of(world, "alice")
    notice = PaidNotice(None, b"c" * 32)
    await bob.send(alice.id, notice, trade, Received)


async def test_a_forged_notice_frees_no_key(start: Start) -> None:
    world = await start()
    trade = await shipped(world)
    with pytest.raises(NotProvenPaid):
        await forge_notice(world, trade)
    await world.ended("alice", {"transaction": trade.hex()}, "shipped")
    assert await world.owners() == [world.id("alice")]


async def test_as_printed_a_forged_notice_gets_the_key_for_nothing(start: Start) -> None:
    world = await start((NOTICE, "payment-names-the-ciphertext"))
    trade = await shipped(world)
    await forge_notice(world, trade)
    await world.ended("alice", {"transaction": trade.hex()}, "key-sent")
    assert "2.8" in [row["step"] for row in (await world.get("bob", "/inspect/trace"))["rows"]]


async def forge_end(world: World, trade: bytes) -> None:
    """IT-A7: Alice tells the market that the item has moved."""
    alice, market = party_of(world, "alice"), party_of(world, "market-1")
    rows = (await world.get("market-1", f"/inspect/transactions/{trade.hex()}"))["found"]
    deal = bytes.fromhex(next(row["deal"] for row in rows if "deal" in row))
    signed: Signed[Deal] = codec.decode(deal, Signed)
    word = say(alice.key, opened(Deal, signed), Outcome.REGISTERED)
    await alice.send(market.id, Moved(word), trade, Received)


@pytest.mark.parametrize("guarded", [True, False])
async def test_a_seller_that_says_the_item_has_moved_is_paid_by_nobody(
    start: Start, guarded: bool
) -> None:
    """With the guard off the market's list is wrong; the coin server takes no such word."""
    world = await start(() if guarded else (SIGNED_NOTICE,))
    await world.rich()
    await world.listed(1)
    asked = await world.ready()
    await world.stop_node("game")
    trade = bytes.fromhex(asked["transaction"])
    if guarded:
        with pytest.raises(NoticeNotTheGameServers):
            await forge_end(world, trade)
        await world.ended("market-1", asked, "open")
    else:
        await forge_end(world, trade)
        await world.ended("market-1", asked, "registered")
    assert await world.coins("alice") == 0
    assert await world.coins("bob") == MONEY


class Thief:
    """Carol with a copy of Alice's certificate."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.party = party_of(world, "carol")

    async def lists(self) -> bytes:
        """1.1, without the owner's word, for her own purse."""
        world, party = self._world, self.party
        trade = world.players["carol"]
        certificate = (
            world.players["alice"]
            .books.items.values(party_of(world, "alice").store.committed)[0]
            .certificate
        )
        listing, market = party.fresh_transaction(), party_of(world, "market-1").id
        payee_key = await trade.money.payee_key(listing)
        until = party.now() + 3_600_000
        asked = SaleRequest(certificate, PRICE, payee_key, until, None)
        offering = Offering(
            listing, OfferingState.LISTED, 1, market, certificate, PRICE, payee_key, until
        )
        async with party.store.transaction() as tx:
            trade.books.offerings.put(tx, listing, offering)
        await party.send(market, asked, listing, SaleAccepted)
        return listing


async def test_a_copied_certificate_is_not_listed(start: Start) -> None:
    """IT-A1."""
    world = await start()
    await world.certified()
    with pytest.raises(SaleNotAuthorised):
        await Thief(world).lists()
    shown = await world.control("bob", "item_list", market="market-1")
    assert shown["items"] == []


async def test_as_printed_a_thief_sells_what_is_not_its_own(start: Start) -> None:
    """IT-A1: the item is gone, and its price is the thief's."""
    world = await start(THEFT)
    await world.certified()
    await world.rich()
    await Thief(world).lists()
    asked = await world.ready()
    await world.control("bob", "item_pay", **asked)
    await world.ended("bob", asked, "registered")
    await world.ended("carol", asked, "paid")
    assert await world.owners() == [world.id("bob")]
    assert (await world.coins("carol"), await world.coins("alice")) == (PRICE, 0)


async def test_as_printed_two_markets_sell_one_item_and_two_buyers_pay(start: Start) -> None:
    """IT-A5: the second buyer's money waits for a word that can only be void."""
    world = await start(("item-is-reserved",))
    serial = await world.certified()
    for market in ("market-1", "market-2"):
        await world.listed(1, serial, market=market)
    orders = {}
    for buyer, market in (("bob", "market-1"), ("carol", "market-2")):
        await world.rich(buyer)
        orders[buyer] = await world.ready(buyer, market)
    for buyer, asked in orders.items():
        await world.control(buyer, "item_pay", **asked)
        await world.ended(buyer, asked, "registered", "refunded")
    states = {b: await world.ended(b, a, "registered", "refunded") for b, a in orders.items()}
    assert sorted(row["state"] for row in states.values()) == ["refunded", "registered"]
    assert len(await world.owners()) == 1
