"""An honest bank's parts, put together by whoever is going to misuse one of them."""

from nodes.bank_account_server.clearing import Clearing
from nodes.bank_account_server.deposits import Deposits
from nodes.bank_account_server.ledger import Ledger
from nodes.bank_account_server.minting import Keys
from nodes.bank_account_server.withdrawals import Withdrawals
from nodes.protocols.message import Role
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings

PURPOSE = "A bank that cheats, started on purpose to see what comes of it."


def build_bank(
    settings: Settings,
    *,
    keys: type[Keys] = Keys,
    withdrawals: type[Withdrawals] = Withdrawals,
    deposits: type[Deposits] = Deposits,
) -> Service:
    service = Service(Role.BANK_ACCOUNT_SERVER, settings, purpose=PURPOSE)
    known, ledger = keys(service), Ledger(service)
    withdrawals(service, known, ledger)
    deposits(service, known, ledger)
    Clearing(service, ledger)
    return service
