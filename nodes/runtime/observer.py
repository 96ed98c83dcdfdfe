"""The one seam for faults, view and counting.

The runtime says where a message is (`reached`), what a register operation did (`wrote`) and what
this party could read (`read`). The default keeps the trace and the counters; a lab adds what the
party read and may end the process at a named point.
"""

import asyncio
import json
import os
import signal
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import msgspec

Point = Literal["received", "saved", "sent"]


class Row(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One line of a trace: a message in or out, or a register operation. Ids are hex."""

    n: int
    time: int
    """Milliseconds since the epoch, by this node's clock."""
    kind: Literal["request", "answer", "register", "content", "decision"]
    direction: Literal["in", "out", "here"]
    protocol: str
    step: str
    message: str
    transaction: str
    sender: str = ""
    receiver: str = ""
    bytes: int = 0
    envelope: str = ""
    """Digest of the envelope: joins the sender's row with the receiver's."""
    outcome: str = "ok"
    sealed: bool = False
    signatures: int = 0
    note: dict[str, Any] = msgspec.field(default_factory=dict)


def end_process() -> None:
    """As kill -9 does."""
    os.kill(os.getpid(), signal.SIGKILL)


class Observer:
    """Keeps the trace of one node in a file of JSON lines, so it outlives the process."""

    KEPT_IN_MEMORY = 20_000

    def __init__(self, folder: Path, clock: Callable[[], int], *, lab: bool) -> None:
        self._clock = clock
        self.lab = lab
        self.counters: dict[tuple[str, str], Counter[str]] = {}
        """By protocol and step of the message that was being served."""
        self.elsewhere: dict[str, Counter[str]] = {"background": Counter()}
        """What was done for no message: resuming, timers, the owner's orders, the ring."""
        self._rows: deque[Row] = deque(maxlen=self.KEPT_IN_MEMORY)
        self._changed = asyncio.Event()
        self._trace_path = folder / "trace.jsonl"
        self._view_path = folder / "view.jsonl"
        self._n = self._reload()
        self._trace = os.open(self._trace_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._view = -1
        if lab:
            _whole_lines(self._view_path)
            self._view = os.open(self._view_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._kill: tuple[str, str, Point, int] | None = None
        self.end: Callable[[], None] = end_process
        """How this node is ended at a point. Where it is one of many in a process, otherwise."""

    def _reload(self) -> int:
        last = 0
        for line in _whole_lines(self._trace_path):
            try:
                row = msgspec.json.decode(line, type=Row)
            except msgspec.DecodeError:
                continue
            self._rows.append(row)
            last = row.n
        return last

    # what happened

    def row(self, **fields: Any) -> None:
        """Write one line of the trace."""
        self._n += 1
        row = Row(n=self._n, time=self._clock(), **fields)
        self._rows.append(row)
        os.write(self._trace, msgspec.json.encode(row) + b"\n")
        self.notify()

    def counter(self, protocol: str, step: str) -> Counter[str]:
        """Of one step, for whoever counts while it goes on."""
        return self.counters.setdefault((protocol, step), Counter())

    def count(self, protocol: str, step: str, amounts: Counter[str]) -> None:
        self.counter(protocol, step).update(amounts)

    def read(self, protocol: str, step: str, transaction: bytes, what: str, value: object) -> None:
        """This party could read `value` (lab only): a body after unsealing, a decrypted thing."""
        if self._view < 0:
            return
        line = {
            "time": self._clock(),
            "protocol": protocol,
            "step": step,
            "transaction": transaction.hex(),
            "what": what,
            "value": readable(value),
        }
        os.write(self._view, json.dumps(line).encode() + b"\n")

    def reached(self, point: Point, protocol: str, step: str) -> None:
        """A message stands at a point. A lab may have asked for this process to end there."""
        if self._kill is None:
            return
        kill_protocol, kill_step, kill_point, left = self._kill
        if (protocol, step, point) != (kill_protocol, kill_step, kill_point):
            return
        if left > 1:
            self._kill = (kill_protocol, kill_step, kill_point, left - 1)
            return
        self.end()

    def kill_at(self, protocol: str, step: str, point: Point, times: int = 1) -> None:
        """End this process, as kill -9 does, when `step` reaches `point` for the times-th time."""
        self._kill = (protocol, step, point, times)

    # who asks

    def notify(self) -> None:
        """Wake whoever waits for something to change on this node."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def changed(self) -> None:
        await self._changed.wait()

    def rows(self, *, after: int = 0, transaction: str = "") -> list[Row]:
        return [
            row
            for row in self._rows
            if row.n > after and (not transaction or row.transaction == transaction)
        ]

    def view(self) -> list[dict[str, Any]]:
        """Everything this party could read, oldest first; empty unless it runs in a lab."""
        if self._view < 0:
            return []
        out = []
        for line in self._view_path.read_bytes().splitlines():
            try:
                out.append(json.loads(line))
            except ValueError:
                continue  # the line being written when the process ended
        return out

    def close(self) -> None:
        os.close(self._trace)
        self._trace = -1
        if self._view >= 0:
            os.close(self._view)
            self._view = -1


def _whole_lines(path: Path) -> list[bytes]:
    """The lines of a file; the one being written when the process ended is cut off."""
    if not path.exists():
        return []
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        os.truncate(path, whole)
    return data[:whole].splitlines()


def readable(value: object) -> Any:
    """A value as people and JSON read it: bytes in hex."""
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, msgspec.Struct):
        return {name: readable(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, dict):
        return {str(readable(k)): readable(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [readable(item) for item in value]
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    return str(value)
