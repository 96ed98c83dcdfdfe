"""Cheats against real nodes: one coin many times at once, stolen parcels, strangers at the bank."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio

from crypto.documents import sign_document
from crypto.sealing import SealingKey
from nodes.protocols.electronic_cash import exchange, payment
from nodes.protocols.electronic_cash.documents import Presentation
from nodes.protocols.electronic_cash.guards import deposit_id
from nodes.protocols.electronic_cash.holding import Spending
from nodes.protocols.electronic_cash.messages import (
    Accepted,
    Deposit,
    Deposited,
    Exchanged,
    Pay,
    Redeem,
    Redeemed,
)
from nodes.protocols.electronic_cash.reading import opened
from nodes.protocols.electronic_cash.refusals import (
    CoinForged,
    CoinNotCirculating,
    PayeeIsNotYou,
)
from nodes.protocols.electronic_cash.spending import Wanted
from nodes.protocols.electronic_cash.wallet import Wallet
from nodes.protocols.envelope import Opened
from nodes.protocols.errors import MalformedMessage, ProtocolError, Refused
from nodes.protocols.message import Message, Received
from nodes.runtime.party import Answer, Party
from nodes.runtime.refusals import WrongRole
from tests.roles.electronic_cash.orders import ORDER, a_coin, signed
from tests.roles.electronic_cash.world import World, world_with_coins

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with world_with_coins(tmp_path_factory.mktemp("world"), 31) as made:
        yield made


async def present(party: Party, world: World, order: Spending, number: int) -> bool:
    """Whether this merchant got a coin for it."""
    wallet = Wallet(party.id)
    message = payment.pay(order, SealingKey.generate().public_key)
    home = world.id("coin-server-1")
    _, asking = payment.incoming(
        message, wallet, number, party.key, entry_server=home, transaction=order.transaction
    )
    try:
        await party.send(home, asking, party.fresh_transaction(), Accepted)
    except CoinNotCirculating:
        return False
    return True


async def test_one_coin_presented_many_times_at_once_is_taken_once(world: World) -> None:
    """BS-A6: two merchants and an exchange, each several times, all different orders."""
    alice, held = world.cash["alice"].purse.wallet, a_coin(world, 8)
    now, home = world.nodes["alice"].party.now(), world.id("coin-server-1")

    async def swap(index: int) -> bool:
        party = world.nodes["alice"].party
        wanted = Wanted("exchange", 0, None, None, now + 60_000, (8,))
        made = signed(world, wanted, held, index, alice)
        try:
            await party.send(
                home, exchange.request_exchange(made), party.fresh_transaction(), Exchanged
            )
        except CoinNotCirculating:
            return False
        return True

    def pay(name: str, index: int) -> asyncio.Future[bool]:
        party = world.nodes[name].party
        wanted = Wanted("pay", 8, party.id, ORDER, now + 60_000)
        made = signed(world, wanted, held, index, alice)
        return asyncio.ensure_future(present(party, world, made, index))

    books = await world.ledger("coin-server-1")
    before = sum(row["amount"] for row in books["cash_coins"])
    tries = [pay(name, 5_000 + i) for i, name in enumerate(("bob", "carol") * 10)]
    tries += [asyncio.ensure_future(swap(6_000 + i)) for i in range(10)]
    assert sum(await asyncio.gather(*tries)) == 1
    books = await world.ledger("coin-server-1")
    assert sum(row["amount"] for row in books["cash_coins"]) == before


async def test_a_parcel_caught_on_its_way_pays_nobody_else(world: World) -> None:
    """BS-A5."""
    bob, carol = world.nodes["bob"].party, world.nodes["carol"].party
    wanted = Wanted("pay", 4, bob.id, ORDER, bob.now() + 60_000)
    made = signed(world, wanted, a_coin(world, 4), 7_000, world.cash["alice"].purse.wallet)
    with pytest.raises(PayeeIsNotYou):
        await present(carol, world, made, 1)
    assert await present(bob, world, made, 1)


async def test_a_merchant_s_own_price_is_refused(world: World) -> None:
    """BS-A2."""
    bob = world.nodes["bob"].party
    wanted = Wanted("pay", 1, bob.id, ORDER, bob.now() + 60_000)
    made = signed(world, wanted, a_coin(world, 2), 7_100, world.cash["alice"].purse.wallet)
    message = payment.pay(made, SealingKey.generate().public_key)
    home = world.id("coin-server-1")
    record, asking = payment.incoming(
        message, Wallet(bob.id), 2, bob.key, entry_server=home, transaction=made.transaction
    )
    said = msgspec.structs.replace(opened(Presentation, record.presentation), amount=2)
    dearer = msgspec.structs.replace(asking, presentation=sign_document(said, bob.key))
    with pytest.raises(Refused, match="not the one the holder signed"):
        await bob.send(home, dearer, bob.fresh_transaction(), Accepted)
    assert await present(bob, world, made, 2)


@pytest.mark.parametrize("lied", [CoinNotCirculating, MalformedMessage])
async def test_a_merchant_that_calls_good_coins_spent_is_not_believed(
    world: World, lied: type[ProtocolError]
) -> None:
    """BS-A3: their home is asked, and they are taken back. No more if it can read nothing."""

    async def lie(received: Opened[Pay], party: Party) -> Answer:
        raise lied()

    before = world.nodes["carol"].inbound.replace(Pay, lie)
    coins = await world.coins("alice")
    asked = await world.control("alice", "cash_pay", to="carol", amount=1)
    row = await world.ended("alice", asked, "cancelled", "disputed", "refused")
    world.nodes["carol"].inbound.replace(Pay, before)
    assert (row["state"], row["refusal"]) == ("cancelled", lied.code)
    assert await world.coins("alice") == coins


async def test_a_coin_that_its_home_calls_forged_is_not_exchanged_for_ever(world: World) -> None:
    """Its holder asks once, and is in dispute."""
    cash, held = world.cash["alice"], a_coin(world, 1)
    other = bytes(len(held.coin.signature))
    forged = msgspec.structs.replace(held, coin=msgspec.structs.replace(held.coin, signature=other))
    async with cash.purse.party.store.transaction() as tx:
        cash.purse.coins.save(tx, forged)
    until = cash.purse.party.now() + 60_000
    made = await cash.purse.order(Wanted("exchange", 0, None, None, until, (1,)), coins=[forged])
    cash.spender.follow(made)
    row = await world.ended("alice", {"transaction": made.transaction.hex()}, "disputed")
    assert row["refusal"] == CoinForged.code
    async with cash.purse.party.store.transaction() as tx:
        cash.purse.coins.save(tx, held)


async def test_a_bank_that_takes_coins_and_credits_nothing_is_in_dispute(world: World) -> None:
    """BS-A10: the coin server's word that they were retired for it is kept."""
    await world.quiet()
    deposits = world.nodes["bank"].party.outbox

    async def keep(answer: Opened[Redeemed], message: Message, party: Party) -> None:
        assert isinstance(message, Redeem)
        refused = Deposited(message.deposit, None, None, CoinNotCirculating.code, b"")
        async with party.store.transaction() as tx:
            party.post(tx, world.id("alice"), refused, party.fresh_transaction())

    before = deposits._answered[Redeem]
    deposits.on_answer(Redeem, keep)
    asked = await world.control("alice", "cash_deposit", amount=1)
    row = await world.ended("alice", asked, "settled", "disputed", "refused")
    deposits.on_answer(Redeem, before)
    assert (row["state"], row["refusal"]) == ("disputed", CoinNotCirculating.code)
    assert row["settlement"]


