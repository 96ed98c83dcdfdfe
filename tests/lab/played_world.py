"""One real world in which every protocol was used, and the folder it left behind.

    folder = await play_and_stop(place)             # its evidence lies beside it

A sale that was paid and one that was refunded, coins paid and redeemed, e-cash paid across two
coin servers and deposited, purchases under a pseudonym, an item sold by the market and one by its
owner. The nodes have ended; what they had on disk lies in `place`.
"""

import asyncio
import shutil
from pathlib import Path
from typing import Any

from nodes.cash_wallet.sale_payment import INSTRUMENT as E_CASH
from nodes.protocols.message import Role
from scenarios.lab.auditor import audit_settled, verdict_of
from scenarios.lab.evidence_files import write_evidence
from scenarios.lab.node_client import Node
from scenarios.lab.world import World
from scenarios.lab.world_folder import WorldFolder

PEERS = 5
PROTOCOLS = (
    "escrow_commerce",
    "dht_micropayment",
    "electronic_cash",
    "anonymous_micropayment",
    "item_trading",
)
COINS = "dht-coins"
GARBAGE_SELLER = "peer-04"
PROGRAMS = {GARBAGE_SELLER: "scenarios.adversaries.garbage_seller"}
SETTINGS = {"clearing_seconds": "0.1"}
TEXT = "Whatever is damaged is named."
SETTLE_SECONDS = 30.0


async def play_and_stop(place: Path) -> WorldFolder:
    """The folder of a world that was used and has stopped."""

    def keep(folder: WorldFolder) -> None:
        shutil.copytree(folder.path, place, ignore=shutil.ignore_patterns("*.sock"))

    async with World.start_temporary(
        peers=PEERS,
        settings=SETTINGS,
        protocols=PROTOCOLS,
        programs=PROGRAMS,
        at_end=keep,
    ) as world:
        await play(world, place.parent)
        await cleared(world.node("coin-server-2"))
        await write_evidence(place.parent, await all_transactions(world), world.nodes.values())
        _, checks = await audit_settled(world.nodes.values(), seconds=SETTLE_SECONDS)
        assert verdict_of(checks) == "ok", [check for check in checks if check.holds is not True]
    return WorldFolder(place)


async def play(world: World, scratch: Path) -> None:
    """What has no coin in common runs at once."""
    await asyncio.gather(
        play_sales(world, scratch), play_cash_and_items(world), play_prepaid(world)
    )
    one, _, three, *_ = world.peers
    sale = await bought(one, three, scratch / "content.txt", 3, E_CASH)
    for payer in (one, world.escrow_server):
        await payer.until(sale, "settled")


async def done(node: Node, operation: str, *states: str, **fields: Any) -> str:
    """Ask for an operation and wait for its end; the transaction."""
    transaction = str((await node.control(operation, **fields))["transaction"])
    await node.until(transaction, *states)
    return transaction


async def all_transactions(world: World) -> dict[str, set[str]]:
    """By id, who has a record of it."""
    found: dict[str, set[str]] = {}
    for name, shown in (await world.get_all("/inspect/transactions")).items():
        for row in shown["transactions"]:
            found.setdefault(row["id"], set()).add(name)
    return found


async def cleared(coin_server: Node) -> None:
    """Wait until nobody owes it anything."""
    seen = 0
    while (await coin_server.get("/inspect/ledger"))["cash_debts"]:
        for row in await coin_server.trace(after=seen, wait=5):
            seen = max(seen, int(row["n"]))


# coins and sales


async def play_sales(world: World, scratch: Path) -> None:
    one, two, three, cheat, _ = world.peers
    content = scratch / "content.txt"
    content.write_text(TEXT)
    await done(one, "withdraw", "held", count=6)
    await bought(one, three, content, 2)
    await refunded(one, cheat, content, 1)
    await done(one, "transfer", "paid", to=two.name, count=2)
    await done(two, "redeem", "credited", count=1)


async def bought(
    buyer: Node, seller: Node, content: Path, price: int, instrument: str = COINS
) -> str:
    sale = await _ordered(buyer, seller, content, price, instrument)
    await buyer.until(sale, "opened")
    await buyer.control("accept", transaction=sale)
    await seller.until(sale, "paid")
    return sale


async def refunded(buyer: Node, seller: Node, content: Path, price: int) -> str:
    sale = await _ordered(buyer, seller, content, price)
    await buyer.until(sale, "garbage")
    await buyer.control("dispute", transaction=sale)
    await buyer.until(sale, "refunded")
    return sale


async def _ordered(
    buyer: Node, seller: Node, content: Path, price: int, instrument: str = COINS
) -> str:
    own = await seller.upload(content)
    title = f"a text of {seller.name} for {price}"
    await seller.control("offer", content_id=own["content_id"], description=title, price=price)
    found = await buyer.control("search", words=title)
    sale = str((await buyer.control("order", offer=found["selected"]["offer"]))["transaction"])
    await buyer.until(sale, "ciphertext-held")
    await buyer.control("pay", transaction=sale, instrument=instrument)
    return sale


# e-cash and items


async def play_cash_and_items(world: World) -> None:
    one, two, three, *_ = world.peers
    home, other = world.of_role(Role.COIN_SERVER)
    await done(one, "cash_withdraw", "completed", amount=40, coin_server=home.name)
    await done(one, "cash_pay", "settled", to=two.name, amount=7)
    await three.control("cash_use", coin_server=other.name)
    await done(one, "cash_pay", "settled", to=three.name, amount=5)
    await done(two, "cash_deposit", "settled", amount=3)
    await item_sold(world, three, one, 1)
    await item_sold(world, two, one, 2)


async def item_sold(world: World, seller: Node, buyer: Node, model: int) -> str:
    game, market = world.of_role(Role.GAME_SERVER)[0], world.of_role(Role.MARKET)[0]
    found = await game.control("item_found", owner=seller.name, item=f"Sword {model}")
    own = await seller.control("item_certificate", game_server=game.name, item=found["item"])
    offer = {"serial": own["serial"], "market": market.name, "price": 4, "model": model}
    listing = await done(seller, "item_sell", "listed", **offer)
    shown = (await buyer.control("item_list", market=market.name))["items"]
    line = next(item["listed"] for item in shown if item["listing"] == listing)
    trade = await done(buyer, "item_order", "ready", market=market.name, listed=line)
    await buyer.control("item_pay", transaction=trade)
    await buyer.until(trade, "registered")
    await seller.until(trade, "paid")
    return trade


# pseudonyms


async def play_prepaid(world: World) -> None:
    vendor, customer = world.peers[1], world.peers[4]
    await vendor.control("pid_sell", goods="poem", price=4, text=TEXT)
    await done(customer, "pid_pseudonym", "named")
    await done(customer, "pid_vouchers", "held", amount=20)
    await done(customer, "pid_deposit", "confirmed", amount=14)
    await done(customer, "cash_withdraw", "completed", amount=6)
    await done(customer, "pid_deposit", "confirmed", amount=6, by="ecash")
    for _ in range(2):
        await done(customer, "pid_buy", "delivered", vendor=vendor.name, goods="poem", price=4)
