"""E-cash (BS): a coin server keeps what circulates, and nothing of what was spent; BS-04."""

import asyncio
from collections.abc import Mapping
from typing import Annotated

from typer import Option

from scenarios.lab.live import LiveRun, StepMissing
from scenarios.lab.scenario import main, scenario
from scenarios.lab.wording import count
from scenarios.lab.world import Node

PURSE = 60
"""What each payer withdraws."""
HIGHEST_PRICE = 5
QUIET_POINTS = 5
QUIET_SECONDS = 30.0
MOVING = ("circulating", "circulating_keys")
"""The tables that hold a row for each coin in circulation."""

Rows = Mapping[str, Mapping[str, int]]
"""How many rows each table has, by coin server."""


@scenario(title="Many payments, no spent coins", protocols=("electronic_cash",), peers=5)
async def ecash_many_payments(
    run: LiveRun,
    *,
    times: Annotated[int, Option(min=10, max=5000, help="Payments.")] = 200,
) -> None:
    """Peers pay each other with change, on and on, and no coin server's database grows.

    Two payers withdraw at each coin server; everybody pays everybody, with coins of both. Now and
    then all is quiet: then the databases have a row for each coin in some wallet and none for a
    coin that was spent, and their journals are empty.
    """
    players = run.cast("C", "C'", "C''", "C'''")
    run.name(run.broker, "")
    await _withdraw_all(run, players)
    await _gather_coins(run, players)
    before = await _quiet(run)
    started = await run.messages_to(run.bank)
    await _check_quiet_point(run, 0, before, before)
    spent_before = await _spent(run, players)

    done = 0
    for point in range(1, QUIET_POINTS + 1):
        upto = times * point // QUIET_POINTS
        await _pay(run, players, upto - done)
        done = upto
        rows = await _quiet(run)
        await _check_quiet_point(run, done, rows, before)
        await run.say(f"{done} payments: {_told(rows)}")

    told = await run.messages_to(run.bank) - started
    run.check("the bank heard of none of them", told == 0, f"{told} messages to it")
    spent = await _spent(run, players) - spent_before
    run.check("each payment spent a coin or more", spent >= times, f"{count(spent, 'coin')} spent")
    await _gather_coins(run, players)
    after = await _quiet(run)
    left = sum(tables["circulating"] for tables in after.values())
    few = left <= len(players) * len(run.coin_servers)
    run.check("gathered, they are as few as before the first", few, _told(after))
    run.conclude(
        f"{times} payments spent {count(spent, 'coin')}; a list of spent coins would have as many "
        f"more rows, and the coin servers have {_told(after)}."
    )


async def _withdraw_all(run: LiveRun, players: tuple[Node, ...]) -> None:
    for number, node in enumerate(players):
        server = run.coin_servers[number % len(run.coin_servers)]
        asked = await node.control("cash_withdraw", amount=PURSE, coin_server=server.name)
        await node.until(asked["transaction"], "completed")


async def _gather_coins(run: LiveRun, players: tuple[Node, ...]) -> None:
    """Each player makes one coin of all it has at a coin server."""
    for node in players:
        for server in run.coin_servers:
            while len([c for c in await run.cash(node) if c["coin_server"] == server.id]) > 1:
                asked = await node.control("cash_exchange", coin_server=server.name)
                await node.until(asked["transaction"], "settled")


async def _pay(run: LiveRun, players: tuple[Node, ...], times: int) -> None:
    """So many payments: in each round all pay the same at once, each another, so no purse dries."""
    for left in range(times, 0, -len(players)):
        steps = run.random.randrange(1, len(players))
        price = run.random.randint(1, HIGHEST_PRICE)
        payees = players[steps:] + players[:steps]
        pairs = list(zip(players, payees, strict=True))[:left]
        await asyncio.gather(*(_pay_once(payer, payee, price) for payer, payee in pairs))


async def _pay_once(payer: Node, payee: Node, price: int) -> None:
    asked = await payer.control("cash_pay", to=payee.name, amount=price)
    await payer.until(asked["transaction"], "settled")


# what is kept


async def _quiet(run: LiveRun) -> Rows:
    """Rows of every table of each coin server, as soon as nobody owes it a word.

    Raises StepMissing when an answer stays unacknowledged.
    """
    rows = {}
    for server in run.coin_servers:
        try:
            async with asyncio.timeout(QUIET_SECONDS):
                while (ledger := await server.get("/inspect/ledger"))["cash_journal"]:
                    await run.recorder.follow(server, wait=1)
        except TimeoutError:
            raise StepMissing(
                f"{server.name} still keeps {ledger['cash_journal']} answers "
                f"{QUIET_SECONDS:g} s after the last payment"
            ) from None
        rows[server.name] = ledger["cash_rows"]
    return rows


async def _wallets(run: LiveRun) -> set[tuple[str, str, int]]:
    """Coin server, serial number and amount of each coin that somebody holds."""
    held = await asyncio.gather(*(run.cash(node) for node in run.world.peers))
    return {(c["coin_server"], c["serial"], c["amount"]) for coins in held for c in coins}


async def _spent(run: LiveRun, players: tuple[Node, ...]) -> int:
    """How many coins their holders remember to have spent."""
    return sum([len(await run.cash(node, "spent")) for node in players])


async def _check_quiet_point(run: LiveRun, done: int, rows: Rows, before: Rows) -> None:
    held = await _wallets(run)
    circulating = set()
    for server in run.coin_servers:
        for coin in (await server.get("/inspect/ledger"))["cash_coins"]:
            circulating.add((server.id, coin["serial"], coin["amount"]))
    kept = sum(tables["circulating"] for tables in rows.values())
    fits = circulating == held and kept == len(held)
    told = f"{kept} rows, {count(len(held), 'coin')} in wallets"
    run.check(f"after {done} payments: a row for each coin held, no other", fits, told)
    others = [_without_coins(of) for of in (rows, before)]
    run.check(f"after {done} payments: nothing else has grown", others[0] == others[1], _told(rows))


def _without_coins(rows: Rows) -> Rows:
    return {
        server: {table: n for table, n in tables.items() if table not in MOVING}
        for server, tables in rows.items()
    }


def _told(rows: Rows) -> str:
    """For people: rows in all, and how many of them are coins."""
    total = sum(sum(tables.values()) for tables in rows.values())
    coins = sum(tables["circulating"] for tables in rows.values())
    return f"{total} rows in all, for {count(coins, 'coin')}"


if __name__ == "__main__":
    main(ecash_many_payments)
