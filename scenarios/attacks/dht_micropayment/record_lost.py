"""DC-A5: all who keep a coin's newest step are down, and with them that it was paid."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from scenarios.attacks.dht_micropayment.isolation import (
    PEERS,
    SETTINGS,
    sell_meanwhile,
    spent_once,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.node_client import Node


@attack(
    "DC-A5",
    title="A record lost",
    protocols=("dht_micropayment",),
    guards=("payment-is-certified",),
    word="UNPAID",
    peers=PEERS,
    settings=SETTINGS,
)
async def record_lost(act: Act) -> None:
    """Every replica of a spent coin's step dies; the coin is paid again, and found unspent.

    Who may vote is fixed for an epoch: whoever else is near the key then has no vote, and a
    payee waits for a quorum of those that have, who have it on their disks.
    """
    mallory = await act.mallory(symbol="U")
    spent = await spent_once(act, mallory)
    await act.begin()
    await sell_meanwhile(act, mallory, spent, dead(act, spent.keepers))


@asynccontextmanager
async def dead(act: Act, nodes: Sequence[Node]) -> AsyncIterator[None]:
    await act.live.kill(*nodes)
    try:
        yield
    finally:
        await act.live.restart(*nodes)
