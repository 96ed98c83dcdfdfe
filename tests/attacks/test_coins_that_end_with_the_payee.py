"""A coin that is good when it comes, and that whoever takes it could never pay on."""

import msgspec
import pytest

from crypto import codec
from crypto.documents import sign_document
from dht.records import MAX_INDEX, Put
from nodes.protocols.dht_micropayment.coin import Evidence
from nodes.protocols.dht_micropayment.messages import Payment, Taken
from nodes.protocols.dht_micropayment.refusals import LastStepCannotBePaid, ReissueDoesNotFollow
from nodes.protocols.dht_micropayment.reissue import renewed
from nodes.protocols.dht_micropayment.transfer import Transfer
from nodes.protocols.escrow_commerce.payment import Invalid
from nodes.protocols.escrow_commerce.state import Lock
from nodes.wallet.sale_payment import INSTRUMENT, written
from tests.wallet.cheats import held_coins, pay_unprobed, quote_of, signed_away
from tests.wallet.market import Market, Node

pytestmark = pytest.mark.asyncio

SALE = b"sale number 0001"


async def worn_coin(one: Node, other: Node) -> Node:
    """Paid back and forth as often as honest wallets do; who holds it then."""
    holder, next_ = one, other
    await holder.withdraw(1)
    while held_coins(holder)[0].step.index + 2 < MAX_INDEX:
        await holder.pay(next_, 1)
        await next_.has_coins(1)
        holder, next_ = next_, holder
    return holder


async def test_a_coin_with_one_payment_left_is_neither_taken_nor_locked(market: Market) -> None:
    """The escrow server could not pay it out after the key has left, nor a payee give it back."""
    u, v, w, *_ = market.peers
    holder = await worn_coin(u, v)
    coins = held_coins(holder)
    payment = written(signed_away(holder, coins, market.escrow, order=SALE))
    locked = await market.escrow.escrow.lock(Lock(SALE, holder.id, INSTRUMENT, payment, 1))
    assert locked == Invalid(LastStepCannotBePaid.code)
    with pytest.raises(LastStepCannotBePaid):
        await pay_unprobed(holder, coins, w)
    asked = await holder.ask("redeem", count=1)
    await holder.until(asked["transaction"], "credited")


def poisoned(transfer: Transfer, payer: Node) -> Transfer:
    """With a new coin beside it that no reissue makes: witnesses refuse all that is shown so."""
    party = payer.service.party
    [coin] = held_coins(payer)
    evidence = transfer.evidence
    successor = sign_document(renewed(coin.coin, party.id), party.key)
    spoilt = Evidence(evidence.coin, evidence.parent, evidence.reissue, successor)
    return msgspec.structs.replace(transfer, evidence=spoilt)


async def test_a_transfer_does_not_bring_what_witnesses_refuse_later(market: Market) -> None:
    """The payer has it certified itself; the payee would hold a coin it can show to nobody."""
    u, v, *_ = market.peers
    await u.withdraw(1)
    [good] = signed_away(u, held_coins(u), v)
    put = Put(good.record, good.predecessor, codec.encode(good.evidence))
    written_ = await u.ring.dht.put(put, seconds=5)
    assert written_.accepted
    party, transaction = u.service.party, b"poisoned payment"
    quoted = await quote_of(u, v, 1, transaction)
    message = Payment(quoted.quote, (poisoned(good, u),))
    with pytest.raises(ReissueDoesNotFollow):
        await party.send(v.id, message, transaction, Taken)
    answer = await party.send(v.id, Payment(quoted.quote, (good,)), transaction, Taken)
    assert answer.message.receipt is not None
    await v.pay(market.peers[2], 1)
