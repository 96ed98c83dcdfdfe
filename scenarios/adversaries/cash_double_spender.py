"""A peer that hands the same e-cash to several merchants at once (BS-A6).

An honest purse lets a coin stand in a second order only to take the first one back; this one signs
an order for each merchant, all over the same coins, and sends them together.
"""

from typing import Annotated, Any

import msgspec

from nodes.peer.electronic_cash import Cash
from nodes.protocols.electronic_cash.coin import CoinAmount
from nodes.protocols.electronic_cash.holding import HeldCoin, Spending
from nodes.protocols.electronic_cash.spending import Wanted
from nodes.protocols.electronic_cash.wallet import choose
from nodes.runtime.control import Request
from nodes.runtime.party import Party
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings
from scenarios.adversaries.peer import put_together

ORDER_MILLISECONDS = 60_000


class SpendCashTwice(Request, frozen=True):
    payees: Annotated[tuple[str, ...], msgspec.Meta(min_length=2, max_length=8)]
    """Names. Each is handed the same coins."""
    amount: CoinAmount


class CashDoubleSpender:
    def __init__(self, service: Service, cash: Cash) -> None:
        self._cash = cash
        service.operation(
            "cash_spend_twice", SpendCashTwice, self._spend, "Hand e-cash to several at once"
        )

    async def _spend(self, asked: SpendCashTwice, party: Party) -> dict[str, Any]:
        purse = self._cash.purse
        coins: list[HeldCoin] = list(choose(purse.coins, asked.amount, None))
        orders = []
        for name in asked.payees:
            card = await party.directory.named(name)
            until = party.now() + ORDER_MILLISECONDS
            wanted = Wanted("pay", asked.amount, card.id, party.fresh(32), until)
            orders.append(await purse.order(wanted, coins=coins))
            coins = self._as_they_are(orders[-1])
        for order in orders:
            self._cash.spender.follow(order)
        return {
            "payments": [
                {"to": name, "transaction": order.transaction.hex()}
                for name, order in zip(asked.payees, orders, strict=True)
            ]
        }

    def _as_they_are(self, order: Spending) -> list[HeldCoin]:
        """The coins of an order, pledged by now."""
        return [held for held in self._cash.purse.coins if held.request == order.request]


def build(settings: Settings) -> Service:
    parts = put_together(settings)
    CashDoubleSpender(parts.service, parts.cash)
    return parts.service
