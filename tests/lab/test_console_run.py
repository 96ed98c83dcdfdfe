"""What a run prints while it happens."""

import io

import pytest
from rich.console import Console

from nodes.runtime.observer import Row
from scenarios.lab.console_run import Terminal


def row(sender: str, receiver: str) -> Row:
    return Row(
        n=1,
        time=0,
        kind="request",
        direction="in",
        protocol="greeting",
        step="1",
        message="Greet",
        transaction="00",
        sender=sender,
        receiver=receiver,
    )


@pytest.mark.asyncio
async def test_messages_stand_below_each_other_however_long_the_names_are() -> None:
    said = io.StringIO()
    terminal = Terminal(Console(file=said, width=40))
    await terminal.step(row("peer-01", "broker"), "hello")
    await terminal.step(row("peer-01", "certificate-authority"), "hello")
    await terminal.step(row("certificate-authority", "peer-01"), "hello")
    await terminal.step(row("peer-01", "peer-01"), "")

    short, *longer = [line.index("Greet") for line in said.getvalue().splitlines()]

    assert short < longer[0]
    assert len(set(longer)) == 1
