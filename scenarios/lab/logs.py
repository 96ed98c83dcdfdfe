"""Showing a node's log: JSON lines as they are, or made readable."""

import asyncio
import json
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from typing import IO

from scenarios.lab.choice import Choice
from scenarios.lab.console import on_terminal, say
from scenarios.lab.failures import NotHere

POLL_SECONDS = 0.2
TOLD_ELSEWHERE = ("event", "level", "timestamp", "node")


def show(path: Path, *, follow: bool, lines: int, raw: bool) -> None:
    """The last lines of a log; on with `follow` until Ctrl-C."""
    plain = raw or not on_terminal()
    if not path.exists():
        path.touch()
    with path.open(errors="replace") as file:
        for line in deque(file, maxlen=lines) if lines else file.readlines()[:0]:
            _print(line, plain)
        if not lines:
            file.seek(0, 2)
        if follow:
            _follow(file, plain)


def _follow(file: IO[str], plain: bool) -> None:
    kept = ""
    while True:
        kept += file.readline()
        if kept.endswith("\n"):
            _print(kept, plain)
            kept = ""
        else:
            time.sleep(POLL_SECONDS)


def _print(line: str, plain: bool) -> None:
    say(line.rstrip("\n") if plain else readable(line))


def readable(line: str) -> str:
    """`06:14:02.123  info     started  url=http://...`"""
    try:
        said = json.loads(line)
        moment = str(said["timestamp"]).partition("T")[2].rstrip("Z")[:12]
        level, event = said["level"], said["event"]
    except (ValueError, KeyError, TypeError):
        return line.rstrip("\n")
    rest = "  ".join(f"{k}={v}" for k, v in said.items() if k not in (*TOLD_ELSEWHERE, "exception"))
    text = f"{moment}  {level:<8} {event}  {rest}".rstrip()
    return f"{text}\n{said['exception']}" if "exception" in said else text


async def show_compose(choice: Choice, name: str, follow: bool, lines: int) -> None:
    """The same from a container; docker prints it."""
    from scenarios.lab.compose import ComposeHost

    async with choice.open() as world:
        node = world.node(name)
        host = node.host
    if not isinstance(host, ComposeHost):
        raise NotHere(f"{name} runs elsewhere; its log cannot be read from here.")
    command = ["docker", "logs", "--tail", str(lines), *(["--follow"] if follow else [])]
    sys.stdout.flush()
    await asyncio.to_thread(
        subprocess.run, [*command, host.container(name)], stderr=subprocess.STDOUT, check=False
    )
