"""Members, payees and payers that are away, die and come back: nothing is lost, nothing doubled."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from nodes.protocols.dht_micropayment.coin import chain_of
from nodes.protocols.dht_micropayment.holding import holding_key
from nodes.protocols.dht_micropayment.messages import Outcome
from nodes.protocols.dht_micropayment.payment import Outgoing, PayerState
from nodes.protocols.dht_micropayment.reissue import Renewal, RenewalState, begin_reissue
from tests.wallet.cheats import (
    ORDER,
    DeafPayee,
    LyingPayee,
    OddPayee,
    held_coins,
    pay_unprobed,
    quote_of,
)
from tests.wallet.market import PEERS, Market

pytestmark = pytest.mark.asyncio


async def test_dc_04_with_k_minus_q_witnesses_away_a_payment_succeeds(market: Market) -> None:
    u, v, *others = market.peers
    await u.withdraw(2)
    await others[0].stop()
    await u.pay(v, 2)
    await v.has_coins(2)
    await others[0].start()


async def test_dc_04_with_one_more_away_it_is_refused_and_succeeds_after_repair(
    market: Market,
) -> None:
    u, v, _, *others = market.peers
    await u.withdraw(1)
    for other in others:
        await other.stop()
    refused = await u.pay(v, 1, "refused")
    assert refused["reason"] == "dht_micropayment/not-enough-coins"
    assert await u.coins_in("held") == 1
    assert await v.coins_in("held") == 0
    for other in others:
        await other.start()
    await market.ready()
    await u.pay(v, 1)


async def test_a_payment_without_quorum_is_pending_and_given_back_after_its_deadline(
    market: Market,
) -> None:
    u, v, _, *others = market.peers
    await u.withdraw(2)
    for other in others:
        await other.stop()
    taken = await pay_unprobed(u, held_coins(u), v)
    assert taken.outcome is Outcome.PENDING
    assert await v.coins_in("incoming") == 2
    await v.ask("clock", advance_seconds=61)
    await u.ask("clock", advance_seconds=61)
    for other in others:
        await other.start()
        await other.ask("clock", advance_seconds=61)
    await u.has_coins(4)  # as they were held before, signed away behind its back, and come back
    [payment] = (await v.get("/inspect/transactions"))["transactions"]
    assert (payment["state"], payment["reason"]) == ("cancelled", "deadline")
    assert await v.coins_in("held") == 0
    assert await market.worth() == 1000 * PEERS


@asynccontextmanager
async def started(payee: OddPayee) -> AsyncIterator[OddPayee]:
    await payee.start()
    try:
        yield payee
    finally:
        await payee.stop()


async def test_dc_a14_a_payee_that_stays_silent_is_paid_all_the_same_and_it_can_be_proven(
    market: Market,
) -> None:
    u = market.peers[0]
    async with started(OddPayee(market, None)) as silent:
        await u.withdraw(2)
        paid = await u.pay(silent, 2, "certified")
        assert [coin["state"] for coin in paid["coins"]] == ["spent", "spent"]
        spent = (await u.get("/inspect/ledger"))["coins"]
        assert {coin["to"] for coin in spent} == {silent.id.hex()}
        assert all(coin["certificate"] for coin in spent)


async def test_a_false_receipt_is_no_receipt(market: Market) -> None:
    u = market.peers[0]
    async with started(LyingPayee(market)) as liar:
        await u.withdraw(1)
        paid = await u.pay(liar, 1, "certified")
        assert paid["receipt"] == ""


async def test_a_payee_that_calls_a_payment_malformed_is_asked_again_until_it_says_more(
    market: Market,
) -> None:
    """The coins are committed: what it says is no end of the payment."""
    u = market.peers[0]
    async with started(DeafPayee(market, 2)) as deaf:
        await u.withdraw(1)
        await u.pay(deaf, 1)
        assert deaf.asked == 3


async def test_a_payee_that_calls_a_payment_malformed_for_ever_is_paid_all_the_same(
    market: Market,
) -> None:
    u = market.peers[0]
    async with started(DeafPayee(market, 1_000)) as deaf:
        await u.withdraw(1)
        paid = await u.pay(deaf, 1, "certified")
        assert [coin["state"] for coin in paid["coins"]] == ["spent"]


async def test_a_payee_that_calls_the_question_malformed_is_paid_nothing(market: Market) -> None:
    u = market.peers[0]
    async with started(DeafPayee(market, 0, quotes=False)) as deaf:
        await u.withdraw(1)
        refused = await u.pay(deaf, 1, "refused")
        assert refused["reason"] == "message/malformed"
        assert await u.coins_in("held") == 1


async def test_a_payer_asks_again_while_the_payment_is_pending(market: Market) -> None:
    u = market.peers[0]
    slow = OddPayee(market, Outcome.PENDING, Outcome.PENDING, Outcome.DELIVERED)
    async with started(slow):
        await u.withdraw(1)
        await u.pay(slow, 1)
        assert slow.asked == 3


async def test_a_payer_that_dies_after_it_committed_its_coins_pays_with_just_those(
    market: Market,
) -> None:
    """What is on its disk at that moment, then a start."""
    u, v, *_ = market.peers
    await u.withdraw(2)
    transaction = bytes(16)
    quoted = await quote_of(u, v, 2, transaction)
    keys = tuple(coin.key for coin in held_coins(u))
    record = Outgoing(PayerState.PAYING, transaction, v.id, ORDER, 2, quoted.quote, keys)
    store = u.service.party.store
    async with store.transaction() as tx:
        u.wallet.commit(tx, keys, v.id, ORDER, transaction)
        store.table("payments_out", Outgoing).put(tx, transaction, record)
    await u.restart()
    await u.until(transaction.hex(), "paid")
    await v.has_coins(2)


async def test_a_reissue_that_was_cut_off_is_completed(market: Market) -> None:
    u = market.peers[0]
    await u.withdraw(1)
    for node in market.nodes:
        await node.ask("clock", advance_seconds=u.settings.coin_seconds - 60)
    [coin] = held_coins(u)
    party = u.service.party
    transaction = bytes(16)
    begun = begin_reissue(coin, party.now(), transaction, party.key, party.guards)
    new = holding_key(chain_of(u.id, 1, 1), 0)
    async with party.store.transaction() as tx:
        u.wallet.purse.save(tx, begun)
        renewal = Renewal(RenewalState.COMMITTED, transaction, coin.key, new)
        party.store.table("renewals", Renewal).put(tx, transaction, renewal)
    await u.restart()
    await u.ask("clock", advance_seconds=u.settings.coin_seconds - 60)
    await u.until(transaction.hex(), "renewed")
    [row] = [c for c in (await u.get("/inspect/ledger"))["coins"] if c["state"] == "held"]
    assert row["generation"] == 1


async def test_every_party_may_start_again_and_knows_what_it_had(market: Market) -> None:
    u, v, w, *_ = market.peers
    await u.withdraw(3)
    await u.pay(v, 2)
    await v.has_coins(2)
    before = [(await node.get("/inspect/ledger"))["coins"] for node in (u, v)]
    for node in (u, v, market.broker):
        await node.restart()
    await market.ready()
    assert [(await node.get("/inspect/ledger"))["coins"] for node in (u, v)] == before
    await v.pay(w, 2)
    asked = await w.ask("redeem", count=2)
    await w.until(asked["transaction"], "credited")
    assert await market.worth() == 1000 * PEERS


async def test_a_payee_that_dies_after_it_took_a_payment_in_completes_it(market: Market) -> None:
    u, v, _, *others = market.peers
    await u.withdraw(2)
    for other in others:
        await other.stop()
    taken = await pay_unprobed(u, held_coins(u), v)
    assert taken.outcome is Outcome.PENDING
    await v.restart()
    for other in others:
        await other.start()
    [payment] = (await v.get("/inspect/transactions"))["transactions"]
    await v.until(payment["id"], "delivered")
    assert await v.coins_in("held") == 2


async def test_a_withdrawal_asked_for_while_the_broker_is_away_comes_when_it_is_back(
    market: Market,
) -> None:
    u = market.peers[0]
    await u.withdraw(1)
    await market.broker.stop()
    asked = await u.ask("withdraw", count=2)
    await market.broker.start()
    await u.until(asked["transaction"], "held")
    assert await u.balance() == 997
