"""Payees that hear nothing of a coin: who keeps its newest step is away, or cannot be heard."""

import contextlib
from dataclasses import dataclass

from nodes.protocols.dht_micropayment.holding import Holding
from nodes.protocols.dht_micropayment.refusals import NoQuorum, RegisterIsWritten
from scenarios.adversaries.outsider import Mallory
from scenarios.attacks.dht_micropayment.coins import (
    SALES,
    ended,
    held_by,
    id_of,
    members,
    offer,
    pay,
    signed_away,
    withdraw,
)
from scenarios.lab.acting import Act
from scenarios.lab.node_client import Node
from scenarios.lab.witnesses import Witnesses

SETTINGS = {"quorum_write_seconds": "2"}
"""A look-up that nobody answers is over soon."""
PEERS = 7
"""With k = 5 two of them keep nothing of a given register."""


@dataclass(frozen=True)
class Spent:
    """A coin paid once, and somebody who has nothing of that on its own disk."""

    coin: Holding
    keepers: list[Node]
    payee: Node


async def spent_once(act: Act, mallory: Mallory) -> Spent:
    owner = act.node(mallory)
    witnesses = await Witnesses.of(act.live)
    await withdraw(owner)
    [coin] = held_by(mallory)
    keepers = witnesses.of_register(coin.chain.hex(), coin.step.index + 1)
    payee = next(peer for peer in members(act) if peer not in keepers)
    await pay(owner, act.random.choice(keepers))
    return Spent(coin, keepers, payee)


async def sell_meanwhile(
    act: Act, mallory: Mallory, spent: Spent, away: contextlib.AbstractAsyncContextManager[None]
) -> None:
    """P1 with the spent coin while the others are away; what is left of it when they are back."""
    payee, transaction = spent.payee, mallory.party.fresh_transaction()
    again = signed_away(mallory, spent.coin, id_of(payee))
    async with away:
        await act.attempt(payee, offer(mallory, payee, again, transaction))
        await act.live.reached("P3", payee, of=transaction.hex(), outcome="pending")
        (known,) = (await payee.get(f"/inspect/transactions/{transaction.hex()}"))["found"]
        if known["state"] == "pending":
            act.refused(NoQuorum.code, payee)
    outcome = await ended(act, payee, transaction)
    await act.live.reached("P3", payee, of=transaction.hex(), outcome=RegisterIsWritten.code)
    if outcome == "delivered":
        act.harm(payee, 1, SALES, to=mallory, says="for a coin that was another's already")
