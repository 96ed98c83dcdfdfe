"""E-cash: withdrawal, exchange of 1 coin and of 8, payment with change, deposit; what is kept."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated

from typer import Option

from nodes.protocols.message import Role
from scenarios.lab.benchmark import Bench, benchmark
from scenarios.lab.floors import (
    WHAT,
    BlindUnits,
    Rsa,
    floor,
    floor_of_node,
    measure_blind_units,
)
from scenarios.lab.market_costs import Market, Spent, market, together
from scenarios.lab.world import Node
from scenarios.lab.yardsticks import Units, measure_units

SEVERAL = (128, 64, 32, 16, 8, 4, 2, 1)
"""What is withdrawn for an exchange of eight coins: one of each denomination."""
WANTED = (128, 64, 32, 16, 8, 4, 3)
"""What they become: a wallet asks for seven new coins at most."""
PURSE, PRICE = 4096, 1
"""One large coin, so that every payment has change."""
QUIET_SECONDS = 30.0
ALONE = "its part of the floor"
MOVING = ("circulating", "circulating_keys", "directory", "")
"""Rows that may grow: of coins held, of parties that were looked up; and what the wallets hold."""


@benchmark(question="What do e-cash's exchange, payment, withdrawal and deposit cost?")
async def electronic_cash(
    bench: Bench,
    *,
    clients: Annotated[int, Option(min=2, help="Orders under way at the same time.")] = 32,
    peers: Annotated[int, Option(min=5, help="Whose orders they are.")] = 8,
    rounds: Annotated[int, Option(min=1, help="Of each kind: so many orders of each client.")] = 3,
) -> None:
    """All peers order at once at one coin server, RSA-2048: each client one order after another.

    The floor of all processes is the cryptography that the nodes counted, an empty HTTP request for
    each message and a durable commit for each that was made; that of the coin server is its own
    part of it. All at the unit costs of this very run.
    """
    units, blind = await measure_units(), await measure_blind_units()
    async with market(peers, protocols=("electronic_cash",), opening_balance=1_000_000) as place:
        till = _Till(bench, place, clients, units, blind)
        await till.prepare()
        await till.measure("withdrawal of 1 coin", rounds, till.withdraw, _signed(1))
        before = await till.rows()
        await till.measure(
            "exchange of 1 coin", rounds, till.exchange_one, _verified(1), headline=True
        )
        await till.measure(
            f"exchange of {len(SEVERAL)} coins",
            rounds,
            till.exchange_several,
            _verified(len(SEVERAL)),
            prepare=till.prepare_several,
            headline=True,
        )
        await till.prepare_purses()
        await till.measure("payment with change", rounds, till.pay, Rsa(), headline=True)
        await till.measure("deposit", rounds, till.deposit, Rsa())
        after = await till.rows()
        _check_rows(bench, before, after)
        await place.audit(bench)
    bench.note(f"{clients} orders at a time of {peers} peers, one coin server, {rounds} rounds.")
    bench.note(units.line())
    bench.note(blind.line())


def _signed(coins: int) -> Rsa:
    """A withdrawal: signed by the bank, blinded by the coin server and by the wallet, checked."""
    return Rsa(signed=coins, blinded=2 * coins, verified=coins)


def _verified(coins: int) -> Rsa:
    return Rsa(verified=coins)


class _Till:
    """The orders, and what they cost."""

    def __init__(
        self, bench: Bench, place: Market, clients: int, units: Units, blind: BlindUnits
    ) -> None:
        self._bench, self._place, self._clients = bench, place, clients
        self._units, self._blind = units, blind
        self._server = place.world.of_role(Role.COIN_SERVER)[0]
        self._peers = place.world.peers
        self._asking = {peer.name: asyncio.Lock() for peer in self._peers}

    async def prepare(self) -> None:
        for peer in self._peers:
            await self._place.control(peer, "cash_use", coin_server=self._server.name)
            await self.withdraw(peer)

    async def prepare_several(self) -> None:
        """One large coin that none of the orders fits, and new ones for as many as are at work."""
        each = -(-self._clients // len(self._peers))
        for peer in self._peers:
            await self._gather(peer)
            await asyncio.gather(*(self._withdraw(peer, sum(SEVERAL)) for _ in range(each)))

    async def prepare_purses(self) -> None:
        """As many large coins as are at work at once, and no small one."""
        each = -(-self._clients // len(self._peers))
        for peer in self._peers:
            await self._withdraw(peer, PURSE)
            await self._gather(peer)
            if each > 1:
                amounts = [PURSE // each] * (each - 1)
                await self._order(peer, "cash_exchange", "settled", amounts=amounts)

    async def _gather(self, peer: Node) -> None:
        """One coin of all that is held."""
        while await self._held(peer) > 1:
            await self._order(peer, "cash_exchange", "settled")

    async def _held(self, peer: Node) -> int:
        coins = (await peer.get("/inspect/ledger"))["cash_wallet"]
        at_home = [coin for coin in coins if coin["coin_server"] == self._server.id]
        return sum(coin["state"] == "held" for coin in at_home)

    async def withdraw(self, peer: Node) -> None:
        await self._withdraw(peer, 1)

    async def _withdraw(self, peer: Node, amount: int) -> None:
        await self._order(peer, "cash_withdraw", "completed", amount=amount)

    async def exchange_one(self, peer: Node) -> None:
        await self._order(peer, "cash_exchange", "settled", amounts=[1])

    async def exchange_several(self, peer: Node) -> None:
        await self._order(peer, "cash_exchange", "settled", amounts=WANTED)

    async def pay(self, peer: Node) -> None:
        other = self._peers[(self._peers.index(peer) + 1) % len(self._peers)]
        await self._order(peer, "cash_pay", "settled", to=other.name, amount=PRICE)

    async def deposit(self, peer: Node) -> None:
        await self._order(peer, "cash_deposit", "settled", amount=PRICE)

    async def _order(self, peer: Node, operation: str, ends: str, **fields: object) -> None:
        if operation != "cash_pay":
            fields["coin_server"] = self._server.name
        async with self._asking[peer.name]:  # two at once would choose the same coins
            asked = await self._place.control(peer, operation, **fields)
        await self._place.until(peer, str(asked["transaction"]), ends)

    async def measure(
        self,
        what: str,
        rounds: int,
        order: Callable[[Node], Awaitable[None]],
        rsa: Rsa,
        *,
        prepare: Callable[[], Awaitable[None]] | None = None,
        headline: bool = False,
    ) -> None:
        async def all_at_once() -> None:
            turns = [self._peers[number % len(self._peers)] for number in range(self._clients)]
            await asyncio.gather(*(order(peer) for peer in turns))

        parts = []
        for _ in range(rounds):
            if prepare is not None:
                await prepare()
            parts.append(await self._place.measure(self._clients, all_at_once))
        spent = together(parts)
        least = floor(spent, self._units, blind=self._blind, rsa=rsa)
        self._bench.figure(
            f"{what}: CPU of all processes",
            [part.cpu for part in parts],
            "ms",
            beside=least,
            beside_what=WHAT,
            headline=headline,
        )
        self._tell_server(what, parts, rsa, headline=headline)
        self._bench.figure(f"{what}: orders a second", [1000 / part.wall for part in parts], "/s")
        self._bench.note(spent.line(self._units, what))
        self._bench.note(spent.operations(what))
        self._bench.check(f"{what}: costs more than its floor", spent.cpu > least)

    def _tell_server(self, what: str, parts: Sequence[Spent], rsa: Rsa, *, headline: bool) -> None:
        """What one more coin server would be needed for."""
        seconds, counted = together(parts).nodes[self._server.name]
        times = sum(part.times for part in parts)
        own = Rsa(blinded=rsa.blinded / 2) if rsa.signed else Rsa(verified=rsa.verified)
        least = floor_of_node(counted, times, self._units, blind=self._blind, rsa=own)
        self._bench.figure(
            f"{what}: CPU of the coin server",
            [1000 * part.nodes[self._server.name][0] / part.times for part in parts],
            "ms",
            beside=least,
            beside_what=ALONE,
            headline=headline,
        )
        self._bench.note(
            f"{what}: the coin server alone could do {times / seconds:.0f}/s on one core; its "
            f"messages {counted['messages'] / times:.1f}, commits {counted['commits'] / times:.2f}"
        )

    async def rows(self) -> Mapping[str, int]:
        """Of each table of the coin server, and what the wallets hold, when nothing is owed."""
        async with asyncio.timeout(QUIET_SECONDS):
            while (ledger := await self._server.get("/inspect/ledger"))["cash_journal"]:
                await self._place.rest()
        held = sum([await self._held(peer) for peer in self._peers])
        rows: dict[str, int] = dict(ledger["cash_rows"])
        return {**rows, "": held}


def _check_rows(bench: Bench, before: Mapping[str, int], after: Mapping[str, int]) -> None:
    others = [sum(n for t, n in rows.items() if t not in MOVING) for rows in (before, after)]
    bench.check(
        "the coin server keeps a row for each coin held, and none for one that was spent",
        all(rows["circulating"] == rows[""] for rows in (before, after)),
        f"{before['circulating']} before, {after['circulating']} after",
    )
    grown = ", ".join(
        f"{table} {before.get(table, 0)} to {rows}"
        for table, rows in after.items()
        if table not in MOVING and rows != before.get(table, 0)
    )
    bench.check("no other table of it has grown", others[0] == others[1], grown)
    bench.figure(
        "rows of the coin server, those of the coins held aside, after all",
        [others[1]],
        "",
        beside=others[0],
        beside_what="after the withdrawals",
        headline=True,
    )
