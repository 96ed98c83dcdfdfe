"""A parcel that its merchant presents again, under other keys, where it is forwarded."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from crypto.sealing import SealingKey
from nodes.protocols.electronic_cash import payment
from nodes.protocols.electronic_cash.holding import Spending
from nodes.protocols.electronic_cash.messages import Accepted, Acknowledge
from nodes.protocols.electronic_cash.refusals import CoinNotCirculating, NotYours
from nodes.protocols.electronic_cash.spending import Wanted
from nodes.protocols.electronic_cash.wallet import Wallet
from nodes.protocols.message import Received
from tests.roles.electronic_cash.orders import ORDER, a_coin, signed
from tests.roles.electronic_cash.world import World, world_with_coins

pytestmark = pytest.mark.asyncio(loop_scope="module")

AT_ONCE = 4


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with world_with_coins(tmp_path_factory.mktemp("world"), 31) as made:
        yield made


def an_order(world: World, payee: str, amount: int, index: int) -> Spending:
    """Its payer never acknowledges the change, so the coins' home keeps its answer for a day."""
    party = world.nodes[payee].party
    wanted = Wanted("pay", amount, party.id, ORDER, party.now() + 60_000)
    wallet = world.cash["alice"].purse.wallet
    return signed(world, wanted, a_coin(world, amount), index, wallet)


async def present(world: World, payee: str, order: Spending, number: int) -> Accepted:
    """To the second coin server, which is not the coins' home, under the key of this number."""
    party, entry = world.nodes[payee].party, world.id("coin-server-2")
    message = payment.pay(order, SealingKey.generate().public_key)
    _, asking = payment.incoming(
        message,
        Wallet(party.id),
        10 * order.index + number,
        party.key,
        entry_server=entry,
        transaction=order.transaction,
    )
    return (await party.send(entry, asking, party.fresh_transaction(), Accepted)).message


async def acknowledge(world: World, payee: str, answer: Accepted) -> None:
    party, entry = world.nodes[payee].party, world.id("coin-server-2")
    await party.send(entry, Acknowledge(answer.entry), party.fresh_transaction(), Received)


async def circulating(world: World) -> int:
    books = [await world.ledger(name) for name in world.coin_servers()]
    return sum(row["amount"] for book in books for row in book["cash_coins"])


async def test_one_retirement_is_one_coin_however_often_it_is_presented(world: World) -> None:
    """With an acknowledgement after each, as fast as the home hears of it and faster."""
    before = await circulating(world)
    order = an_order(world, "carol", 8, 9_000)
    first = await present(world, "carol", order, 1)
    await acknowledge(world, "carol", first)
    for number in range(2, 8):
        try:
            again = await present(world, "carol", order, number)
        except CoinNotCirculating:
            continue
        assert again.coin == first.coin
        await acknowledge(world, "carol", again)
    assert await circulating(world) == before


async def test_nor_when_it_is_presented_many_times_at_once(world: World) -> None:
    before = await circulating(world)
    order = an_order(world, "carol", 4, 9_100)
    tries = [present(world, "carol", order, number) for number in range(AT_ONCE)]
    coins = {answer.coin for answer in await asyncio.gather(*tries)}
    assert len(coins) == 1
    assert await circulating(world) == before


async def test_the_home_gives_its_answer_no_more_once_it_has_arrived(world: World) -> None:
    before = await circulating(world)
    order = an_order(world, "carol", 2, 9_200)
    answer = await present(world, "carol", order, 1)
    await acknowledge(world, "carol", answer)

    async def is_forgotten() -> bool:
        try:
            return (await present(world, "carol", order, 2)).coin != answer.coin
        except CoinNotCirculating:
            return True

    await world.until(is_forgotten)
    with pytest.raises(CoinNotCirculating):
        await present(world, "carol", order, 3)
    assert await circulating(world) == before


async def test_another_who_has_the_parcel_is_refused(world: World) -> None:
    """Before its payee has acknowledged, too: the home's answer is made for that payee."""
    order = an_order(world, "carol", 1, 9_300)
    await present(world, "carol", order, 1)
    with pytest.raises(NotYours):
        await present(world, "bob", order, 2)
