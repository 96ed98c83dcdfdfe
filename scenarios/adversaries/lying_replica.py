"""A peer whose replica lies: it votes for everyone, hides, forges, says nothing, or is late.

Everything else about it is honest. The operation `lie` says how it lies from then on; see
`scenarios/lab/lying.py` for what each lie is.
"""

from typing import Any

from nodes.peer import dht_micropayment, escrow_commerce
from nodes.peer.coin_payment import CoinsOfPeer
from nodes.protocols.message import Role
from nodes.runtime.control import Request
from nodes.runtime.party import Party
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings
from nodes.wallet.trust import coin_ring
from scenarios.adversaries.peer import PURPOSE
from scenarios.lab.lying import Lie, LyingNode


class LieFromNowOn(Request, frozen=True):
    lies: tuple[Lie, ...]
    """None: it tells the truth."""


def build(settings: Settings) -> Service:
    service = Service(Role.PEER, settings, purpose=PURPOSE)
    ring = coin_ring(service, member=True, node=LyingNode)
    wallet = dht_micropayment.install(service, ring)
    escrow_commerce.install(service, [CoinsOfPeer(wallet)])

    async def lie(asked: LieFromNowOn, party: Party) -> dict[str, Any]:
        assert isinstance(ring.dht, LyingNode), "it was made as one"
        ring.dht.tell(frozenset(asked.lies))
        return {"lies": sorted(asked.lies)}

    service.operation("lie", LieFromNowOn, lie, "How this node's replica lies from now on")
    return service
