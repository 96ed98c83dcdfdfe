"""What lets many nodes live in one process, on another clock, and end there one by one."""

import contextvars
from pathlib import Path

import pytest

from nodes.runtime.clock import Clock, system_clock_is
from nodes.runtime.observer import Observer
from nodes.runtime.store import Store


class Ended(BaseException):
    pass


def test_the_time_is_what_tells_it_in_the_context() -> None:
    def told() -> int:
        system_clock_is(lambda: 5_000_000_000)
        return Clock().now()

    assert contextvars.copy_context().run(told) == 5000
    assert Clock().now() > 1_700_000_000_000


def test_a_node_ends_as_it_was_told_to(tmp_path: Path) -> None:
    def end() -> None:
        raise Ended

    observer = Observer(tmp_path, lambda: 0, lab=True)
    observer.end = end
    observer.kill_at("greeting", "1", "saved")
    observer.reached("received", "greeting", "1")
    with pytest.raises(Ended):
        observer.reached("saved", "greeting", "1")
    observer.close()
    with pytest.raises(OSError, match="descriptor"):
        observer.row(kind="decision", direction="here", protocol="greeting", step="1",
                     message="Greet", transaction="")  # fmt: skip


@pytest.mark.asyncio
async def test_what_is_not_committed_is_gone_with_an_abandoned_store(tmp_path: Path) -> None:
    store = Store(tmp_path / "node.db")
    table = store.table("things", bytes)
    async with store.transaction() as tx:
        table.put(tx, b"kept", b"1")
    transaction = store.transaction()
    table.put(await transaction.__aenter__(), b"lost", b"2")
    store.abandon()
    again = Store(tmp_path / "node.db")
    assert dict(again.table("things", bytes).items(again.committed)) == {b"kept": b"1"}
    await again.close()
