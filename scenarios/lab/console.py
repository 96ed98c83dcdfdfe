"""What commands print: boxes and colour on a wide terminal, plain lines in a pipe, or JSON."""

import asyncio
import json
import shutil
import signal
import sys
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

T = TypeVar("T")

WIDE = 90
STYLES = {"ready": "green", "alive": "yellow", "dead": "red", "ok": "green", "no": "red"}
"""Colours of words that stand alone in a cell."""


def on_terminal() -> bool:
    return sys.stdout.isatty()


def say(text: str = "", *, end: str = "\n") -> None:
    print(text, end=end, flush=True)


def complain(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def emit(value: Any) -> None:
    """One JSON object, for `--json`."""
    print(json.dumps(value, ensure_ascii=False, indent=2 if on_terminal() else None), flush=True)


class Waiting:
    """One line that grows: `Starting ... 12 of 20` on a terminal, only its end in a pipe."""

    def __init__(self, text: str, *, quiet: bool = False) -> None:
        self._text = text
        self._quiet = quiet
        self._lively = on_terminal()
        self._shown = 0

    def __call__(self, done: int, total: int) -> None:
        if self._lively and not self._quiet:
            self._replace(f"{self._text} ... {done} of {total}")

    def end(self, result: str) -> None:
        if self._quiet:
            return
        if self._lively:
            self._replace(f"{self._text} ... {result}")
            say()
        else:
            say(f"{self._text} ... {result}")

    def break_off(self) -> None:
        """Leave the line as it is, so that what follows starts on its own."""
        if self._lively and self._shown:
            say()

    def _replace(self, line: str) -> None:
        line = line if len(line) < (width := terminal_width()) else f"{line[: width - 2]}…"
        print("\r" + line + " " * max(0, self._shown - len(line)), end="", flush=True)
        self._shown = len(line)


def terminal_width() -> int:
    return shutil.get_terminal_size().columns


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns whose name starts with `>` are set to the right."""
    if on_terminal() and terminal_width() >= WIDE:
        _rich_table(columns, rows)
    else:
        _plain_table(columns, rows)


def _plain_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    lines = [[name.removeprefix(">") for name in columns], *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    for line in lines:
        cells = [
            cell.rjust(width) if name.startswith(">") else cell.ljust(width)
            for cell, width, name in zip(line, widths, columns, strict=True)
        ]
        say("  ".join(cells).rstrip())


def _rich_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.ROUNDED, header_style="bold", pad_edge=True)
    for name in columns:
        justify: Any = "right" if name.startswith(">") else "left"
        table.add_column(name.removeprefix(">"), justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell, STYLES.get(cell.split(" ")[0], "")) for cell in row))
    Console().print(table)


class Interrupted(Exception):
    """Ctrl-C, or asked to end; everything was cleaned up."""


def run_until_told_to_end(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end. Ctrl-C, SIGTERM and SIGHUP cancel the work, which then cleans up.

    Raises Interrupted when that was so.
    """

    async def guarded() -> T:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, task.cancel)
        return await work

    try:
        return asyncio.run(guarded())
    except asyncio.CancelledError:
        raise Interrupted from None


# words for people


def in_words(count: int, noun: str) -> str:
    """`1 peer`, `16 peers`."""
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{count} {noun if count == 1 else plural}"


def size_in_words(size: int) -> str:
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.1f} MiB"


def time_in_words(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
    return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:.0f} min"
