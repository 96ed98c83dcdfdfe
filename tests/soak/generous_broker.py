"""A broker with a fault in it: who redeems a coin is credited for two."""

from nodes.broker import anonymous_micropayment, dht_micropayment
from nodes.broker.accounts import Accounts
from nodes.protocols.message import PartyId, Role
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings
from nodes.runtime.store import Transaction
from nodes.wallet.trust import coin_ring


class GenerousAccounts(Accounts):
    def credit(self, tx: Transaction, owner: PartyId, amount: int) -> None:
        super().credit(tx, owner, 2 * amount)


def build(settings: Settings) -> Service:
    service = Service(Role.BROKER, settings, purpose="Gives too much.")
    ring = coin_ring(service, member=False)
    accounts = GenerousAccounts(service)
    dht_micropayment.install(service, ring, accounts)
    anonymous_micropayment.install(service, accounts)
    return service
