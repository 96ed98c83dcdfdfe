"""DC-A20: a payee that reaches nobody is paid with a coin that was spent before."""

import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from scenarios.attacks.dht_micropayment.coins import members
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
    "DC-A20",
    title="A payee cut off",
    protocols=("dht_micropayment",),
    guards=("payment-is-certified",),
    word="UNPAID",
    peers=PEERS,
    settings=SETTINGS,
)
async def payee_cut_off(act: Act) -> None:
    """A payer keeps its payee from hearing anybody; it finds the coin's place empty, and delivers.

    "Nobody answered" is no "not found". As long as no quorum has voted nothing is delivered, and
    when the others can be heard again the payee learns that the coin is gone.
    """
    mallory = await act.mallory(symbol="U")
    spent = await spent_once(act, mallory)
    others = [peer for peer in members(act) if peer is not spent.payee]
    await act.begin()
    await sell_meanwhile(act, mallory, spent, unheard(others))


@asynccontextmanager
async def unheard(nodes: Sequence[Node]) -> AsyncIterator[None]:
    """These say nothing meanwhile, and have lost nothing afterwards."""
    pids = [pid for node in nodes if (pid := node.pid) is not None]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
