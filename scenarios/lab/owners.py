"""Owners who do not give up: they go on with a transaction whatever process dies meanwhile.

An owner whose party was killed looks what its party knows, and makes the next decision; what it
asked for and got no answer to may have happened, so it looks before it asks again.
"""

import asyncio
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nodes.runtime.refusals import BUSY
from scenarios.lab.failures import ControlRefused, LabFailure, Unanswered
from scenarios.lab.world import Node, World

PAUSE_SECONDS = 0.05
QUIET_SECONDS = 0.5
"""How long an owner waits for something to change at its party before it looks again."""


class Vanished(LabFailure):
    """A party answered with a transaction's id and does not know it afterwards."""

    code = "lab/transaction-vanished"


@dataclass
class Owners:
    world: World
    _seen: dict[str, int] = field(default_factory=dict)

    async def ask(self, node: Node, operation: str, **fields: Any) -> dict[str, Any]:
        """Something that may be asked twice; asked until it is answered."""
        while True:
            try:
                return await node.control(operation, **fields)
            except Unanswered:
                await asyncio.sleep(PAUSE_SECONDS)
            except ControlRefused as error:
                if error.outcome == "nothing-happened" and not _is_for_now(error):
                    raise
                await asyncio.sleep(PAUSE_SECONDS)

    async def begin(self, node: Node, side: str, operation: str, **fields: Any) -> str:
        """Something new; its id, asked for once only even if the answer is lost."""
        known = await self._ids(node, side)
        while True:
            try:
                return str((await node.control(operation, **fields))["transaction"])
            except (Unanswered, ControlRefused) as error:
                if isinstance(error, ControlRefused) and not _is_for_now(error):
                    raise
                await asyncio.sleep(PAUSE_SECONDS)
                if new := await self._ids(node, side) - known:
                    return new.pop()

    async def see_through(
        self,
        node: Node,
        transaction: str,
        decisions: Mapping[str, str] | None = None,
        *,
        side: str = "",
    ) -> dict[str, Any]:
        """Make each decision when its state comes, until nothing more will; the last record.

        `side`: of which record, where a party has several of a transaction.
        """
        decisions = decisions or {}
        while True:
            record = await self.record(node, transaction, side)
            decision = decisions.get(str(record["state"]))
            if decision is not None:
                await self._decide(node, decision, transaction)
            elif record["final"]:
                return record
            await self._wait_for_change(node)

    async def see_all_through(self, node: Node, transaction: str) -> list[dict[str, Any]]:
        """Every record that a party has of a transaction, once nothing more will come of any."""
        while True:
            rows = await self.records(node, transaction)
            if all(row["final"] for row in rows):
                return rows
            await self._wait_for_change(node)

    async def _decide(self, node: Node, decision: str, transaction: str) -> None:
        try:
            await node.control(decision, transaction=transaction)
        except Unanswered:
            await asyncio.sleep(PAUSE_SECONDS)
        except ControlRefused:
            return  # its state has changed since it was looked at

    async def record(self, node: Node, transaction: str, side: str = "") -> dict[str, Any]:
        """The first (of that side), as soon as the party answers. Raises Vanished."""
        rows = await self.records(node, transaction)
        for row in rows:
            if side in ("", row.get("side")):
                return row
        raise Vanished(f"{node.name} knows {transaction}, and not as its {side}")

    async def records(self, node: Node, transaction: str) -> list[dict[str, Any]]:
        """All it has of a transaction. Raises Vanished."""
        while True:
            try:
                found = await node.get(f"/inspect/transactions/{transaction}")
                return [dict(row) for row in found["found"]]
            except Unanswered:
                await asyncio.sleep(PAUSE_SECONDS)
            except ControlRefused as error:
                raise Vanished(f"{node.name} does not know {transaction} any more") from error

    async def knows(self, node: Node, transaction: str) -> bool:
        """Whether a party has heard of a transaction at all."""
        while True:
            try:
                rows = (await node.get("/inspect/transactions"))["transactions"]
                return any(row["id"] == transaction for row in rows)
            except Unanswered:
                await asyncio.sleep(PAUSE_SECONDS)

    async def content_of(self, node: Node, transaction: str) -> bytes:
        """What a buyer opened."""
        with tempfile.TemporaryDirectory(prefix="jangteo-content-") as folder:
            target = Path(folder) / "content"
            while True:
                try:
                    await node.download(transaction, target)
                    return target.read_bytes()
                except Unanswered:
                    await asyncio.sleep(PAUSE_SECONDS)

    async def _ids(self, node: Node, side: str) -> set[str]:
        while True:
            try:
                rows = (await node.get("/inspect/transactions"))["transactions"]
                return {str(row["id"]) for row in rows if row["side"] == side}
            except Unanswered:
                await asyncio.sleep(PAUSE_SECONDS)

    async def _wait_for_change(self, node: Node) -> None:
        try:
            rows = await node.trace(after=self._seen.get(node.name, 0), wait=QUIET_SECONDS)
        except Unanswered:
            await asyncio.sleep(PAUSE_SECONDS)
            return
        if rows:
            self._seen[node.name] = int(rows[-1]["n"])


def _is_for_now(error: ControlRefused) -> bool:
    """A party, or one it asked, is not ready yet or gave no answer: ask again."""
    return error.outcome == "unknown" or error.code in BUSY
