"""An honest peer's parts, put together by whoever is going to misuse one of them."""

from dataclasses import dataclass

from dht.node import DhtNode
from nodes.peer import dht_micropayment, electronic_cash, escrow_commerce
from nodes.peer.cash_payment import CashOfPeer
from nodes.peer.coin_payment import CoinsOfPeer
from nodes.peer.electronic_cash import Cash
from nodes.peer.escrow_commerce import Trade
from nodes.peer.escrow_commerce.files import ContentFiles
from nodes.protocols.message import Role
from nodes.ring import Ring
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings
from nodes.wallet.trust import coin_ring
from nodes.wallet.wallet import Wallet

PURPOSE = "A peer that cheats, started on purpose to see what comes of it."


@dataclass(frozen=True)
class Parts:
    service: Service
    ring: Ring
    wallet: Wallet
    cash: Cash
    trade: Trade


def put_together(
    settings: Settings,
    files: type[ContentFiles] = ContentFiles,
    node: type[DhtNode] = DhtNode,
) -> Parts:
    """`files`: how it encrypts what it sells and opens what it bought. `node`: how it votes."""
    service = Service(Role.PEER, settings, purpose=PURPOSE)
    ring = coin_ring(service, member=True, node=node)
    wallet = dht_micropayment.install(service, ring)
    cash = electronic_cash.install(service)
    trade = escrow_commerce.install(service, [CoinsOfPeer(wallet), CashOfPeer(cash)], files)
    return Parts(service, ring, wallet, cash, trade)


def build_peer(
    settings: Settings, files: type[ContentFiles] = ContentFiles
) -> tuple[Service, Wallet, Trade]:
    """The same, for those who have no use for e-cash."""
    parts = put_together(settings, files)
    return parts.service, parts.wallet, parts.trade
