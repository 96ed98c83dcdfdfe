"""Exchanges of e-cash a second and core of the coin server, with either engine for RSA."""

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from typer import Option

from crypto import randomness
from crypto.blind_signature import SMALLEST_MODULUS_BITS
from crypto.rsa_private import ENGINES
from nodes.protocols.electronic_cash.holding import HeldCoin
from nodes.protocols.membership.messages import Card
from nodes.protocols.message import Role
from nodes.runtime.party import Wrapped
from scenarios.adversaries.outsider import settings_in
from scenarios.lab.benchmark import Bench, Figure, benchmark
from scenarios.lab.floors import BlindUnits, Rsa, floor_of_node, measure_blind_units
from scenarios.lab.lean_wallet import LeanWallet, Sent, send_all
from scenarios.lab.market_costs import Market, Spent, market, together
from scenarios.lab.pinning import on_a_core_of_its_own
from scenarios.lab.world import Node
from scenarios.lab.yardsticks import Units, measure_units

SEVERAL = 8
"""Coins of a large exchange."""
BALANCE = 1_000_000_000
ONE_SECOND_AND_CORE = 2000
"""Exchanges of one coin."""
MOST_MS = 100
"""Of 99 exchanges in 100."""
QUIET_SECONDS = 30.0
NONE_OF_RSA = Rsa()
FLOOR = "its part of the floor"
MOVING = ("circulating", "circulating_keys")
"""Tables with a row for each coin that is held."""


@benchmark(question="How many exchanges of e-cash a second, and what is RSA's part in them?")
async def exchanges(
    bench: Bench,
    *,
    clients: Annotated[int, Option(min=2, help="Orders under way at the same time.")] = 32,
    orders: Annotated[int, Option(min=8, help="Exchanges of a round.")] = 256,
    rounds: Annotated[int, Option(min=1, help="Of each kind.")] = 4,
    peers: Annotated[int, Option(min=5, help="Whose withdrawals they are.")] = 8,
) -> None:
    """One coin server on a core of its own, everybody else on the others; RSA-2048.

    Withdrawals are ordered by peers, of which each costs more than the coin server: how many a
    second is theirs to say. Exchanges come from a lean wallet, which has signed and sealed them
    before the clock starts and only sends them then, so that the coin server's core is full: X1,
    and when all are answered, J2, with which the coin server forgets an answer. An exchange a
    second and core is one by what the processor time of both comes to. (With whole peers as
    wallets: `jangteo bench electronic_cash`.)

    Beside what the server needs stands its part of the floor: the cryptography it counted, the
    serving of an empty request for each message, its commits.
    """
    units = await measure_units()
    first: dict[str, Figure] = {}
    key = randomness.rsa_key(SMALLEST_MODULUS_BITS)
    engines = {engine(key).name: setting for setting, engine in ENGINES.items()}
    for name, setting in engines.items():  # one, where there is no OpenSSL
        blind = await measure_blind_units(ENGINES[setting])
        async with market(
            peers, protocols=("electronic_cash",), opening_balance=BALANCE, rsa=setting
        ) as place:
            desk = _Desk(bench, place, name, clients, units, blind, first)
            await desk.run(orders, rounds)
        bench.note(f"{name}: {blind.line()}")
    bench.note(
        f"{clients} at a time, {rounds} rounds of {orders} coins. Withdrawals are of {peers} "
        "peers, who with all others have the cores that are left: how many a second is theirs to "
        "say."
    )
    bench.note(
        "The private operation of RSA, where the engines differ, is the bank's alone: a coin "
        "server blinds what it has the bank sign and verifies coins of the bank, and signs its own "
        "coins with Ed25519."
    )
    bench.note(units.line())