async def test_nobody_but_the_bank_takes_coins_out_of_circulation(world: World) -> None:
    """BS-A7, and a payment's parcel brought to the bank as a deposit."""
    bob, bank = world.nodes["bob"].party, world.id("bank")
    wallet, held = world.cash["alice"].purse.wallet, a_coin(world, 16)
    wanted = Wanted("deposit", 16, bank, ORDER, bob.now() + 60_000)
    made = signed(world, wanted, held, 7_200, wallet)
    with pytest.raises(WrongRole):
        await bob.send(
            world.id("coin-server-1"),
            Redeem(ORDER, 16, made.parcel),
            bob.fresh_transaction(),
            Redeemed,
        )
    wanted = Wanted("pay", 16, bank, ORDER, bob.now() + 60_000)
    paid = signed(world, wanted, held, 7_300, wallet)
    before = (await world.control("bob", "cash_balance"))["account"]
    nonce = bob.fresh(32)
    name = deposit_id(bank, bob.id, nonce)
    message = Deposit(world.id("coin-server-1"), 16, name, paid.parcel, nonce)
    await bob.send(bank, message, bob.fresh_transaction(), Received)

    async def is_refused() -> bool:
        rows = (await world.get("bank", "/inspect/transactions"))["transactions"]
        return any(r["what"] == "deposit" and r["state"] == "refused" for r in rows)

    await world.until(is_refused)
    assert (await world.control("bob", "cash_balance"))["account"] == before
