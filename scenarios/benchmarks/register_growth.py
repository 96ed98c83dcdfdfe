"""What a replica's next register costs when it holds many: time, a start, memory, disk."""

import os
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Annotated

from typer import Option

from crypto.signing import SigningKey
from dht.records import Put, RegisterName, Vote, cast_vote
from dht.registers import Entry, Registers, place_of, with_put
from nodes.protocols.dht_micropayment.coin import NAMESPACE
from nodes.runtime.store import Store
from scenarios.lab.benchmark import Bench, benchmark
from scenarios.lab.growth import FLAT, powers
from scenarios.lab.measure import usage
from scenarios.lab.two_rings import Coins

FIRST = 1000
FILLED_AT_ONCE = 5000
ROSTER = bytes(32)


@benchmark(question="Does a replica's next register cost more when it holds a million?")
async def register_growth(
    bench: Bench,
    *,
    most: Annotated[int, Option(min=FIRST, help="Registers in one database, at most.")] = 100_000,
    count: Annotated[int, Option(min=10, help="Registers written at each point.")] = 200,
    repeats: Annotated[int, Option(min=1, help="At each point.")] = 3,
) -> None:
    """One replica's registers in its own database, synchronous=FULL, one write after the other.

    A write is a vote that is signed and a COMMIT; checking the record is not in it, it knows no
    other register. A start reads every vote back before any is given out. Beside each point stands
    the first one.
    """
    with tempfile.TemporaryDirectory(prefix="jangteo-registers-") as folder:
        grown = _Grown(Path(folder) / "replica.db")
        first: tuple[float, float] | None = None
        curve: list[tuple[float, float]] = []
        for size in powers(FIRST, most):
            await grown.fill(size)
            start, each = await grown.restart()
            parts = [await grown.write(count) for _ in range(repeats)]
            first = first or (statistics.median(parts), start)
            beside = f"{FIRST:,} registers"
            bench.figure(
                f"{size:,} registers: CPU of the next",
                parts,
                "ms",
                beside=first[0],
                beside_what=beside,
                headline=size * 10 > most,
            )
            bench.figure(
                f"{size:,} registers: a start, CPU of each",
                [start],
                "us",
                beside=first[1],
                beside_what=beside,
                headline=size * 10 > most,
            )
            bench.figure(f"{size:,} registers: memory of each", [each], "B")
            bench.figure(f"{size:,} registers: disk of each", [grown.disk], "B")
            curve.append((size, statistics.median(parts)))
        held = len(grown)
        await grown.close()
    bench.check("every register was there after each start", held == grown.written, f"{held:,}")
    ratio = curve[-1][1] / curve[0][1]
    flat = "flat" if ratio <= FLAT else "grows"
    bench.note(f"From {FIRST:,} to {curve[-1][0]:,.0f} registers: {flat} (x {ratio:.2f}).")
    bench.plot(
        "CPU of a replica's next register by registers it holds",
        "registers",
        "ms",
        {"vote and COMMIT": curve},
        log_x=True,
    )


class _Grown:
    """A replica's registers, with as many as one likes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._voter = SigningKey.generate()
        coins = Coins(SigningKey.generate(), SigningKey.generate())
        self._put = coins.opening()[1]
        self.written = 0
        self._open()

    def _open(self) -> None:
        self._store = Store(self._path)
        self._registers = Registers(self._store, self._voter.public_key)

    def __len__(self) -> int:
        return len(self._registers)

    @property
    def disk(self) -> float:
        return self._path.stat().st_size / self.written

    def _name(self) -> RegisterName:
        """Drawn, as names are: they are digests."""
        self.written += 1
        return RegisterName(NAMESPACE, os.urandom(32), 1)

    def _cast(self, name: RegisterName) -> tuple[Vote, int]:
        return cast_vote(self._voter, name, self._put.record.digest, 1, ROSTER), 1

    async def fill(self, size: int) -> None:
        """With registers as they stand on disk; many in one COMMIT, and one vote for all."""
        table = self._store.table("dht_registers", Entry)
        vote, epoch = self._cast(RegisterName(NAMESPACE, bytes(32), 1))
        bare = Put(self._put.record, None, b"")
        while self.written < size:
            async with self._store.transaction() as tx:
                for _ in range(min(FILLED_AT_ONCE, size - self.written)):
                    name = self._name()
                    table.put(tx, place_of(name), Entry(name, bare, vote, epoch))

    async def restart(self) -> tuple[float, float]:
        """Microseconds of processor time, and bytes of memory, for each register."""
        await self._store.close()
        before, began = _memory(), time.process_time()
        self._open()
        await self._registers.load()
        spent = time.process_time() - began
        assert len(self) == self.written, "what was written is there"
        return 1e6 * spent / self.written, max(0, _memory() - before) / self.written

    async def write(self, count: int) -> float:
        """Milliseconds of processor time of one."""
        names = [self._name() for _ in range(count)]
        began = time.process_time()
        for name in names:
            await self._registers.change(name, partial(self._voted, name))
        return 1000 * (time.process_time() - began) / count

    def _voted(self, name: RegisterName, held: Entry | None) -> Entry:
        return with_put(held, name, self._put, lambda put: self._cast(name))

    async def close(self) -> None:
        await self._store.close()


def _memory() -> int:
    used = usage(os.getpid())
    assert used is not None, "this process runs"
    return used.memory_bytes
