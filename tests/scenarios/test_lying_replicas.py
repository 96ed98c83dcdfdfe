"""Peers whose replicas lie, between real processes: nobody is paid twice, honest ones are paid."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from scenarios.lab.auditor import audit_settled
from scenarios.lab.lying import LIES, Lie
from scenarios.lab.world import Node, World

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]
LIAR, CHEAT = "peer-06", "peer-07"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def market() -> AsyncIterator[World]:
    """Seven peers: each register has five replicas, four of which make a quorum."""
    async with World.start_temporary(
        peers=7,
        programs={
            LIAR: "scenarios.adversaries.lying_replica",
            CHEAT: "scenarios.adversaries.double_spender",
        },
        protocols=("dht_micropayment",),
    ) as world:
        await withdraw(world.nodes[CHEAT], 2 * len(LIES))
        yield world


async def withdraw(peer: Node, count: int) -> None:
    taken = await peer.control("withdraw", count=count)
    await peer.until(taken["transaction"], "held")


@pytest.mark.parametrize("lie", LIES)
async def test_one_liar_of_five_neither_doubles_a_coin_nor_keeps_one_from_being_paid(
    market: World, lie: Lie
) -> None:
    u, v, w = market.peers[:3]
    cheat = market.nodes[CHEAT]
    await withdraw(u, 2)
    told = await market.nodes[LIAR].control("lie", lies=[lie])
    assert told["lies"] == [lie]
    paid = await u.control("transfer", to=v.name, count=2)
    await v.until(paid["transaction"], "delivered")
    for _ in range(2):
        spent = await cheat.control("spend_twice", payees=[v.name, w.name])
        states = [
            (await payee.until(payment["transaction"], "delivered", "cancelled"))["state"]
            for payee, payment in zip((v, w), spent["payments"], strict=True)
        ]
        assert states.count("delivered") <= 1


async def test_the_auditor_finds_every_coin_and_none_twice(market: World) -> None:
    await market.nodes[LIAR].control("lie", lies=[])
    await market.nodes[LIAR].control("repair")
    _, checks = await audit_settled(market.nodes.values(), seconds=20)
    verdicts = {check.name: check.holds for check in checks}
    assert verdicts["nothing accepted twice"] is True
    assert verdicts["value conserved"] is True
    assert verdicts["no coin held by two"] is True
