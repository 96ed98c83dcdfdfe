"""What the owner of a world of e-cash sees and does: HTTP, nothing else."""

from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

TOKEN = "token"
LOOK_AGAIN_SECONDS = 0.05


class ControlRefused(Exception):
    """The code of a refusal."""


class Owner:
    """Knows where each node is, by name."""

    def __init__(self) -> None:
        self.urls: dict[str, str] = {}
        self.stopped: set[str] = set()
        self._session = aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"})

    def running(self) -> list[str]:
        return [name for name in self.urls if name not in self.stopped]

    def coin_servers(self) -> list[str]:
        return [name for name in self.urls if name.startswith("coin-server")]

    async def control(self, name: str, operation: str, **fields: Any) -> dict[str, Any]:
        url = f"{self.urls[name]}/control/{operation}"
        async with self._session.post(url, json=fields) as response:
            answer: dict[str, Any] = await response.json(content_type=None)
            if response.status != 200:
                raise ControlRefused(answer["code"])
            return answer

    async def get(self, name: str, path: str) -> dict[str, Any]:
        async with self._session.get(f"{self.urls[name]}{path}") as response:
            answer: dict[str, Any] = await response.json(content_type=None)
            return answer

    async def ended(self, name: str, asked: dict[str, Any], *states: str) -> dict[str, Any]:
        """One row of a transaction, once it is in one of these states."""
        wanted = ",".join(states)
        path = f"/inspect/transactions/{asked['transaction']}?until={wanted}&wait=20"
        answer = await self.get(name, path)
        rows = [row for row in answer.get("found", []) if row["state"] in states]
        assert rows, f"{name}: {answer}"
        found: dict[str, Any] = rows[0]
        return found

    async def ledger(self, name: str) -> dict[str, Any]:
        return await self.get(name, "/inspect/ledger")

    async def steps(self, name: str) -> list[str]:
        rows = (await self.get(name, "/inspect/trace"))["rows"]
        return [row["step"] for row in rows if row["protocol"] == "electronic_cash"]

    async def view(self, name: str) -> str:
        return str(await self.get(name, "/inspect/view"))

    async def coins(self, name: str) -> int:
        rows: list[dict[str, Any]] = (await self.ledger(name))["cash_wallet"]
        return sum(int(row["amount"]) for row in rows if row["state"] == "held")

    async def until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        """Looks again whenever something happens at the bank, and soon in any case."""
        while not await holds():
            name = self.running()[0]
            await self.get(name, f"/inspect/trace?after=1000000&wait={LOOK_AGAIN_SECONDS}")

    # what an auditor adds up

    async def quiet(self) -> None:
        await self.until(self._is_quiet)

    async def _is_quiet(self) -> bool:
        """Every order has ended, no outbox has anything left, no coin server a debt to clear."""
        names = self.running()
        if any([await self._pledged(name) for name in names]):
            return False
        if any([(await self.ledger(name)).get("cash_debts") for name in names]):
            return False
        counters = [await self.get(name, "/inspect/counters") for name in names]
        return not sum(counter["node"]["outbox_waiting"] for counter in counters)

    async def _pledged(self, name: str) -> bool:
        rows = (await self.ledger(name)).get("cash_wallet", [])
        return any(row["state"] == "pledged" for row in rows)

    async def value(self) -> int:
        """Accounts, what is held for withdrawals, and all that circulates or waits."""
        bank = await self.ledger("bank")
        total: int = sum(row["balance"] for row in bank["cash_accounts"])
        total += sum(row["amount"] for row in bank["cash_held"])
        for name in self.coin_servers():
            books = await self.ledger(name)
            total += sum(row["amount"] for row in books["cash_coins"])
            total += sum(row["amount"] for row in books["cash_pending"])
        return total

    async def opened_with(self) -> int:
        bank = await self.ledger("bank")
        return sum(int(row["opened_with"]) for row in bank["cash_accounts"])

    async def check_books(self) -> None:
        """Value is conserved, wallets hold what circulates, and the bank's books say as much."""
        await self.quiet()
        assert await self.value() == await self.opened_with()
        held: dict[str, dict[str, int]] = {}
        ids: dict[str, str] = {}
        for name in self.running():
            books = await self.ledger(name)
            ids[name] = books["party"]
            for row in books.get("cash_wallet", []):
                if row["state"] == "held":
                    held.setdefault(row["coin_server"], {})[row["serial"]] = row["amount"]
        outstanding = {
            row["coin_server"]: row["amount"]
            for row in (await self.ledger("bank"))["cash_outstanding"]
        }
        for name in self.coin_servers():
            books, id_ = await self.ledger(name), ids[name]
            circulating = {row["serial"]: row["amount"] for row in books["cash_coins"]}
            assert circulating == held.get(id_, {})
            assert sum(circulating.values()) == outstanding.get(id_, 0)
            assert books["cash_journal"] == 0
