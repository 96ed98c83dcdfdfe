"""E-cash between real nodes: the whole cycle, who learns what, two coin servers, a lost wallet."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from nodes.protocols.electronic_cash.messages import Paid, Pay
from nodes.protocols.electronic_cash.refusals import ParcelUnreadable
from tests.roles.electronic_cash.owner import ControlRefused
from tests.roles.electronic_cash.world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = World(tmp_path_factory.mktemp("world"))
    try:
        await made.start()
        yield made
    finally:
        await made.close()


async def test_the_paper_s_whole_cycle(world: World) -> None:
    """BS-01: withdraw 13, exchange, pay 7 with change, deposit; as much money after each."""
    asked = await world.control("alice", "cash_withdraw", amount=13)
    await world.ended("alice", asked, "completed")
    assert await world.coins("alice") == 13
    await world.check_books()
    asked = await world.control("alice", "cash_exchange", amounts=[8, 5])
    await world.ended("alice", asked, "settled")
    await world.check_books()
    asked = await world.control("alice", "cash_pay", to="bob", amount=7)
    paid = await world.ended("alice", asked, "settled")
    assert paid["receipt"]
    assert paid["settlement"]
    assert (await world.coins("alice"), await world.coins("bob")) == (6, 7)
    await world.check_books()
    asked = await world.control("bob", "cash_deposit", amount=7)
    await world.ended("bob", asked, "settled")
    balance = await world.control("bob", "cash_balance")
    assert balance == {"account": 107, "coins": 0}
    await world.check_books()


async def test_the_steps_come_in_the_paper_s_order(world: World) -> None:
    steps = [step for step in await world.steps("alice") if step[0] in "WXP"]
    assert steps[:6] == ["W1", "W1r", "W4", "ack", "X1", "X2"][:3] + steps[3:6]
    assert steps.index("W1") < steps.index("W4") < steps.index("X1") < steps.index("P1")
    bank = await world.steps("bank")
    assert bank.index("W1") < bank.index("W2") < bank.index("W3") < bank.index("W4")
    server = await world.steps("coin-server-1")
    assert server.index("W2") < server.index("X1") < server.index("P2") < server.index("D2")


async def test_the_bank_hears_of_no_payment(world: World) -> None:
    """BS-23, section 4.7."""
    before = len(await world.steps("bank"))
    asked = await world.control("alice", "cash_pay", to="bob", amount=1)
    await world.ended("alice", asked, "settled")
    await world.check_books()
    assert len(await world.steps("bank")) == before


async def test_nobody_reads_what_is_not_for_them(world: World) -> None:
    """BS-02, BS-03: the bank no serial, the coin server no user, the merchant no payer."""
    asked = await world.control("alice", "cash_withdraw", amount=5)
    await world.ended("alice", asked, "completed")
    serials = {row["serial"] for row in (await world.ledger("alice"))["cash_wallet"]}
    for node in ("bank", "bob"):
        seen = await world.view(node)
        assert serials, "there is something to look for"
        assert not [serial for serial in serials if serial in seen]
    alice = world.id("alice").hex()
    for node in ("coin-server-1", "coin-server-2"):
        assert alice not in await world.view(node)
    assert "alice" not in str((await world.get("coin-server-1", "/inspect/trace"))["rows"])
    pay = [r for r in (await world.get("bob", "/inspect/trace"))["rows"] if r["step"] == "P1"]
    assert pay
    assert all(row.get("sender", "") == "" for row in pay)
    assert alice not in str(pay)


async def test_a_merchant_takes_coins_of_another_home_at_its_own_coin_server(
    world: World,
) -> None:
    """X8: forwarded, and cleared at the bank in one message."""
    chosen = await world.control("carol", "cash_use", coin_server="coin-server-2")
    asked = await world.control("alice", "cash_withdraw", amount=8, coin_server="coin-server-1")
    await world.ended("alice", asked, "completed")
    payments = [await world.control("alice", "cash_pay", to="carol", amount=2) for _ in range(3)]
    for payment in payments:
        await world.ended("alice", payment, "settled")
    await world.check_books()
    rows = (await world.ledger("carol"))["cash_wallet"]
    assert {row["coin_server"] for row in rows} == {chosen["coin_server"]}
    assert await world.coins("carol") == 6
    clears = [step for step in await world.steps("coin-server-2") if step == "F4"]
    assert 1 <= len(clears) < 3


async def test_more_than_there_is_cannot_be_paid_or_withdrawn(world: World) -> None:
    with pytest.raises(ControlRefused, match="not-enough-coins"):
        await world.control("bob", "cash_pay", to="alice", amount=900)
    asked = await world.control("bob", "cash_withdraw", amount=900)
    ended = await world.ended("bob", asked, "void")
    assert ended["refusal"] == "electronic_cash/not-enough-money"
    for wrong in ({"to": "bob"}, {"to": "bank"}, {"to": "nobody"}):
        with pytest.raises(ControlRefused, match="unknown-party"):
            await world.control("bob", "cash_pay", amount=1, **wrong)


async def test_many_payments_at_once_never_spend_a_coin_twice(world: World) -> None:
    """BS-A6 from the holder's side: its own purse chooses each coin once."""
    asked = await world.control("alice", "cash_exchange", amounts=[1, 1, 1, 1])
    await world.ended("alice", asked, "settled")
    started = await asyncio.gather(
        *(world.control("alice", "cash_pay", to="bob", amount=1) for _ in range(4))
    )
    for one in started:
        await world.ended("alice", one, "settled")
    await world.check_books()


