"""A large file from peer to peer: how fast, and in how little memory."""

import asyncio
import hashlib
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from typer import Option

from scenarios.lab.benchmark import Bench, benchmark
from scenarios.lab.market_costs import market
from scenarios.lab.measure import cpu_seconds, forget_peak, peak_bytes
from scenarios.lab.plain_download import Download, plain_server
from scenarios.lab.world import Node, World
from scenarios.lab.yardsticks import Units, measure_units

MIB = 2**20
PEERS = 5
LYING_BUYER, LIES = "peer-05", "scenarios.adversaries.false_claimant"
PATIENCE = 3600
MOST_GROWTH_MIB = 64
DOWNLOADS = 2
"""Plain ones, before the sale and again after it."""

TAKEN_IN = "taken in by the seller"
ENCRYPTED = "ordered and encrypted"
SENT = "sent to the buyer"
DECRYPTED = "paid and decrypted"
JUDGED = "disputed: sent to the escrow server and decrypted"


@benchmark(question="How fast does a large file travel, and how much memory does it take?")
async def content(
    bench: Bench,
    *,
    size: Annotated[int, Option(min=1, max=16_000, help="Of the file, in MiB.")] = 1024,
) -> None:
    """Sells one file; its buyer then lies about it, so that the escrow server has to open it too.

    The seller takes it in, encrypts it for this sale and sends it; the buyer keeps it encrypted,
    pays, decrypts it with the key it is given, and disputes; the escrow server gets the ciphertext
    and opens it. Each step's bytes are on disk before the next. Beside: encrypting or decrypting
    as many MiB in memory, with the digests of both sides.

    Sent to the buyer: its request waits at the seller until that has the encrypted file on its
    disk and has told the escrow server (6a); then the clock starts. It ends with the buyer's
    record of the ciphertext's digest: every block was counted against the contract's size, hashed
    (SHA-256) and written, the file fsynced, renamed and its folders fsynced, the record committed.
    Beside it a plain download of a file of that size, on the same disk, with none of this but the
    fsync; some before the sale and some after it.
    """
    units = await measure_units(MIB)
    with tempfile.TemporaryDirectory(prefix="jangteo-content-") as folder:
        file = Path(folder) / "large"
        digest = await asyncio.to_thread(_write, file, size)
        async with market(
            PEERS, programs={LYING_BUYER: LIES}, offer_seconds=PATIENCE, dispute_seconds=PATIENCE
        ) as place:
            seller, buyer = place.world.peers[0], place.world.node(LYING_BUYER)
            await place.withdraw(buyer, 1)
            await place.rest()
            plain = await _plain(file, "before")
            parties = {"seller": seller, "buyer": buyer, "escrow server": place.world.escrow_server}
            idle = {name: forget_peak(_pid(node)) for name, node in parties.items()}
            before = sum(place.cpu().values())
            watch = await _sell(seller, buyer, file)
            await place.rest()
            cpu = sum(place.cpu().values()) - before
            grown = {
                name: (peak_bytes(_pid(node)) - idle[name]) / MIB for name, node in parties.items()
            }
            same = await _has(place.world, buyer, watch.sale) == digest
            plain += await _plain(file, "after")
            await place.audit(bench)
    _report(bench, units, size, watch.seconds, cpu)
    _tell_sent(bench, size, watch, plain)
    for name, growth in grown.items():
        bench.figure(
            f"peak memory of the {name} over idle",
            [growth],
            "MiB",
            beside=MOST_GROWTH_MIB,
            beside_what="at most",
            headline=True,
        )
        bench.check(f"the {name} grows by less than that", growth < MOST_GROWTH_MIB)
    bench.check("the buyer has it, bit for bit", same, f"{size} MiB")


def _pid(node: Node) -> int:
    pid = node.pid
    assert pid is not None, "it runs on this machine"
    return pid


def _write(path: Path, size: int) -> str:
    """Blocks that differ, and cannot be compressed; the SHA-256 of them all."""
    block, summed = os.urandom(MIB - 8), hashlib.sha256()
    with path.open("wb") as file:
        for number in range(size):
            piece = number.to_bytes(8, "big") + block
            summed.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())  # or it would be written while something else is measured
    return summed.hexdigest()


async def _has(world: World, buyer: Node, sale: str) -> str:
    """SHA-256 of what the buyer has opened, as it lies on its disk."""
    assert world.folder is not None, "a world of its own is a local one"
    opened = world.folder.data(buyer.name) / "content" / "opened" / sale

    def digest() -> str:
        with opened.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    return await asyncio.to_thread(digest)