class _Desk:
    """A coin server that is kept busy, with one engine."""

    def __init__(
        self,
        bench: Bench,
        place: Market,
        engine: str,
        clients: int,
        units: Units,
        blind: BlindUnits,
        first: dict[str, Figure],
    ) -> None:
        self._bench, self._place, self._engine, self._clients = bench, place, engine, clients
        self._units, self._blind = units, blind
        self._first = first
        """What was told with the first engine, by name."""
        self._server = place.world.of_role(Role.COIN_SERVER)[0]
        self._bank = place.world.of_role(Role.BANK_ACCOUNT_SERVER)[0]

    async def run(self, orders: int, rounds: int) -> None:
        world = self._place.world
        pids = {name: pid for name, node in world.nodes.items() if (pid := node.pid) is not None}
        server = pids.pop(self._server.name)
        wallet = LeanWallet(settings_in(world, "lean-wallet"))
        try:
            await wallet.start()
            with on_a_core_of_its_own(server, pids.values()) as pinned:
                if not pinned:
                    self._bench.note("One core: the coin server shares it.")
                await self._withdrawals(rounds)
                await wallet.withdraw(orders, self._server.name)
                rows = await self._rows(wallet)
                await self._exchanges(wallet, orders, rounds)
                self._check_rows(rows, await self._rows(wallet))
            wallet.node(world)
            await self._place.audit(self._bench)
        finally:
            world.nodes.pop("lean-wallet", None)
            await wallet.stop()

    # withdrawals, by peers

    async def _withdrawals(self, rounds: int) -> None:
        peers, walls = self._place.world.peers, list[float]()

        async def withdraw(peer: Node) -> None:
            began = time.perf_counter()
            asked = await self._place.control(
                peer, "cash_withdraw", amount=1, coin_server=self._server.name
            )
            await self._place.until(peer, str(asked["transaction"]), "completed")
            walls.append(1000 * (time.perf_counter() - began))

        async def all_at_once() -> None:
            turns = [peers[number % len(peers)] for number in range(self._clients)]
            await asyncio.gather(*map(withdraw, turns))

        await all_at_once()  # everybody knows everybody from now on
        walls.clear()
        parts = [await self._place.measure(self._clients, all_at_once) for _ in range(rounds)]
        what = "withdrawal of 1 coin"
        self._tell(f"{what}: orders a second", [1000 / part.wall for part in parts], "/s")
        self._tell_walls(what, walls)
        self._tell_cpu(f"{what}: CPU of the bank", self._bank, parts, Rsa(signed=1), headline=True)
        self._tell_cpu(f"{what}: CPU of the coin server", self._server, parts, Rsa(blinded=1))

    # exchanges, by the lean wallet

    async def _exchanges(self, wallet: LeanWallet, orders: int, rounds: int) -> None:
        home = await wallet.party.directory.card(bytes.fromhex(self._server.id))
        coins: Sequence[HeldCoin] = wallet.held[:orders]
        for kind in (
            _Kind("of 1 coin, withdrawn", rounds=1, rsa=Rsa(verified=1)),
            _Kind("of 1 coin", rounds, aimed=True),
            _Kind("of 1 coin, each on a connection of its own", rounds, alone=True),
            _Kind(f"of {SEVERAL} coins", rounds, size=SEVERAL),
        ):
            coins = await self._exchange(wallet, home, coins, kind)

    async def _exchange(
        self, wallet: LeanWallet, home: Card, coins: Sequence[HeldCoin], kind: "_Kind"
    ) -> Sequence[HeldCoin]:
        """As many new ones for all of them, as often as there are rounds; the last."""
        asked, kept, walls, failures = [], [], [], 0
        for _ in range(kind.rounds):
            groups = [coins[start : start + kind.size] for start in range(0, len(coins), kind.size)]
            made = await wallet.orders(groups, home)
            requests = wallet.requests(made, home)
            part, sent = await self._timed(home, requests, kind)
            coins = await wallet.settle(made, requests, sent, home)
            asked.append(part)
            part, done = await self._timed(home, wallet.acknowledgements(made, home), kind)
            kept.append(part)
            walls += sent.walls
            failures += sent.failures + done.failures
        self._tell_exchange(kind, asked, kept, walls)
        self._bench.check(
            f"{self._engine}: every exchange {kind.what} was carried out",
            failures == 0,
            f"{failures} failures of {len(walls)}",
        )
        return coins

    async def _timed(
        self, home: Card, requests: Sequence[Wrapped], kind: "_Kind"
    ) -> tuple[Spent, Sent]:
        found: list[Sent] = []

        async def send() -> None:
            found.append(await send_all(home, requests, self._clients, alone=kind.alone))

        return await self._place.measure(len(requests), send), found[0]

    # what is told

    def _tell_exchange(
        self, kind: "_Kind", asked: Sequence[Spent], kept: Sequence[Spent], walls: Sequence[float]
    ) -> None:
        what = f"exchange {kind.what}"
        both = [
            self._cpu(one, self._server) + self._cpu(other, self._server)
            for one, other in zip(asked, kept, strict=True)
        ]
        self._tell(
            f"{what}: exchanges a second and core of the coin server",
            [1000 / cpu for cpu in both],
            "/s",
            aim=ONE_SECOND_AND_CORE if kind.aimed else None,
            headline=kind.aimed or kind.size > 1,
        )
        self._tell(f"{what}: answered a second", [1000 / part.wall for part in asked], "/s")
        self._tell_walls(what, walls, aim=MOST_MS if kind.aimed else None)
        self._tell_cpu(f"{what}: CPU of the coin server", self._server, asked, kind.rsa)
        self._tell_cpu(f"{what}, acknowledged: CPU of the coin server", self._server, kept)
        busy = [self._cpu(part, self._server) / part.wall for part in asked]
        self._tell(f"{what}: share of its core in use", busy, "")

    def _tell_walls(self, what: str, walls: Sequence[float], aim: float | None = None) -> None:
        self._tell(f"{what}: wall, median", walls, "ms")
        last = sorted(walls)[math.ceil(0.99 * len(walls)) - 1]
        self._tell(f"{what}: wall, 99 of 100 within", [last], "ms", aim=aim, headline=bool(aim))

    def _tell_cpu(
        self,
        what: str,
        node: Node,
        parts: Sequence[Spent],
        rsa: Rsa = NONE_OF_RSA,
        *,
        headline: bool = False,
    ) -> None:
        whole = together(parts)
        counted = whole.nodes[node.name][1]
        least = floor_of_node(counted, whole.times, self._units, blind=self._blind, rsa=rsa)
        self._bench.figure(
            f"{self._engine}: {what}",
            [self._cpu(part, node) for part in parts],
            "ms",
            beside=least,
            beside_what=FLOOR,
            headline=headline,
        )

    def _cpu(self, part: Spent, node: Node) -> float:
        """Milliseconds of one node, a piece."""
        return 1000 * part.nodes[node.name][0] / part.times

    def _tell(
        self,
        what: str,
        values: Sequence[float],
        unit: str,
        *,
        aim: float | None = None,
        headline: bool = False,
    ) -> None:
        """Beside the aim; where there is none, beside the first engine."""
        first = self._first.get(what)
        beside, beside_what = (first.median, "the other engine") if first else (None, "")
        if aim is not None:
            beside, beside_what = aim, "the aim"
        made = self._bench.figure(
            f"{self._engine}: {what}",
            values,
            unit,
            beside=beside,
            beside_what=beside_what,
            headline=headline,
        )
        self._first.setdefault(what, made)

    # rows

    async def _rows(self, wallet: LeanWallet) -> tuple[int, int, int]:
        """Of coins in circulation, of all other tables; and how many coins are held."""
        async with asyncio.timeout(QUIET_SECONDS):
            while (ledger := await self._server.get("/inspect/ledger"))["cash_journal"]:
                await self._place.rest()
        rows: dict[str, int] = ledger["cash_rows"]
        held = len(wallet.held)
        for peer in self._place.world.peers:
            coins = (await peer.get("/inspect/ledger"))["cash_wallet"]
            held += sum(coin["state"] == "held" for coin in coins)
        others = sum(count for table, count in rows.items() if table not in MOVING)
        return rows["circulating"], others, held

    def _check_rows(self, before: tuple[int, int, int], after: tuple[int, int, int]) -> None:
        self._bench.check(
            f"{self._engine}: the coin server has a row for each coin held, none for one spent",
            all(rows == held for rows, _, held in (before, after)),
            f"{before[0]} before, {after[0]} after",
        )
        self._bench.check(f"{self._engine}: no other table of it has grown", after[1] == before[1])
        self._bench.figure(
            f"{self._engine}: rows of the coin server, after all exchanges",
            [after[0] + after[1]],
            "",
            beside=before[0] + before[1],
            beside_what="before",
        )


@dataclass(frozen=True)
class _Kind:
    what: str
    rounds: int
    size: int = 1
    rsa: Rsa = NONE_OF_RSA
    """Operations of RSA at the coin server, of each exchange."""
    alone: bool = False
    aimed: bool = False