async def test_a_lost_wallet_comes_back_from_its_seed(world: World) -> None:
    """BS-R18, section 3.2: coins from the bank, from change and from others."""
    for payer, payee in (("alice", "bob"), ("bob", "alice")):
        asked = await world.control(payer, "cash_pay", to=payee, amount=2)
        await world.ended(payer, asked, "settled")
    await world.quiet()
    before = (await world.ledger("alice"))["cash_wallet"]
    held = sorted((r["serial"], r["amount"]) for r in before if r["state"] == "held")
    party = world.nodes["alice"].party
    async with party.store.transaction() as tx:
        for table in ("cash_coins", "cash_counter", "cash_orders", "cash_withdrawing"):
            tx.connection.execute(f"DELETE FROM {table}")
    assert await world.coins("alice") == 0
    found = await world.control("alice", "cash_recover")
    after = (await world.ledger("alice"))["cash_wallet"]
    assert sorted((r["serial"], r["amount"]) for r in after) == held
    assert found["amount"] == sum(amount for _, amount in held)
    await world.check_books()
    asked = await world.control("alice", "cash_pay", to="bob", amount=1)
    await world.ended("alice", asked, "settled")
    await world.check_books()


async def send_garbage(world: World, home: str, times: int) -> int:
    """Carol pays Bob with bytes, all at once: how many were refused for good."""
    carol, bob = world.nodes["carol"].party, world.id("bob")
    answers = await asyncio.gather(
        *(
            carol.send(
                bob,
                Pay(world.id(home), 1, carol.fresh(32), carol.fresh(300), carol.fresh(32)),
                carol.fresh_transaction(),
                Paid,
            )
            for _ in range(times)
        ),
        return_exceptions=True,
    )
    codes = Counter(getattr(answer, "code", "paid") for answer in answers)
    assert codes["paid"] == 0
    return codes[ParcelUnreadable.code]


async def test_garbage_payments_hide_no_coin_from_a_recovery(world: World) -> None:
    """Thirty that are refused and thirty for a coin server that is away: more than a wallet skips.

    A payment that comes after them is found again all the same.
    """
    assert await send_garbage(world, "coin-server-1", 30) > 0
    for _ in range(30):
        assert await send_garbage(world, "coin-server-1", 1) == 1
    await world.stop_node("coin-server-2")
    assert await send_garbage(world, "coin-server-2", 30) == 0
    pay = {"to": "bob", "amount": 1, "coin_server": "coin-server-1"}
    asked = await world.control("alice", "cash_pay", **pay)
    await world.ended("alice", asked, "settled")
    await world.restart("coin-server-2")
    await world.quiet()

    held = await world.coins("bob")
    party = world.nodes["bob"].party
    async with party.store.transaction() as tx:
        for table in ("cash_coins", "cash_counter", "cash_incoming", "cash_incoming_free"):
            tx.connection.execute(f"DELETE FROM {table}")
    assert await world.coins("bob") == 0
    found = await world.control("bob", "cash_recover")
    assert found["amount"] == await world.coins("bob") == held > 0
    await world.check_books()
    asked = await world.control("alice", "cash_pay", to="bob", amount=1)
    await world.ended("alice", asked, "settled")
    await world.check_books()


async def test_payments_wait_for_the_coin_server_and_nothing_is_lost(world: World) -> None:
    """BS-26."""
    await world.stop_node("coin-server-1")
    home = world.id("coin-server-1").hex()
    rows = (await world.ledger("alice"))["cash_wallet"]
    assert any(r["coin_server"] == home and r["state"] == "held" for r in rows)
    asked = await world.control("alice", "cash_pay", to="bob", amount=1)
    row = (await world.get("alice", f"/inspect/transactions/{asked['transaction']}"))["found"]
    assert row[0]["state"] == "signed"
    await world.restart("coin-server-1")
    await world.ended("alice", asked, "settled")
    await world.check_books()


async def test_without_the_bank_payments_go_on_and_deposits_wait(world: World) -> None:
    """BS-26."""
    await world.quiet()
    await world.stop_node("bank")
    asked = await world.control("alice", "cash_pay", to="bob", amount=1)
    await world.ended("alice", asked, "settled")
    deposit = await world.control("bob", "cash_deposit", amount=1)
    withdrawal = await world.control("bob", "cash_withdraw", amount=3)
    await world.restart("bank")
    await world.ended("bob", deposit, "settled")
    await world.ended("bob", withdrawal, "completed")
    await world.check_books()


async def test_a_payment_to_a_merchant_that_is_away_is_taken_back(world: World) -> None:
    """Crash table: exactly one of payment and exchange."""
    before = await world.coins("alice")
    await world.stop_node("carol")
    asked = await world.control("alice", "cash_pay", to="carol", amount=1)
    await world.control("alice", "clock", advance_seconds=120)
    await world.control("coin-server-1", "clock", advance_seconds=120)
    await world.control("coin-server-2", "clock", advance_seconds=120)
    await world.ended("alice", asked, "cancelled")
    assert await world.coins("alice") == before
    await world.restart("carol")
    await world.check_books()
