"""A peer as a node."""

from nodes.peer import dht_micropayment, escrow_commerce
from nodes.peer.coin_payment import CoinsOfPeer
from nodes.protocols.message import Role
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings
from nodes.wallet.trust import coin_ring

PURPOSE = "Peer: buys and sells content, holds coins, and votes in the ring that keeps them."


def build(settings: Settings) -> Service:
    service = Service(Role.PEER, settings, purpose=PURPOSE)
    ring = coin_ring(service, member=True)
    wallet = dht_micropayment.install(service, ring)
    escrow_commerce.install(service, [CoinsOfPeer(wallet)])
    return service
