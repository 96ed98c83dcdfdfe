"""The anonymous micropayment for the crash sweep: a deposit under a pseudonym, and a purchase.

Whatever dies, an amount is in the customer's account, in its vouchers, under its pseudonym or on
the vendor's account; and a purchase that was paid brings the goods that were ordered.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Literal

from nodes.protocols.electronic_cash.holding import CoinPhase
from nodes.protocols.message import Role
from scenarios.lab.drama import Drama, Ended, differences, whole_books
from scenarios.lab.failures import Unanswered
from scenarios.lab.owners import PAUSE_SECONDS, Owners
from scenarios.lab.world import Node, World

DEPOSIT, PRICE = 12, 4
PURSE = 128
GOODS, TEXT = "poem", "Whatever dies, this comes whole."


class _Prepaid:
    by: Literal["voucher", "ecash"] = "voucher"

    def __init__(self, world: World, owners: Owners, customer: Node, vendor: Node) -> None:
        self.world, self.owners = world, owners
        self.customer, self.vendor = customer, vendor
        self.parties: Mapping[str, Node] = {
            "customer": customer,
            "vendor": vendor,
            "broker": world.broker,
            "coin_server": world.of_role(Role.COIN_SERVER)[0],
        }
        self.before: dict[str, int] = {}

    async def prepare(self) -> None:
        if not (await self._ledger())["wallets"]:
            named = await self.owners.begin(self.customer, "customer", "pid_pseudonym")
            await self.owners.see_through(self.customer, named)
        await self.owners.ask(self.vendor, "pid_sell", goods=GOODS, price=PRICE, text=TEXT)
        if (await self.now())["prepaid"] < PRICE:
            await self._deposit()
        self.before = await self.now()

    async def _ledger(self) -> dict[str, Any]:
        """The customer's own, as soon as it answers."""
        while True:
            try:
                return await self.customer.get("/inspect/ledger")
            except Unanswered:
                await asyncio.sleep(PAUSE_SECONDS)

    async def now(self) -> dict[str, int]:
        books = await whole_books(self.world)
        own = await self._ledger()
        mine = {wallet["pseudonym"] for wallet in own["wallets"]}
        broker = books.ledgers[self.world.broker.name]
        accounts = {account.owner: account.balance for account in broker.accounts}
        held = books.ledgers[self.customer.name].cash_wallet
        return {
            "e-cash": sum(coin.amount for coin in held if coin.state == CoinPhase.HELD),
            "account": accounts[self.customer.id],
            "vouchers": int(own["held_vouchers"]),
            "prepaid": sum(row.balance for row in broker.pseudonyms if row.pseudonym in mine),
            "vendor": accounts[self.vendor.id],
        }

    async def _deposit(self) -> str:
        """How it ended."""
        begun = await self.owners.begin(
            self.customer, "customer", "pid_deposit", amount=DEPOSIT, by=self.by
        )
        rows = await self.owners.see_all_through(self.customer, begun)
        return next(str(row["state"]) for row in rows if row["side"] == "customer")


class PrepaidDeposit(_Prepaid):
    async def play(self) -> Ended:
        ended = await self._deposit()
        by = DEPOSIT if ended == "confirmed" else 0
        paid_in = "account" if self.by == "voucher" else "e-cash"
        change = {paid_in: -by, "prepaid": by}
        return Ended(ended, differences(self.before, await self.now(), change))


class CashDeposit(PrepaidDeposit):
    """The broker is the merchant of an e-cash payment."""

    by = "ecash"

    async def prepare(self) -> None:
        await super().prepare()
        if self.before["e-cash"] < DEPOSIT:
            taken = await self.owners.begin(
                self.customer,
                "user",
                "cash_withdraw",
                amount=PURSE,
                coin_server=self.parties["coin_server"].name,
            )
            await self.owners.see_through(self.customer, taken)
            self.before = await self.now()


class PrepaidPurchase(_Prepaid):
    async def play(self) -> Ended:
        owners, customer = self.owners, self.customer
        order = {"vendor": self.vendor.name, "goods": GOODS, "price": PRICE}
        placed = await owners.begin(customer, "customer", "pid_buy", **order)
        record = await owners.see_through(customer, placed, {"owed": "pid_ask"})
        ended = str(record["state"])
        by = PRICE if ended == "delivered" else 0
        faults = differences(self.before, await self.now(), {"prepaid": -by, "vendor": by})
        if by and bytes.fromhex(record.get("goods", "")).decode() != TEXT:
            faults += ("the customer paid and has not the goods",)
        return Ended(ended, faults)


def prepaid_dramas(world: World, owners: Owners, customer: Node, vendor: Node) -> dict[str, Drama]:
    return {
        "prepaid deposit": PrepaidDeposit(world, owners, customer, vendor),
        "prepaid with cash": CashDeposit(world, owners, customer, vendor),
        "prepaid purchase": PrepaidPurchase(world, owners, customer, vendor),
    }
