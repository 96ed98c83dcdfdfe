"""The escrow server as a node."""

from nodes.escrow_server import cash_payment, coin_payment, escrow_commerce
from nodes.protocols.message import Role
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings
from nodes.wallet.trust import coin_ring

PURPOSE = (
    "Escrow server: holds the key and the payment of a sale until both can leave, or neither does."
)


def build(settings: Settings) -> Service:
    service = Service(Role.ESCROW_SERVER, settings, purpose=PURPOSE)
    ring = coin_ring(service, member=False)
    coins = coin_payment.install(service, ring)
    escrow_commerce.install(service, [coins, cash_payment.install(service)])
    return service
