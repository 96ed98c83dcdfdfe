"""A transfer is no secret: it stands in the register. Whoever reads it gets nothing out of it."""

import pytest

from nodes.protocols.dht_micropayment.messages import (
    GiveBack,
    Outcome,
    Payment,
    Taken,
)
from nodes.protocols.dht_micropayment.refusals import NotYoursToGiveBack, PaidByAnother
from nodes.protocols.dht_micropayment.transfer import Transfer
from nodes.protocols.message import Received
from tests.wallet.cheats import ORDER, held_coins, quote_of, signed_away
from tests.wallet.market import PEERS, Market, Node

pytestmark = pytest.mark.asyncio

OFFER_SECONDS = 60


async def signed_by(payer: Node, payee: Node) -> tuple[Transfer, ...]:
    """What `payee` was sent, and anyone could read who saw it pass or stand in its register."""
    await payer.withdraw(1)
    return signed_away(payer, held_coins(payer), payee)


async def test_a_stranger_does_not_buy_with_what_another_paid(market: Market) -> None:
    u, v, thief, *_ = market.peers
    seen = await signed_by(u, v)
    party, transaction = thief.service.party, b"thief's purchase"
    quoted = await quote_of(thief, v, 1, transaction)
    with pytest.raises(PaidByAnother):
        await party.send(v.id, Payment(quoted.quote, seen), transaction, Taken)
    transaction = b"an honest buyer."
    quoted = await quote_of(u, v, 1, transaction)
    answer = await u.service.party.send(v.id, Payment(quoted.quote, seen), transaction, Taken)
    assert answer.message.outcome is Outcome.DELIVERED


async def test_a_stranger_is_not_given_back_what_another_paid(market: Market) -> None:
    u, v, thief, *_ = market.peers
    seen = await signed_by(u, v)
    party, transaction = thief.service.party, b"thief's purchase"
    quoted = await quote_of(thief, v, 1, transaction)
    for node in market.nodes:
        await node.ask("clock", advance_seconds=OFFER_SECONDS + 1)
    with pytest.raises(PaidByAnother):
        await party.send(v.id, Payment(quoted.quote, seen), transaction, Taken)
    assert await thief.coins_in("held") == 0
    assert await v.coins_in("held") == 0
    assert await market.worth() == 1000 * PEERS


async def test_a_stranger_does_not_hand_a_payment_in_as_a_gift_first(market: Market) -> None:
    """The payee would have the coins and refuse the payment they belong to."""
    u, v, thief, *_ = market.peers
    seen = await signed_by(u, v)
    party = thief.service.party
    with pytest.raises(NotYoursToGiveBack):
        await party.send(v.id, GiveBack(ORDER, seen), party.fresh_transaction(), Received)
    transaction = b"an honest buyer."
    quoted = await quote_of(u, v, 1, transaction)
    answer = await u.service.party.send(v.id, Payment(quoted.quote, seen), transaction, Taken)
    assert answer.message.outcome is Outcome.DELIVERED
