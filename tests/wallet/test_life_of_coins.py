"""Coins in a running market: withdrawn, paid, renewed, redeemed, and what each party then has."""

from pathlib import Path

import pytest

from nodes.protocols.dht_micropayment.coin import chain_of
from tests.wallet.market import PEERS, Market, Node

pytestmark = pytest.mark.asyncio


async def steps_of(node: Node, transaction: str) -> list[str]:
    rows = (await node.get(f"/inspect/trace?transaction={transaction}"))["rows"]
    return [row["step"] for row in rows if row["protocol"] == "dht_micropayment"]


async def test_dc_01_coins_are_withdrawn_paid_on_and_redeemed(market: Market) -> None:
    u, v, w, x, _ = market.peers
    await u.withdraw(3)
    assert await u.balance() == 997
    await u.pay(v, 3)
    await v.has_coins(3)
    await v.pay(w, 3)
    await w.pay(x, 2)
    asked = await x.ask("redeem", count=2)
    done = await x.until(asked["transaction"], "credited")
    assert done["credited"] == 2
    assert await x.balance() == 1002
    assert await w.coins_in("held") == 1
    assert await market.worth() == 1000 * PEERS


async def test_a_payment_of_many_coins_is_one_request_and_asks_the_broker_nothing(
    market: Market,
) -> None:
    u, v, *_ = market.peers
    await u.withdraw(10)
    before = (await market.broker.get("/inspect/trace"))["rows"]
    paid = await u.pay(v, 10)
    after = (await market.broker.get("/inspect/trace"))["rows"]
    assert len(after) == len(before)
    assert (paid["state"], paid["count"]) == ("paid", 10)
    assert paid["receipt"]
    at_u, at_v = await steps_of(u, paid["id"]), await steps_of(v, paid["id"])
    assert [s for s in at_u if s != "P0"] == ["Q1", "Q1r", "P1", "P1r"]
    assert at_u.count("P0") == 10
    assert (at_v.count("P2"), at_v.count("P3")) == (10, 10)
    assert [s for s in at_v if s in ("Q1", "Q1r", "P1", "P1r")] == ["Q1", "Q1r", "P1", "P1r"]


async def test_a_row_of_a_register_says_who_voted(market: Market) -> None:
    u, v, *_ = market.peers
    await u.withdraw(1)
    paid = await u.pay(v, 1)
    rows = (await v.get(f"/inspect/trace?transaction={paid['id']}"))["rows"]
    [row] = [row for row in rows if row["step"] == "P3"]
    note = row["note"]
    members = {peer.id.hex() for peer in market.peers}
    assert row["kind"] == "register"
    assert note["certified"] is True
    assert {vote["voter"] for vote in note["votes"]} <= members
    assert len(note["votes"]) >= 4
    assert (note["namespace"], note["index"]) == ("coin", 1)
    assert len(bytes.fromhex(note["key"])) == 20


async def test_the_ledgers_tell_of_every_coin_once(market: Market) -> None:
    u, v, *_ = market.peers
    await u.withdraw(4)
    await u.pay(v, 3)
    await v.has_coins(3)
    ledgers = [await peer.get("/inspect/ledger") for peer in market.peers]
    held = [coin for ledger in ledgers for coin in ledger["coins"] if coin["state"] == "held"]
    assert sorted(coin["serial"] for coin in held) == [1, 2, 3, 4]
    assert all(coin["certificate"] for coin in held)
    issued = (await market.broker.get("/inspect/ledger"))["issued"]
    assert [row["serial"] for row in issued] == [1, 2, 3, 4]
    assert {row["owner"] for row in issued} == {u.id.hex()}


async def test_a_request_for_more_than_the_account_holds_is_refused(tmp_path: Path) -> None:
    async with Market(tmp_path, opening_balance=3) as market:
        u = market.peers[0]
        await u.withdraw(2)
        asked = await u.ask("withdraw", count=2)
        refused = await u.until(asked["transaction"], "refused")
        assert refused["reason"] == "accounts/balance-too-small"
        assert await u.balance() == 1
        assert await market.worth() == 3 * PEERS


async def test_a_payment_of_more_coins_than_there_are_is_refused_before_anything_is_signed(
    market: Market,
) -> None:
    u, v, *_ = market.peers
    await u.withdraw(2)
    refused = await u.pay(v, 3, "refused")
    assert refused["reason"] == "dht_micropayment/not-enough-coins"
    assert await u.coins_in("held") == 2
    await u.pay(v, 2)


async def test_two_payments_at_once_never_choose_the_same_coin(market: Market) -> None:
    u, v, w, *_ = market.peers
    await u.withdraw(6)
    first = await u.ask("transfer", to=v.settings.name, count=3)
    second = await u.ask("transfer", to=w.id.hex(), count=3)
    await u.until(first["transaction"], "paid")
    await u.until(second["transaction"], "paid")
    await v.has_coins(3)
    await w.has_coins(3)


async def advance(market: Market, seconds: float) -> None:
    for node in market.nodes:
        await node.ask("clock", advance_seconds=seconds)


async def test_dc_20_a_coin_is_renewed_by_its_holder_and_taken_by_who_never_saw_the_old_one(
    market: Market,
) -> None:
    u, v, w, *_ = market.peers
    await u.withdraw(1)
    await u.pay(v, 1)
    await v.has_coins(1)
    [coin] = (await v.get("/inspect/ledger"))["coins"]
    await advance(market, market.authority.settings.coin_seconds - 60)
    asked = await v.ask("reissue", chain=coin["chain"])
    await v.until(asked["transaction"], "renewed")
    assert await steps_of(v, asked["transaction"]) == ["P0", "R2", "R3", "R5"]
    assert await v.coins_in("held") == 1
    await advance(market, 120)
    await v.pay(w, 1)
    await w.has_coins(1)
    [renewed] = (await w.get("/inspect/ledger"))["coins"]
    assert renewed["generation"] == 1
    assert renewed["chain"] == chain_of(u.id, 1, 1).hex()
    asked = await w.ask("redeem", count=1)
    await w.until(asked["transaction"], "credited")
    assert await market.worth() == 1000 * PEERS


async def test_an_expired_coin_pays_nothing(market: Market) -> None:
    u, v, *_ = market.peers
    await u.withdraw(1)
    await advance(market, market.authority.settings.coin_seconds)
    refused = await u.pay(v, 1, "refused")
    assert refused["reason"] == "dht_micropayment/not-enough-coins"
    asked = await u.ask("redeem", count=1)
    await u.until(asked["transaction"], "credited")
