"""The ring beside the library it is built on: putting and reading, ours and theirs."""

import hashlib
import statistics
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Option

from crypto import codec
from crypto.hashing import digest
from crypto.signing import SigningKey
from dht.records import Certificate, Put
from scenarios.lab.benchmark import Bench, benchmark
from scenarios.lab.two_rings import Coins, Ring, name_of, our_ring, stock_ring
from scenarios.lab.yardsticks import Units, measure_units

SET = "stock set: unsigned, in memory"
GET = "stock get: believes the first answer"


@dataclass
class Timed:
    """Of each round: processor time an operation, all nodes together; of each operation: wall."""

    cpu: list[float]
    wall: list[float]
    good: int = 0
    headline: bool = False


@benchmark(question="What do putting and reading cost, beside the stock Kademlia library?")
async def dht(
    bench: Bench,
    *,
    nodes: Annotated[int, Option(min=5, max=64, help="Processes of each ring.")] = 16,
    count: Annotated[int, Option(min=1, help="Operations of each kind a round.")] = 40,
    rounds: Annotated[int, Option(min=1, help="Of each ring, in turn.")] = 3,
) -> None:
    """Puts coins' first steps and payments, and reads them; sets and gets the same bytes there.

    Two rings of as many processes run on one machine and are measured in turn: ours, theirs,
    ours, theirs. Whoever asks is never one of the k that hold the key. Stock: kademlia 2.2.3,
    `set` and `get`: unsigned values in memory, done as soon as any node took one, found as soon as
    the first of three nodes shows one. Ours does more: each of k replicas checks the coin, the step
    and the q votes of the step before, writes to disk and signs a vote; the asker verifies the
    votes and hands the certificate to all k, who verify it and write again; a reader hears q.
    """
    k, q = (8, 6) if nodes >= 16 else (5, 4)
    units = await measure_units()
    broker, holder = SigningKey.generate(), SigningKey.generate()
    with tempfile.TemporaryDirectory(prefix="jangteo-ring-") as folder:
        async with (
            our_ring(nodes, k, q, Path(folder), broker) as ours,
            stock_ring(nodes, k) as stock,
        ):
            timed = {name: Timed([], []) for name in ("open", "pay", "read", "set", "get")}
            coins = Coins(broker, holder)
            size = 0
            for number in range(rounds + 1):  # the first warms both up
                size = await _ours(ours, coins, count, timed)
                await _theirs(stock, number, count, size, timed)
                if number == 0:
                    timed.update({name: Timed([], []) for name in timed})
    _report(bench, timed, units, (k, q), count)
    bench.note(
        f"{nodes} processes each, k = {k}, {rounds} rounds of {count} operations in turn, one at "
        f"a time; {size} bytes a value. Ours: q = {q} signed votes, checked, on disk before they "
        "count; stock: any node, unsigned, in memory."
    )
    bench.note(units.line())
    for name, each in timed.items():
        bench.check(f"every {name} came about", each.good == rounds * count, f"{each.good}")


async def _ours(ring: Ring, coins: Coins, count: int, timed: dict[str, Timed]) -> int:
    made = [coins.opening() for _ in range(count)]
    certificates: list[Certificate] = []

    async def put(into: Timed, turn: int, put_: Put) -> None:
        process = ring.outsider(name_of(put_.record).key, turn)
        ms, certificate = await process.ask("put", codec.encode(put_))
        into.wall.append(ms)
        into.good += bool(certificate)
        certificates.append(codec.decode(certificate, Certificate))

    async def open_all() -> None:
        for turn, (_, opening) in enumerate(made):
            await put(timed["open"], turn, opening)

    await _measure(ring, timed["open"], count, open_all)
    opened, certificates = certificates, []
    payments = [coins.payment(coin, c) for (coin, _), c in zip(made, opened, strict=True)]

    async def pay_all() -> None:
        for turn, payment in enumerate(payments):
            await put(timed["pay"], turn, payment)

    await _measure(ring, timed["pay"], count, pay_all)

    async def read_all() -> None:
        for turn, payment in enumerate(payments):
            name = name_of(payment.record)
            process = ring.outsider(name.key, turn + 1)
            ms, found = await process.ask("read", codec.encode(name))
            timed["read"].wall.append(ms)
            timed["read"].good += found

    await _measure(ring, timed["read"], count, read_all)
    return len(codec.encode(payments[0].record))


async def _theirs(ring: Ring, number: int, count: int, size: int, timed: dict[str, Timed]) -> None:
    keys = [f"{number}/{turn}".encode() for turn in range(count)]

    async def set_all() -> None:
        for turn, key in enumerate(keys):
            value = digest("value", key) * (size // 32 + 1)
            ms, done = await ring.outsider(sha1(key), turn).ask("put", key, value[:size])
            timed["set"].wall.append(ms)
            timed["set"].good += done

    async def get_all() -> None:
        for turn, key in enumerate(keys):
            ms, found = await ring.outsider(sha1(key), turn + 1).ask("read", key)
            timed["get"].wall.append(ms)
            timed["get"].good += found

    await _measure(ring, timed["set"], count, set_all)
    await _measure(ring, timed["get"], count, get_all)


def sha1(key: bytes) -> bytes:
    """Where the stock library keeps a key."""
    return hashlib.sha1(key, usedforsecurity=False).digest()


async def _measure(
    ring: Ring, into: Timed, count: int, work: Callable[[], Awaitable[None]]
) -> None:
    """Processor time until the ring is at rest again: what is handed on later counts too."""
    await ring.rest()
    before = ring.cpu
    await work()
    await ring.rest()
    into.cpu.append(1000 * (ring.cpu - before) / count)


def _report(
    bench: Bench, timed: dict[str, Timed], units: Units, ring: tuple[int, int], count: int
) -> None:
    stock_set, stock_get = timed["set"], timed["get"]
    timed["pay"].headline = timed["read"].headline = True
    for name, said, other in (
        ("open", "put of a coin's first step", stock_set),
        ("pay", "put of a payment", stock_set),
        ("read", "read", stock_get),
    ):
        _pair(bench, said, timed[name], other, SET if other is stock_set else GET)
    bench.figure(
        "put of a payment: CPU of all nodes",
        timed["pay"].cpu,
        "ms",
        beside=units.put(*ring),
        beside_what="2S + k(S + (2+q)V) + kV",
        headline=True,
    )


def _pair(bench: Bench, said: str, ours: Timed, stock: Timed, name: str) -> None:
    for what, mine, theirs in (("CPU", ours.cpu, stock.cpu), ("wall", ours.wall, stock.wall)):
        bench.figure(
            f"{said}: {what}" + (" of all nodes" if what == "CPU" else ""),
            mine,
            "ms",
            beside=statistics.median(theirs),
            beside_what=name,
            headline=what == "CPU" and ours.headline,
        )
