"""What came before is found by its name, and never gone through for what comes now."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
import pytest_asyncio

from nodes.cash_wallet.coins import Coins
from nodes.protocols.electronic_cash import payment
from nodes.protocols.electronic_cash.messages import Paid
from nodes.protocols.electronic_cash.spending import Wanted
from nodes.protocols.errors import Refused
from tests.roles.electronic_cash.world import PEERS, World, world_with_coins

pytestmark = pytest.mark.asyncio(loop_scope="module")

GROWING = ("cash_coins", "cash_orders", "cash_incoming", "cash_withdrawing")
"""Tables of a wallet that have a row for everything that ever was."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with world_with_coins(tmp_path_factory.mktemp("world"), 31) as made:
        asked = await made.control("alice", "cash_pay", to="bob", amount=2)
        await made.ended("alice", asked, "settled")
        yield made


@contextmanager
def gone_through(world: World) -> Iterator[set[str]]:
    """The tables that a wallet reads from one end to the other meanwhile."""
    found: set[str] = set()

    def note(statement: str) -> None:
        words = statement.split()
        if ">=" in words:
            found.add(words[words.index("FROM") + 1])

    stores = [world.nodes[name].party.store for name in PEERS]
    connections = [c for store in stores for c in (store.committed.connection, store._writer)]
    for connection in connections:
        connection.set_trace_callback(note)
    try:
        yield found
    finally:
        for connection in connections:
            connection.set_trace_callback(None)


async def test_no_work_reads_all_that_a_wallet_ever_had(world: World) -> None:
    with gone_through(world) as read:
        asked = await world.control("alice", "cash_withdraw", amount=3)
        await world.ended("alice", asked, "completed")
        asked = await world.control("alice", "cash_exchange", amounts=[1, 2])
        await world.ended("alice", asked, "settled")
        asked = await world.control("alice", "cash_pay", to="bob", amount=1)
        await world.ended("alice", asked, "settled")
        asked = await world.control("bob", "cash_deposit", amount=1)
        await world.ended("bob", asked, "settled")
        await world.control("alice", "cash_balance")
    assert not read & set(GROWING)
    assert read, "a search by the beginning of a key is seen"


async def test_a_transaction_is_found_by_its_id_on_both_sides(world: World) -> None:
    asked = await world.control("alice", "cash_pay", to="bob", amount=1)
    await world.ended("alice", asked, "settled")
    path = f"/inspect/transactions/{asked['transaction']}"
    sides = [(await world.get(name, path))["found"] for name in ("alice", "bob")]
    assert [[row["side"] for row in rows] for rows in sides] == [["holder"], ["merchant"]]
    assert sides[1][0]["evidence"]
    for name in PEERS:
        for row in (await world.get(name, "/inspect/transactions"))["transactions"]:
            found = (await world.get(name, f"/inspect/transactions/{row['id']}"))["found"]
            assert row["what"] in [one["what"] for one in found]


async def test_of_a_payment_that_was_refused_no_name_is_kept(world: World) -> None:
    bob, carol = world.nodes["bob"].party, world.nodes["carol"].party
    till = world.cash["bob"].till
    before = till._by_transaction.count(bob.store.committed)
    home, transaction = world.id("coin-server-1"), carol.fresh_transaction()
    message = payment.Pay(home, 1, carol.fresh(32), carol.fresh(300), carol.fresh(32))
    with pytest.raises(Refused):
        await carol.send(bob.id, message, transaction, Paid)
    assert till._by_transaction.count(bob.store.committed) == before
    assert not till.details(transaction)


async def test_a_payment_that_comes_again_gets_the_same_receipt(world: World) -> None:
    """From its record: the answer as it travelled is kept nowhere."""
    purse, bob = world.cash["alice"].purse, world.nodes["bob"].party
    until = purse.party.now() + 60_000
    order = await purse.order(Wanted("pay", 1, bob.id, bytes(32), until))
    key = purse.wallet.answer_key(order.index)
    message = payment.pay(order, key.public_key)
    answers, coins = bob.answers.count(bob.store.committed), await world.coins("bob")
    first, second = [
        await purse.party.send(bob.id, message, order.transaction, Paid, opens_with=key)
        for _ in range(2)
    ]
    assert first.message == second.message
    assert await world.coins("bob") == coins + 1
    assert bob.answers.count(bob.store.committed) == answers
    await purse.settle(order.request, first.message.change, first.message.receipt)


async def test_the_coins_in_memory_are_those_on_disk_after_all_that(world: World) -> None:
    for name in PEERS:
        kept = world.cash[name].purse
        again = Coins(kept.party.store)
        assert {h.coin.key: h for h in kept.coins} == {h.coin.key: h for h in again}
