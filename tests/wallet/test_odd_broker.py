"""A broker that answers oddly, and nodes that cannot judge a coin yet."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from crypto.signing import SigningKey
from nodes.peer import dht_micropayment
from nodes.protocols.dht_micropayment import withdrawal
from nodes.protocols.dht_micropayment.messages import (
    Credit,
    Redeem,
    Redeemed,
    Withdraw,
)
from nodes.protocols.envelope import Opened
from nodes.protocols.escrow_commerce.payment import Pending
from nodes.protocols.escrow_commerce.state import Lock
from nodes.protocols.message import Message, Role
from nodes.runtime.party import Answer, Party
from nodes.runtime.refusals import NotReady
from nodes.runtime.service import Service
from nodes.wallet.trust import coin_ring
from tests.wallet.market import Market

pytestmark = pytest.mark.asyncio
STRANGER = SigningKey(bytes(range(32)))

Odd = Callable[[Opened[Message], Party], Message]


def answers_oddly_once(market: Market, type_: type[Message], odd: Odd) -> list[bool]:
    """The broker's first answer to such a message is another; says whether it was asked."""
    handlers = market.broker.service.inbound._handlers
    honest: Callable[[Opened[Message], Party], Awaitable[Answer]] = handlers[type_]
    asked: list[bool] = []

    async def serve(received: Opened[Message], party: Party) -> Answer:
        if not asked:
            asked.append(True)
            return party.reply(received, odd(received, party))
        return await honest(received, party)

    handlers[type_] = serve
    return asked


async def test_coins_of_somebody_else_are_no_answer_to_w1_which_is_asked_again(
    market: Market,
) -> None:
    def others_coins(received: Opened[Message], party: Party) -> Message:
        terms = withdrawal.IssueTerms(1_000_000, 1_000)
        asked = Withdraw(2)
        answer, _ = withdrawal.issue(asked, STRANGER.public_key, 900, party.now(), terms, party.key)
        return answer

    asked = answers_oddly_once(market, Withdraw, others_coins)
    peer = market.peers[0]
    await peer.withdraw(2)
    assert asked
    assert await peer.coins_in("held") == 2
    assert await peer.balance() == 998


async def test_more_credits_than_coins_are_no_answer_to_d1_which_is_asked_again(
    market: Market,
) -> None:
    peer = market.peers[0]
    await peer.withdraw(1)
    asked = answers_oddly_once(
        market, Redeem, lambda received, party: Redeemed((Credit.CREDITED, Credit.CREDITED))
    )
    redemption = await peer.ask("redeem", count=1)
    done = await peer.until(redemption["transaction"], "credited", "refused")
    assert asked
    assert done["state"] == "credited"
    assert await peer.balance() == 1000


async def test_a_node_that_knows_no_roster_calls_no_coin_bad(market: Market) -> None:
    service = Service(Role.PEER, market.settings("late-peer"), purpose="Has just started.")
    try:
        wallet = dht_micropayment.install(service, coin_ring(service, member=True))
        with pytest.raises(NotReady):
            wallet.trust.now()
    finally:
        await service.stop()


async def test_an_escrow_server_that_cannot_judge_yet_locks_later(
    market: Market, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    buyer, escrow = market.peers[0], market.escrow
    await buyer.withdraw(1)
    sale = buyer.service.party.fresh_transaction()
    until = buyer.service.party.now() + 60_000
    payment = await buyer.coins.prepare(sale, escrow.id, 1, until)
    lock = Lock(sale, buyer.id, "dht-coins", payment, 1)
    rosters = escrow.ring.dht._rosters
    with monkeypatch.context() as early:
        early.setattr(rosters, "ring", None)
        assert await escrow.escrow.lock(lock) == Pending(NotReady.code)
    locked = await escrow.escrow.lock(lock)
    assert getattr(locked, "amount", locked) == 1
