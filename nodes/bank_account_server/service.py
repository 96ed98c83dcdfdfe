"""The bank's account server as a node."""

from nodes.bank_account_server.clearing import Clearing
from nodes.bank_account_server.deposits import Deposits
from nodes.bank_account_server.ledger import Ledger
from nodes.bank_account_server.minting import Keys
from nodes.bank_account_server.withdrawals import Withdrawals
from nodes.protocols.message import Role
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings

PURPOSE = "Bank account server: keeps accounts and signs coins it cannot read. It sees no payment."


def build(settings: Settings) -> Service:
    service = Service(Role.BANK_ACCOUNT_SERVER, settings, purpose=PURPOSE)
    keys, ledger = Keys(service), Ledger(service)
    Withdrawals(service, keys, ledger)
    Deposits(service, keys, ledger)
    Clearing(service, ledger)
    return service
