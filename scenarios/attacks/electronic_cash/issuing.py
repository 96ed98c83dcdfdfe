"""Coins that a coin server signs and never writes down, and what the bank's books say of it."""

from dataclasses import dataclass

from nodes.protocols.electronic_cash import deposit
from nodes.protocols.electronic_cash.coin import issued
from nodes.protocols.electronic_cash.guards import deposit_id
from nodes.protocols.electronic_cash.holding import HeldCoin, Path
from nodes.protocols.electronic_cash.messages import Deposited
from nodes.protocols.electronic_cash.spending import Wanted
from nodes.protocols.message import PartyId, Received
from scenarios.adversaries.outsider import Mallory, Voice
from scenarios.attacks.electronic_cash.coins import made, until
from scenarios.lab.node_client import Node


async def unissued(mallory: Mallory, server: Voice, amount: int) -> HeldCoin:
    """A coin for her, well signed, that stands in no book."""
    party, purse = mallory.party, mallory.cash.purse
    async with party.store.transaction() as tx:
        path = Path(purse.next_index(tx), 0)
    key = purse.wallet.one_time_key(path).public_key
    return HeldCoin(issued(server.party.key, key, party.fresh(32), amount), path)


async def deposit_unissued(mallory: Mallory, server: Voice, bank: PartyId, amount: int) -> bool:
    """Steps D1 to D4 with a coin that only the coin server's signature makes one.

    Raises the bank's refusal of D1; False where D4 says no.
    """
    party = mallory.party
    coin = await unissued(mallory, server, amount)
    nonce = party.fresh(32)
    name = deposit_id(bank, party.id, nonce)
    wanted = Wanted("deposit", amount, bank, name, until(mallory), opening=nonce)
    order = await made(mallory, wanted, [coin])
    await party.send(bank, deposit.request_deposit(order), order.transaction, Received)
    told = await mallory.has_heard(Deposited, order.transaction)
    return isinstance(told, Deposited) and told.refusal is None


@dataclass(frozen=True)
class BankBooks:
    outstanding: int
    """At one coin server."""
    accounts: dict[str, int]
    """By owner (hex)."""


async def bank_books(bank: Node, server: Node) -> BankBooks:
    ledger = await bank.get("/inspect/ledger")
    rows = ledger["cash_outstanding"]
    outstanding = sum(row["amount"] for row in rows if row["coin_server"] == server.id)
    return BankBooks(outstanding, {row["owner"]: row["balance"] for row in ledger["cash_accounts"]})


async def circulating(server: Node) -> int:
    return sum(row["amount"] for row in (await server.get("/inspect/ledger"))["cash_coins"])
