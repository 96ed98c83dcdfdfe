"""E-cash for the crash sweep: withdrawal, exchange, payment with change, deposit, two coin servers.

Whatever dies, an amount is in the account, in the wallet, or with whom it was paid to; never in two
of these and never in none.
"""

from collections.abc import Mapping

from nodes.protocols.electronic_cash.holding import CoinPhase
from nodes.protocols.message import Role
from scenarios.lab.drama import Drama, Ended, differences, whole_books
from scenarios.lab.owners import Owners
from scenarios.lab.world import Node, World

AMOUNT = 5
PURSE = 64
"""What is withdrawn when a wallet runs short: one coin, so that every payment has change."""


class _Cash:
    def __init__(self, world: World, owners: Owners, user: Node, merchant: Node) -> None:
        self.world, self.owners = world, owners
        self.user, self.merchant = user, merchant
        home, other = world.of_role(Role.COIN_SERVER)
        self.home, self.other = home, other
        self.parties: Mapping[str, Node] = {
            "user": user,
            "merchant": merchant,
            "bank": world.of_role(Role.BANK_ACCOUNT_SERVER)[0],
            "coin_server": home,
        }
        self.before: dict[str, int] = {}

    async def prepare(self) -> None:
        for node in (self.user, self.merchant):
            await self.owners.ask(node, "cash_balance")
        if (await self.now())["user's coins"] < AMOUNT:
            taken = await self._withdraw(PURSE)
            await self.owners.see_through(self.user, taken)
        await self.owners.ask(self.merchant, "cash_use", coin_server=self.home.name)
        self.before = await self.now()

    async def now(self) -> dict[str, int]:
        """Account and wallet of both."""
        books = await whole_books(self.world)
        found: dict[str, int] = {}
        for who, node in (("user", self.user), ("merchant", self.merchant)):
            wallet = books.ledgers[node.name].cash_wallet
            held = [coin.amount for coin in wallet if coin.state == CoinPhase.HELD]
            accounts = books.ledgers[self.parties["bank"].name].cash_accounts
            account = sum(a.balance for a in accounts if a.owner == node.id)
            found |= {f"{who}'s coins": sum(held), f"{who}'s account": account}
        return found

    async def _withdraw(self, amount: int) -> str:
        return await self.owners.begin(
            self.user, "user", "cash_withdraw", amount=amount, coin_server=self.home.name
        )

    async def _order(self, operation: str, **fields: object) -> str:
        """Its transaction's end at the user: one order may be followed by another."""
        made = await self.owners.begin(self.user, "holder", operation, **fields)
        rows = await self.owners.see_all_through(self.user, made)
        states = {row["what"]: str(row["state"]) for row in rows}
        return " and ".join(f"{what} {state}" for what, state in sorted(states.items()))

    async def _ended(self, how: str, change: Mapping[str, int]) -> Ended:
        return Ended(how, differences(self.before, await self.now(), change))


class CashWithdrawal(_Cash):
    async def play(self) -> Ended:
        taken = await self._withdraw(AMOUNT)
        ended = str((await self.owners.see_through(self.user, taken))["state"])
        by = AMOUNT if ended == "completed" else 0
        return await self._ended(ended, {"user's coins": by, "user's account": -by})


class CashExchange(_Cash):
    async def play(self) -> Ended:
        ended = await self._order("cash_exchange", amounts=[AMOUNT])
        return await self._ended(ended, {})


class CashPayment(_Cash):
    async def play(self) -> Ended:
        ended = await self._order("cash_pay", to=self.merchant.name, amount=AMOUNT)
        by = AMOUNT if ended == "pay settled" else 0
        return await self._ended(ended, {"user's coins": -by, "merchant's coins": by})


class CashAcross(CashPayment):
    """The merchant presents it at the other coin server."""

    def __init__(self, world: World, owners: Owners, user: Node, merchant: Node) -> None:
        super().__init__(world, owners, user, merchant)
        self.parties = {**self.parties, "coin_server": self.other, "home": self.home}

    async def prepare(self) -> None:
        await super().prepare()
        await self.owners.ask(self.merchant, "cash_use", coin_server=self.other.name)


class CashDeposit(_Cash):
    async def play(self) -> Ended:
        ended = await self._order("cash_deposit", amount=AMOUNT, coin_server=self.home.name)
        by = AMOUNT if ended == "deposit settled" else 0
        return await self._ended(ended, {"user's coins": -by, "user's account": by})


def cash_dramas(world: World, owners: Owners, user: Node, merchant: Node) -> dict[str, Drama]:
    return {
        "cash withdrawal": CashWithdrawal(world, owners, user, merchant),
        "cash exchange": CashExchange(world, owners, user, merchant),
        "cash payment": CashPayment(world, owners, user, merchant),
        "cash across": CashAcross(world, owners, user, merchant),
        "cash deposit": CashDeposit(world, owners, user, merchant),
    }
