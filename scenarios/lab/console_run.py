"""A run told on the terminal, step by step while it happens, and its verdict at the end."""

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from nodes.runtime.observer import Row
from scenarios.lab.run import Check, Run
from scenarios.lab.wording import count, seconds

NAME_WIDTH = 14
WAY_WIDTH = 2 * NAME_WIDTH + 4
"""Of sender and receiver together; longer names widen it for the lines that follow."""
STEP_WIDTH = 3
WORD_WIDTH = 16
RING = "the ring"
STYLES = {"ok": "bold green", "violated": "bold red", "unknown": "bold yellow"}
MARKS = {True: ("holds", "green"), False: ("FAILS", "bold red"), None: ("cannot tell", "yellow")}


class Terminal:
    """Colour and width as the terminal has them; plain lines into a pipe."""

    def __init__(self, console: Console, *, pause: bool = False) -> None:
        self._console = console
        self._pause = pause
        self._way_width = WAY_WIDTH

    async def begin(self, name: str, title: str, seed: int) -> None:
        line = Text.assemble((name, "bold"), f"   seed {seed}   {title}")
        self._console.print(line, soft_wrap=True)
        self._console.print()

    async def step(self, row: Row, says: str) -> None:
        sender, receiver = _ends(row)
        way = sender if sender == receiver else f"{sender:<{NAME_WIDTH}} -> {receiver}"
        self._way_width = max(self._way_width, len(way))
        line = Text.assemble(
            (f"{row.step:>{STEP_WIDTH}}  ", "bold cyan"),
            f"{way:<{self._way_width}}",
            f" {row.message:<{WORD_WIDTH}} ",
            (says, "dim"),
        )
        self._console.print(line, soft_wrap=True)
        await self._wait_for_reader()

    async def say(self, text: str) -> None:
        self._console.print(Text(f"{'':>{STEP_WIDTH}}  {text}", style="italic"), soft_wrap=True)

    async def end(self, run: Run, folder: str) -> None:
        self._console.print()
        self._tell_checks(run.checks)
        for guard in run.guards_off:
            self._line("GUARD OFF", Text(guard, STYLES["violated"]))
        self._line("verdict", Text.assemble((run.verdict, STYLES[run.verdict]), f"   {_sum(run)}"))
        if run.verdict != "ok" and run.summary:
            self._line("", Text(run.summary))
        self._console.print()
        self._line("report", Text(f"{folder}/report.html      (jangteo report --open)"))

    def _tell_checks(self, checks: Sequence[Check]) -> None:
        label = "checked"
        for check in checks:
            word, style = MARKS[check.holds]
            detail = f": {check.detail}" if check.detail else ""
            self._line(label, Text.assemble((f"{word:<12}", style), check.name, (detail, "dim")))
            label = ""

    def _line(self, label: str, text: Text) -> None:
        self._console.print(Text.assemble((f"{label:<10}", "bold"), text), soft_wrap=True)

    async def _wait_for_reader(self) -> None:
        """`--pause`: the next step comes when the reader presses Enter."""
        if not (self._pause and sys.stdin.isatty()):
            return
        loop, pressed = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(sys.stdin.fileno(), pressed.set)
        try:
            await pressed.wait()
        finally:
            loop.remove_reader(sys.stdin.fileno())
        sys.stdin.readline()


def _ends(row: Row) -> tuple[str, str]:
    sender = row.sender or "somebody"
    if row.kind == "register":
        return sender, RING
    return sender, row.receiver or sender


def _sum(run: Run) -> str:
    kinds = Counter(event.kind for event in run.events)
    messages = kinds["request"] + kinds["answer"] + kinds["content"]
    brokers = {party.name for party in run.parties if party.role == "broker"}
    asked = sum(event.receiver in brokers for event in run.events)
    parts = [seconds(run.seconds), count(messages, "message"), f"{asked} to the broker"]
    if kinds["register"]:
        parts.append(count(kinds["register"], "register operation"))
    return ", ".join(parts)
