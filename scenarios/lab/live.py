"""What a scenario holds in its hands: the world, seeded choices, steps to wait for, checks to make.

    seller, buyer = run.cast("P_3", "P_1")
    sale = (await buyer.control("order", offer=offer))["transaction"]
    await run.step("5", buyer, "contract signed by both", of=sale)
    run.check("the seller is paid", balance == before + price, f"{before} -> {balance}")

A step is waited for in the trace of a node and printed when it is there; nothing sleeps.
"""

import asyncio
import json
import random
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from nodes.protocols.message import Role
from nodes.runtime.observer import Row
from scenarios.lab.auditor import read_books
from scenarios.lab.books import Books
from scenarios.lab.failures import LabFailure
from scenarios.lab.narrator import Narrator
from scenarios.lab.recorder import Recorder
from scenarios.lab.run import Check
from scenarios.lab.world import Node, World

STEP_SECONDS = 30.0


class StepMissing(LabFailure):
    """A step that should have come did not come in time."""

    code = "lab/step-missing"


class TooFewFree(LabFailure):
    code = "lab/too-few-free"


class LiveRun:
    def __init__(
        self, world: World, recorder: Recorder, narrator: Narrator, seed: int, protocol: str
    ) -> None:
        self.world = world
        self.recorder = recorder
        self.seed = seed
        self.random = random.Random(seed)
        self.checks: list[Check] = []
        self.summary = ""
        self._narrator = narrator
        self._protocol = protocol
        self._claimed: set[tuple[str, int]] = set()

    # the parties

    @property
    def broker(self) -> Node:
        return self.world.broker

    @property
    def central_server(self) -> Node:
        return self.world.central_server

    @property
    def escrow_server(self) -> Node:
        return self.world.escrow_server

    @property
    def certificate_authority(self) -> Node:
        return self.world.certificate_authority

    @property
    def bank(self) -> Node:
        """The bank's account server."""
        return self.world.of_role(Role.BANK_ACCOUNT_SERVER)[0]

    @property
    def coin_servers(self) -> list[Node]:
        """In the order of their names."""
        return self.world.of_role(Role.COIN_SERVER)

    @property
    def game_servers(self) -> list[Node]:
        """In the order of their names."""
        return self.world.of_role(Role.GAME_SERVER)

    @property
    def markets(self) -> list[Node]:
        """In the order of their names."""
        return self.world.of_role(Role.MARKET)

    def cast(self, *symbols: str, among: Iterable[Node] | None = None) -> tuple[Node, ...]:
        """Distinct peers for the paper's symbols, drawn by the seed."""
        free = [
            node
            for node in (self.world.peers if among is None else among)
            if node.name not in self.recorder.symbols
        ]
        if len(free) < len(symbols):
            raise TooFewFree(
                f"{len(symbols)} more peers are wanted and {len(free)} are free for it. "
                f"A world of its own has more: --own"
            )
        chosen = self.random.sample(free, len(symbols))
        for node, symbol in zip(chosen, symbols, strict=True):
            self.name(node, symbol)
        return tuple(chosen)

    async def without_coins(self) -> list[Node]:
        """Peers with empty purses: what they pay on is what they were paid."""
        purses = await asyncio.gather(*(self.coins(node) for node in self.world.peers))
        return [node for node, coins in zip(self.world.peers, purses, strict=True) if not coins]

    def name(self, node: Node, symbol: str) -> None:
        """Say which of the paper's letters this node is."""
        self.recorder.symbols[node.name] = symbol

    # what happens

    def speaks(self, protocol: str) -> None:
        """Steps named from here on are this protocol's."""
        self._protocol = protocol

    async def step(
        self, step: str, at: Node, says: str = "", *, of: str = "", protocol: str = ""
    ) -> Row:
        """Wait until `at` has sent or received this step (of one transaction), and tell of it.

        Each call takes the next such step that no call before has taken. Raises StepMissing.
        """
        row = await self.reached(step, at, of=of, protocol=protocol)
        await self._narrator.step(row, says)
        return row

    async def reached(
        self,
        step: str,
        at: Node,
        *,
        of: str = "",
        protocol: str = "",
        outcome: str = "ok",
        seconds: float = STEP_SECONDS,
    ) -> Row:
        """The same without a word, and whatever `outcome` it is to have had."""
        wanted = (protocol or self._protocol, step, outcome)
        try:
            async with asyncio.timeout(seconds):
                return await self._next(at, wanted, of)
        except TimeoutError:
            raise StepMissing(
                f"Step {step} of {wanted[0]} did not come to {at.name} in {seconds:g} s"
            ) from None

    async def _next(self, at: Node, wanted: tuple[str, str, str], of: str) -> Row:
        while True:
            for row in self.recorder.rows.get(at.name, ()):
                is_it = (row.protocol, row.step, row.outcome) == wanted
                if is_it and of in ("", row.transaction) and (at.name, row.n) not in self._claimed:
                    self._claimed.add((at.name, row.n))
                    return row
            await self.recorder.follow(at, wait=10)

    async def say(self, text: str) -> None:
        """Tell what is no step of a paper."""
        await self._narrator.say(text)

    async def advance(self, seconds: float, nodes: Sequence[Node] = ()) -> None:
        """Move the clocks of these nodes, or of all, forward."""
        moved = list(nodes) or [node for node in self.world.nodes.values() if node.alive()]
        await asyncio.gather(*(self._advance(node, seconds) for node in moved))

    async def _advance(self, node: Node, seconds: float) -> None:
        await self.recorder.follow(node, wait=0)
        await node.control("clock", advance_seconds=seconds)
        self.recorder.clock_moved(node.name, round(seconds * 1000))

    # what must hold

    def check(self, name: str, holds: bool | None, detail: str = "") -> None:
        """One thing that must hold at this moment; None where it cannot be told."""
        self.checks.append(Check(name, holds, detail))

    def conclude(self, sentence: str) -> None:
        """What happened, in one sentence, for the head of the report."""
        self.summary = sentence

    async def books(self) -> Books:
        """All ledgers as they stand now."""
        return await read_books(self.world.nodes.values())

    async def balance(self, node: Node) -> int:
        """What the broker has on this party's account."""
        rows = (await self.broker.get("/inspect/ledger"))["accounts"]
        return int(next(row["balance"] for row in rows if row["owner"] == node.id))

    async def cash_account(self, node: Node) -> int:
        """What the bank has on this party's account; opened by looking, if it was not."""
        return int((await node.control("cash_balance"))["account"])

    async def cash(self, node: Node, state: str = "held") -> list[dict[str, Any]]:
        """The e-cash this party holds, coin by coin."""
        ledger = await node.get("/inspect/ledger")
        return [row for row in ledger.get("cash_wallet", []) if row["state"] == state]

    async def could_read(self, node: Node, values: Iterable[str]) -> list[str]:
        """Those of these values (hex) that stand in anything this party ever read."""
        text = json.dumps((await node.get("/inspect/view"))["read"])
        return [value for value in values if value in text]

    async def coins(self, node: Node, state: str = "held") -> list[dict[str, Any]]:
        """The coins this party holds."""
        ledger = await node.get("/inspect/ledger")
        return [row for row in ledger.get("coins", []) if row["state"] == state]

    async def trust(self, node: Node) -> float:
        """What the central server lists of a seller: between -1 and 1, 0 for a stranger."""
        rows = (await self.central_server.get("/inspect/ledger"))["offers"]
        return float(next((row["trust"] for row in rows if row["seller"] == node.id), 0.0))

    async def frozen(self) -> list[dict[str, Any]]:
        """The coins the broker has frozen, each with who was proven to have spent it twice."""
        return list((await self.broker.get("/inspect/ledger"))["frozen"])

    async def messages_to(self, node: Node) -> int:
        """Requests that have come to this node since the run's start."""
        await self.recorder.follow(node, wait=0)
        return sum(
            row.direction == "in" and row.kind == "request" and row.protocol != "membership"
            for row in self.recorder.rows[node.name]
        )

    async def times(self, node: Node, step: str) -> int:
        """How often this step was taken at a node that receives it; repeats count once."""
        await self.recorder.follow(node, wait=0)
        return len(
            {
                row.transaction
                for row in self.recorder.rows[node.name]
                if (row.protocol, row.step, row.direction) == (self._protocol, step, "in")
                and row.outcome == "ok"
            }
        )

    async def register_rows(self, node: Node, step: str, transaction: str) -> int:
        """How many register operations of one step this node made for a transaction."""
        await self.recorder.follow(node, wait=0)
        return sum(
            (row.kind, row.step, row.transaction) == ("register", step, transaction)
            for row in self.recorder.rows[node.name]
        )

    async def content_of(self, node: Node, transaction: str) -> bytes:
        """What a buyer opened."""
        with tempfile.TemporaryDirectory(prefix="jangteo-content-") as folder:
            target = Path(folder) / "content"
            await node.download(transaction, target)
            return target.read_bytes()

    # who is away

    async def kill(self, *nodes: Node) -> None:
        """kill -9, all at once."""
        await self.say(f"killed: {', '.join(node.name for node in nodes)}")
        await asyncio.gather(*(node.kill() for node in nodes))

    async def ends(self, node: Node) -> None:
        """Wait until its process has ended at the point where it was told to."""
        await node.ended()
        await self.say(f"{node.name} was killed there")

    async def restart(self, *nodes: Node) -> None:
        """Started again on their data; ready when this returns."""
        await asyncio.gather(*(node.restart() for node in nodes))
        await self.say(f"back: {', '.join(node.name for node in nodes)}")
