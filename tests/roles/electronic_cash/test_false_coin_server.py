"""A payer that is its own coin server: it calls its own coins good, and nobody else does."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from crypto.hashing import digest
from crypto.sealing import SealingKey
from nodes.protocols.electronic_cash import payment
from nodes.protocols.electronic_cash.circulation import parcel_digest
from nodes.protocols.electronic_cash.coin import issued
from nodes.protocols.electronic_cash.documents import Presentation
from nodes.protocols.electronic_cash.holding import HeldCoin
from nodes.protocols.electronic_cash.holding import Path as KeyPath
from nodes.protocols.electronic_cash.messages import Accepted, Paid, Present
from nodes.protocols.electronic_cash.reading import opened
from nodes.protocols.electronic_cash.refusals import WrongCoinServer
from nodes.protocols.electronic_cash.spending import Wanted, order
from nodes.protocols.electronic_cash.wallet import Wallet
from nodes.protocols.envelope import Opened
from nodes.runtime.party import Answer, Party
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings
from tests.roles.electronic_cash.world import World

pytestmark = pytest.mark.asyncio

CHEAT = "carol"
ORDER = bytes([7]) * 32


async def accept(received: Opened[Present], party: Party) -> Answer:
    """What a coin server would answer, signed by this peer."""
    said = opened(Presentation, received.message.presentation)
    coin = issued(party.key, said.key, party.fresh(32), said.amount)
    answer = Accepted(coin, b"no change", parcel_digest(received.message.parcel))
    return party.reply(received, answer)


class CheatsWorld(World):
    def _build_peer(self, settings: Settings) -> Service:
        service = super()._build_peer(settings)
        if settings.name == CHEAT:
            service.handles(Present, accept)
        return service


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = CheatsWorld(tmp_path)
    try:
        await made.start()
        yield made
    finally:
        await made.close()


async def test_coins_of_a_coin_server_that_is_none_are_not_taken(world: World) -> None:
    cheat, bob = world.nodes[CHEAT].party, world.nodes["bob"].party
    wallet, path = Wallet(cheat.id), KeyPath(1, 0)
    key = wallet.one_time_key(path).public_key
    coin = HeldCoin(issued(cheat.key, key, digest("a test", b"entropy"), 50), path)
    wanted = Wanted("pay", 50, bob.id, ORDER, cheat.now() + 60_000)
    made, _ = order(
        wanted,
        [coin],
        wallet,
        2,
        sealing_key=cheat.sealing_key.public_key,
        transaction=cheat.fresh_transaction(),
    )
    reply = SealingKey.generate()
    with pytest.raises(WrongCoinServer):
        await cheat.send(
            bob.id,
            payment.pay(made, reply.public_key),
            made.transaction,
            Paid,
            opens_with=reply,
        )
    assert await world.coins("bob") == 0
    assert not (await world.get("bob", "/inspect/transactions"))["transactions"]
