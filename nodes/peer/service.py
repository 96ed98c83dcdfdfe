"""A peer as a node."""

from nodes.peer import (
    anonymous_micropayment,
    dht_micropayment,
    electronic_cash,
    escrow_commerce,
    item_trading,
)
from nodes.peer.cash_payment import CashOfPeer
from nodes.peer.coin_payment import CoinsOfPeer
from nodes.protocols.message import Role
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings
from nodes.wallet.trust import coin_ring

PURPOSE = "Peer: buys and sells, pays and is paid, and votes in the ring that keeps the coins."


def build(settings: Settings) -> Service:
    service = Service(Role.PEER, settings, purpose=PURPOSE)
    ring = coin_ring(service, member=True)
    wallet = dht_micropayment.install(service, ring)
    cash = electronic_cash.install(service)
    escrow_commerce.install(service, [CoinsOfPeer(wallet), CashOfPeer(cash)])
    anonymous_micropayment.install(service, cash)
    item_trading.install(service, cash)
    return service
