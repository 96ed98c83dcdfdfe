"""The broker's side of the DHT micropayment: it issues coins, takes them back, freezes cheats."""

from nodes.broker.accounts import Accounts
from nodes.broker.fraud import FrozenCoins
from nodes.broker.issuing import Issuer
from nodes.broker.redeeming import Redeemer
from nodes.ring import Ring
from nodes.runtime.service import Service
from nodes.wallet.registers import CoinRegisters
from nodes.wallet.trust import CoinTrust


def install(service: Service, ring: Ring, accounts: Accounts) -> None:
    trust = CoinTrust(service.party).by_votes_known_to(ring.dht)
    issuer = Issuer(service, accounts)
    frozen = FrozenCoins(service, accounts, trust)
    registers = CoinRegisters(service.party, ring)
    Redeemer(service, ring, registers, trust, accounts, issuer, frozen)
