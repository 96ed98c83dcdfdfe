"""The broker as a node: a client of the DHT, never one of its members."""

from nodes.broker import anonymous_micropayment, dht_micropayment
from nodes.broker.accounts import Accounts
from nodes.broker.anonymous_micropayment.cash import CashDeposits
from nodes.protocols.message import Role
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings
from nodes.wallet.trust import coin_ring

PURPOSE = "Broker: opens accounts, issues coins and takes them back. It sees no payment."


def build(settings: Settings) -> Service:
    service = Service(Role.BROKER, settings, purpose=PURPOSE)
    ring = coin_ring(service, member=False)
    accounts = Accounts(service)
    dht_micropayment.install(service, ring, accounts)
    anonymous_micropayment.install(service, accounts, [CashDeposits(service)])
    return service