async def _plain(file: Path, when: str) -> list[Download]:
    """Each to a file of its own, which stays: the sale's files are new ones too."""
    async with plain_server(file) as server:
        targets = [file.with_name(f"{when}-{number}") for number in range(DOWNLOADS)]
        return [await server.download(target) for target in targets]


class Watch:
    """How long each stage took, in order, and what processor time its two parties needed."""

    def __init__(self, seller: Node, buyer: Node) -> None:
        self.seconds: dict[str, float] = {}
        self.cpu: dict[str, tuple[float, float]] = {}
        """Seconds of the seller, of the buyer."""
        self.sale = ""
        self._pids = _pid(seller), _pid(buyer)
        self._last = self._now()

    def _now(self) -> tuple[float, float, float]:
        seller, buyer = self._pids
        return time.monotonic(), cpu_seconds(seller), cpu_seconds(buyer)

    def passed(self, what: str) -> None:
        now = self._now()
        wall, seller, buyer = (one - other for one, other in zip(now, self._last, strict=True))
        self.seconds[what], self.cpu[what] = wall, (seller, buyer)
        self._last = now


async def _sell(seller: Node, buyer: Node, file: Path) -> Watch:
    watch = Watch(seller, buyer)
    own = await seller.upload(file)
    watch.passed(TAKEN_IN)
    await seller.control("offer", content_id=own["content_id"], description="large", price=1)
    found = await buyer.control("search", content_id=own["content_id"])
    ordered = await buyer.control("order", offer=found["selected"]["offer"])
    watch.sale = sale = ordered["transaction"]
    await _reached(seller, sale, "6a")
    watch.passed(ENCRYPTED)
    await buyer.until(sale, "ciphertext-held", seconds=PATIENCE)
    watch.passed(SENT)
    await buyer.control("pay", transaction=sale)
    await buyer.until(sale, "garbage", seconds=PATIENCE)  # so it says; it has opened it
    watch.passed(DECRYPTED)
    await buyer.control("dispute", transaction=sale)
    await buyer.until(sale, "denied", seconds=PATIENCE)
    watch.passed(JUDGED)
    await seller.until(sale, "paid", seconds=PATIENCE)
    return watch


async def _reached(node: Node, sale: str, step: str) -> None:
    """Until the node has sent this step's message."""
    last = 0
    while True:
        rows = await node.trace(after=last, transaction=sale, wait=10)
        if any(row["step"] == step for row in rows):
            return
        last = max([last, *(row["n"] for row in rows)])


def _tell_sent(bench: Bench, size: int, watch: Watch, plain: Sequence[Download]) -> None:
    """The speed beside the plain download's, and the processor time of both sides."""
    bench.figure(
        f"{SENT}: speed beside a plain download",
        [size / watch.seconds[SENT]],
        "MiB/s",
        beside=statistics.median(size / one.wall_seconds for one in plain),
        beside_what="plain",
        headline=True,
    )
    bench.figure("a plain download: speed", [size / one.wall_seconds for one in plain], "MiB/s")
    seller, buyer = watch.cpu[SENT]
    for who, spent, beside in (
        ("seller", seller, statistics.median(one.server_cpu_seconds for one in plain)),
        ("buyer", buyer, statistics.median(one.client_cpu_seconds for one in plain)),
    ):
        bench.figure(f"{SENT}: CPU of the {who}", [spent], "s", beside=beside, beside_what="plain")
    bench.figure(f"{DECRYPTED}: speed", [size / watch.seconds[DECRYPTED]], "MiB/s", headline=True)


def _report(bench: Bench, units: Units, size: int, seconds: dict[str, float], cpu: float) -> None:
    in_memory = {
        ENCRYPTED: units.encrypt,
        DECRYPTED: units.decrypt,
        JUDGED: units.decrypt,
    }
    for what, spent in seconds.items():
        unit = in_memory.get(what)
        bench.figure(
            what,
            [spent],
            "s",
            beside=None if unit is None else unit * size / 1e6,
            beside_what="" if unit is None else "in memory",
        )
    whole = sum(seconds[what] for what in (ENCRYPTED, SENT, DECRYPTED))
    bench.figure(
        f"{size} MiB encrypted, sent and decrypted, on disk at each step",
        [size / whole],
        "MiB/s",
        headline=True,
    )
    least = size * (units.encrypt + 2 * units.decrypt) / 1e6
    bench.figure(
        "CPU of all processes", [cpu], "s", beside=least, beside_what="encrypt, decrypt, decrypt"
    )
    bench.note(
        f"One file of {size} MiB, one coin, {PEERS} peers; sold, and opened again by the escrow "
        "server."
    )
    bench.check("every stage took some time", min(seconds.values()) > 0)
