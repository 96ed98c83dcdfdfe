"""A coin spent twice in a running market: at most one payee accepts, and the payer is convicted."""

import asyncio
from pathlib import Path

import pytest

from dht.outcomes import Reading
from dht.records import RegisterName
from nodes.protocols.dht_micropayment.messages import Credit, Outcome
from nodes.protocols.dht_micropayment.refusals import RegisterIsWritten
from nodes.protocols.errors import Refused
from tests.wallet.cheats import held_coins, pay_unprobed, redeem_unprobed
from tests.wallet.market import PEERS, Market, Node

pytestmark = pytest.mark.asyncio


async def is_frozen(broker: Node, owner: Node) -> None:
    """Wait until the broker has frozen this account."""
    party = broker.service.party
    async with asyncio.timeout(20):
        while True:
            accounts = (await broker.get("/inspect/ledger"))["accounts"]
            if any(a["owner"] == owner.id.hex() and a["frozen"] for a in accounts):
                return
            await party.observer.changed()


def neither_goes_on_before_both_have_looked(*payees: Node) -> None:
    """The order of steps that a race needs, made certain: real look-ups, then all go on."""
    still_to_look = set(payees)
    all_have_looked = asyncio.Event()

    def make_wait(payee: Node) -> None:
        look = payee.ring.dht.read

        async def look_and_wait(name: RegisterName, *, seconds: float) -> Reading:
            reading = await look(name, seconds=seconds)
            still_to_look.discard(payee)
            if not still_to_look:
                all_have_looked.set()
            await all_have_looked.wait()
            return reading

        payee.ring.dht.read = look_and_wait  # type: ignore[method-assign]

    for payee in payees:
        make_wait(payee)


async def test_a_coin_spent_again_later_is_refused_and_the_payer_frozen(market: Market) -> None:
    u, v, w, *_ = market.peers
    await u.withdraw(1)
    coins = held_coins(u)
    first = await pay_unprobed(u, coins, v)
    second = await pay_unprobed(u, coins, w)
    assert first.outcome is Outcome.DELIVERED
    assert second.outcome is Outcome.CANCELLED
    assert (await w.coins_in("held"), await v.coins_in("held")) == (0, 1)
    await is_frozen(market.broker, u)
    asked = await v.ask("redeem", count=1)  # the honest payee loses nothing
    await v.until(asked["transaction"], "credited")
    asked = await u.ask("withdraw", count=1)
    refused = await u.until(asked["transaction"], "refused")
    assert refused["reason"] == "accounts/account-is-frozen"
    assert await market.worth() == 1000 * PEERS


async def test_dc_05_in_a_race_at_most_one_payee_accepts(market: Market) -> None:
    u, v, w, *_ = market.peers
    await u.withdraw(5)
    for coin in held_coins(u):
        answers = await asyncio.gather(
            pay_unprobed(u, [coin], v), pay_unprobed(u, [coin], w), return_exceptions=True
        )
        delivered = [
            a
            for a in answers
            if not isinstance(a, BaseException) and a.outcome is Outcome.DELIVERED
        ]
        assert len(delivered) <= 1
    await is_frozen(market.broker, u)


async def test_dc_a1_printed_both_payees_of_a_race_accept(tmp_path: Path) -> None:
    async with Market(tmp_path, without=("payment-is-certified",)) as market:
        u, v, w, *_ = market.peers
        await u.withdraw(1)
        coins = held_coins(u)
        neither_goes_on_before_both_have_looked(v, w)
        answers = await asyncio.gather(pay_unprobed(u, coins, v), pay_unprobed(u, coins, w))
        assert [answer.outcome for answer in answers] == [Outcome.DELIVERED] * 2


async def test_dc_a19_an_old_transfer_shown_again_brings_nothing(market: Market) -> None:
    u, v, *_ = market.peers
    await u.withdraw(1)
    coins = held_coins(u)
    await pay_unprobed(u, coins, v)
    with pytest.raises(RegisterIsWritten):
        await pay_unprobed(u, coins, v)
    assert await v.coins_in("held") == 1


async def test_a_coin_both_paid_and_redeemed_counts_once(market: Market) -> None:
    u, v, *_ = market.peers
    await u.withdraw(1)
    coins = held_coins(u)
    paid = await pay_unprobed(u, coins, v)
    assert paid.outcome is Outcome.DELIVERED
    answer = await redeem_unprobed(u, coins, market.broker)
    assert answer.credits == (Credit.REFUSED,)
    await is_frozen(market.broker, u)
    asked = await v.ask("redeem", count=1)
    await v.until(asked["transaction"], "credited")
    assert (await u.balance(), await v.balance()) == (999, 1001)
    assert await market.worth() == 1000 * PEERS


async def test_dc_a12_a_coin_handed_in_twice_is_credited_once(market: Market) -> None:
    u = market.peers[0]
    await u.withdraw(1)
    coins = held_coins(u)
    for _ in range(2):
        answer = await redeem_unprobed(u, coins, market.broker)
        assert answer.credits == (Credit.CREDITED,)
    assert await u.balance() == 1000
    assert await market.worth() == 1000 * PEERS


async def test_a_coin_of_another_payee_is_refused(market: Market) -> None:
    u, v, w, *_ = market.peers
    await u.withdraw(1)
    with pytest.raises(Refused):
        await pay_unprobed(v, held_coins(u), w)
    assert await w.coins_in("held") == 0
