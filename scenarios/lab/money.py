"""What a purchase is paid with: how it is fetched, what its lock shows, how it is brought back.

`escrow_purchase --pay` chooses, and `escrow_dispute --pay`. The sale is the same whatever pays
for it.
"""

import enum
from collections.abc import Mapping
from typing import Any, Protocol

from nodes.cash_wallet.sale_payment import INSTRUMENT as E_CASH
from scenarios.lab.live import LiveRun
from scenarios.lab.world import Node

COINS, CASH = "dht_micropayment", "electronic_cash"


class Pay(enum.StrEnum):
    COINS = "coins"
    ECASH = "ecash"


PROTOCOLS = {Pay.ECASH: (CASH,)}
"""What a choice speaks that the other does not."""


class Money(Protocol):
    instrument: str
    """Its name in a payment."""

    async def account(self, run: LiveRun, node: Node) -> int:
        """What could be fetched."""

    async def fetch(self, run: LiveRun, node: Node, amount: int) -> None:
        """From the account to the wallet."""

    async def locked(self, run: LiveRun, sale: str) -> None:
        """What the escrow server does with it at step 7."""

    async def received(self, run: LiveRun, sale: str, buyer: Node, payee: Node) -> None:
        """After step 8b or 8r: nothing of it is on its way when this returns."""

    async def bring_back(self, run: LiveRun, node: Node, amount: int) -> None:
        """From the wallet to the account."""

    async def held(self, run: LiveRun, node: Node) -> list[dict[str, Any]]:
        """In the wallet, coin by coin."""


class _DhtCoins:
    instrument = "dht-coins"

    async def account(self, run: LiveRun, node: Node) -> int:
        return await run.balance(node)

    async def fetch(self, run: LiveRun, node: Node, amount: int) -> None:
        taken = (await node.control("withdraw", count=amount))["transaction"]
        await run.step("W1", node, f"{amount} coins", of=taken, protocol=COINS)
        await run.step("W3", node, "its first register", of=taken, protocol=COINS)
        await node.until(taken, "held")

    async def locked(self, run: LiveRun, sale: str) -> None:
        """Its registers stand in the report."""

    async def received(self, run: LiveRun, sale: str, buyer: Node, payee: Node) -> None:
        """Who is paid has the certificates."""

    async def bring_back(self, run: LiveRun, node: Node, amount: int) -> None:
        brought = (await node.control("redeem", count=amount))["transaction"]
        await run.step("D1", node, f"{amount} coins", of=brought, protocol=COINS)
        await node.until(brought, "credited")

    async def held(self, run: LiveRun, node: Node) -> list[dict[str, Any]]:
        return await run.coins(node)


class _Cash:
    instrument = E_CASH

    async def account(self, run: LiveRun, node: Node) -> int:
        return await run.cash_account(node)

    async def fetch(self, run: LiveRun, node: Node, amount: int) -> None:
        taken = (await node.control("cash_withdraw", amount=amount))["transaction"]
        await run.step("W1", node, f"{amount} of its account", of=taken, protocol=CASH)
        await run.step("W4", node, "coins, signed unseen", of=taken, protocol=CASH)
        await node.until(taken, "completed")

    async def locked(self, run: LiveRun, sale: str) -> None:
        es = run.escrow_server
        await run.step("P2", es, "is it good? then lock it", of=sale, protocol=CASH)
        await run.step("P3", es, "a coin of the escrow server's own", of=sale, protocol=CASH)

    async def received(self, run: LiveRun, sale: str, buyer: Node, payee: Node) -> None:
        whose = "the buyer's" if payee is buyer else "the seller's"
        await run.step("P2", payee, "is it good? then make it mine", of=sale, protocol=CASH)
        await run.step("P3", payee, f"a coin of {whose} own", of=sale, protocol=CASH)
        for payer in (buyer, run.escrow_server):
            await payer.until(sale, "settled", seconds=60)

    async def bring_back(self, run: LiveRun, node: Node, amount: int) -> None:
        brought = (await node.control("cash_deposit", amount=amount))["transaction"]
        await run.step("D1", node, f"{amount} for its account", of=brought, protocol=CASH)
        await run.step("D4", node, "credited", of=brought, protocol=CASH)
        await node.until(brought, "settled")

    async def held(self, run: LiveRun, node: Node) -> list[dict[str, Any]]:
        return await run.cash(node)


MONEY: Mapping[Pay, Money] = {Pay.COINS: _DhtCoins(), Pay.ECASH: _Cash()}
