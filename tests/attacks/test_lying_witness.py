"""One member of the ring that lies cannot keep others from paying."""

import pytest

from dht.member import Replica
from dht.records import Body
from dht.wire import ReadAnswer, ReadRequest
from nodes.protocols.dht_micropayment.step import sign_step
from tests.wallet.market import Market

pytestmark = pytest.mark.asyncio


class ShowsNonsense(Replica):
    """Says of every register that it is written, with a record under its own name."""

    def read(self, request: ReadRequest) -> ReadAnswer:
        name, me = request.name, self._key.public_key
        nothing = bytes(32)
        body = Body(
            name.namespace, name.chain, name.index, "pay", me, me, nothing, nothing, nothing
        )
        return ReadAnswer("held", (sign_step(body, self._key),))


async def test_a_record_of_nobody_concerned_does_not_take_a_place(market: Market) -> None:
    u, v, *_, liar = market.peers
    await u.withdraw(1)
    liar.ring.dht._replica.__class__ = ShowsNonsense
    await u.pay(v, 1)
    await v.has_coins(1)
