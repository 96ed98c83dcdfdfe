"""A coin server that is away, or lost for good, and coins that wait for a judge (X7, X8)."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from crypto.documents import sign_document
from crypto.sealing import SealingKey
from crypto.signing import SigningKey
from nodes.protocols.electronic_cash import payment
from nodes.protocols.electronic_cash.condition import condition_digest
from nodes.protocols.electronic_cash.documents import (
    Condition,
    Outcome,
    PendingCoin,
    Verdict,
)
from nodes.protocols.electronic_cash.holding import Incoming, IncomingPhase, Path
from nodes.protocols.electronic_cash.messages import Resolve, Resolved, Retire, Retired
from nodes.protocols.electronic_cash.reading import checked
from nodes.protocols.electronic_cash.refusals import WrongVerdict
from nodes.protocols.electronic_cash.spending import Wanted
from tests.roles.electronic_cash.world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")

ORDER = bytes([5]) * 32
GAME = SigningKey(bytes([4]) * 32)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = World(tmp_path_factory.mktemp("world"))
    try:
        await made.start()
        asked = await made.control("alice", "cash_withdraw", amount=20)
        await made.ended("alice", asked, "completed")
        await made.control("carol", "cash_use", coin_server="coin-server-2")
        yield made
    finally:
        await made.close()


def until(world: World) -> int:
    return world.nodes["alice"].party.now() + 60_000


async def test_a_pending_coin_goes_where_the_judge_says(world: World) -> None:
    """X7: the receipt is proof of payment; anyone may bring the judge's word."""
    alice, bob, home = world.cash["alice"], world.cash["bob"], world.id("coin-server-1")
    payee, refund = Path(900, 0), Path(901, 0)
    condition = Condition(
        judge=GAME.public_key,
        transaction=ORDER,
        payee_key=bob.purse.wallet.one_time_key(payee).public_key,
        refund_key=alice.purse.wallet.one_time_key(refund).public_key,
        until=until(world),
    )
    reference = condition_digest(condition)
    wanted = Wanted("pend", 3, None, reference, until(world), None, condition)
    done = await alice.purse.pend(await alice.purse.order(wanted))
    assert done.pending is not None
    assert checked(PendingCoin, done.pending).amount == 3
    assert await world.value() == await world.opened_with()
    for key, name in ((SigningKey(bytes(32)), "stranger"), (GAME, "judge")):
        verdict = sign_document(Verdict(key.public_key, ORDER, Outcome.REGISTERED), key)
        carol = world.nodes["carol"].party
        message = Resolve(done.request, verdict)
        asking = carol.send(home, message, carol.fresh_transaction(), Resolved)
        if name == "stranger":
            with pytest.raises(WrongVerdict):
                await asking
        else:
            assert (await asking).message.key == condition.payee_key
    assert await alice.purse.collect(home, refund) is None
    assert await bob.purse.collect(home, payee) is not None
    assert await world.coins("bob") == 3
    await world.check_books()


async def test_a_merchant_turns_to_the_coins_home_when_its_own_server_is_silent(
    world: World,
) -> None:
    await world.stop_node("coin-server-2")
    asked = await world.control("alice", "cash_pay", to="carol", amount=2)
    await world.ended("alice", asked, "settled")
    rows = (await world.ledger("carol"))["cash_wallet"]
    assert {row["coin_server"] for row in rows} == {world.id("coin-server-1").hex()}
    await world.restart("coin-server-2")
    await world.check_books()


async def test_a_payment_whose_server_is_lost_after_f2_is_made_good_by_the_home(
    world: World,
) -> None:
    """Crash table: the debt was never cleared, so the bank voids it; the value is there once."""
    before = await world.coins("carol")
    record = await forwarded_and_lost(world)
    carol = world.cash["carol"]
    await world.restart("carol")
    home = world.id("coin-server-1")

    async def was_asked() -> bool:
        return "F6" in await world.steps("coin-server-1")

    async def has_more() -> bool:
        return await world.coins("carol") > before

    await world.until(was_asked)
    assert await world.coins("carol") == before, "not lost yet, by the bank's word"
    await world.control("bank", "declare_lost", coin_server="coin-server-2")
    await world.until(has_more)
    assert await world.coins("carol") == before + 1
    carol = world.cash["carol"]
    taken = carol.till.table.get(carol.purse.party.store.committed, record.parcel_digest)
    assert taken is not None
    assert (taken.state, taken.entry_server) == (IncomingPhase.RECEIVED, home)
    alice = world.cash["alice"]
    for order in alice.purse.running():
        await alice.purse.look_after(order)
    bank = await world.ledger("bank")
    books = await world.ledger("coin-server-1")
    outstanding = {row["coin_server"]: row["amount"] for row in bank["cash_outstanding"]}
    assert sum(row["amount"] for row in books["cash_coins"]) == outstanding[home.hex()]


async def forwarded_and_lost(world: World) -> Incoming:
    """Coin server 2 has the home's debt and ends before it can give the merchant its coin."""
    alice, carol = world.cash["alice"], world.cash["carol"]
    party, lost = world.nodes["carol"].party, world.nodes["coin-server-2"].party
    wanted = Wanted("pay", 1, party.id, ORDER, until(world))
    order = await alice.purse.order(wanted, home=world.id("coin-server-1"))
    message = payment.pay(order, SealingKey.generate().public_key)
    async with party.store.transaction() as tx:
        record, _ = payment.incoming(
            message,
            carol.purse.wallet,
            carol.purse.numbers.next_incoming(tx),
            party.key,
            entry_server=lost.id,
            transaction=order.transaction,
        )
        carol.till.table.put(tx, record.parcel_digest, record)
    request = Retire(record.presentation, record.parcel)
    home = world.id("coin-server-1")
    await lost.send(home, request, lost.fresh_transaction(), Retired)
    await world.stop_node("carol")
    await world.stop_node("coin-server-2")
    return record
