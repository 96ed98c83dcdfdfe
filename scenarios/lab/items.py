"""What scenarios of item trading have in common: certificates, orders, and whose an item is."""

from collections.abc import Mapping
from typing import Any

from scenarios.lab.live import LiveRun
from scenarios.lab.node_client import Node


async def funded(node: Node, amount: int) -> None:
    """E-cash from its account."""
    asked = await node.control("cash_withdraw", amount=amount)
    await node.until(asked["transaction"], "completed")


async def certify(run: LiveRun, game: Node, owner: Node, item: str) -> str:
    """Step 0: the owner finds an item and has it certified; its serial#."""
    found = await game.control("item_found", owner=owner.name, item=item)
    own = await owner.control("item_certificate", game_server=game.name, item=found["item"])
    await run.step("0", game, f'"{item}", found by {owner.name}', of=own["transaction"])
    await run.step("0r", owner, "its certificate, sealed", of=own["transaction"])
    return str(own["serial"])


async def bought(buyer: Node, market: Node, listing: str) -> str:
    """Step 3: the line of the market's list is ordered; the trade."""
    shown = (await buyer.control("item_list", market=market.name))["items"]
    line = next(item["listed"] for item in shown if item["listing"] == listing)
    return str((await buyer.control("item_order", market=market.name, listed=line))["transaction"])


async def cash_held(node: Node) -> int:
    """What its e-cash is worth."""
    rows = (await node.get("/inspect/ledger"))["cash_wallet"]
    return sum(int(row["amount"]) for row in rows if row["state"] == "held")


async def signature_of(node: Node, serial: str) -> str:
    """The game server's signature on a certificate this party has, hex of 256 bytes."""
    rows = (await node.get("/inspect/ledger"))["item_certificates"]
    return next(str(row["certificate"])[-512:] for row in rows if row["serial"] == serial)


async def life_of(game: Node, serial: str) -> list[dict[str, Any]]:
    """An item's certificates from that one on, as the game server has them, the newest last."""
    rows = {row["serial"]: row for row in (await game.get("/inspect/ledger"))["items"]}
    life = []
    while serial:
        life.append(rows[serial])
        serial = rows[serial]["replaced_by"]
    return life


async def holders(game: Node, item: str) -> list[str]:
    """Who has such an item in the game's world."""
    rows = (await game.get("/inspect/ledger"))["world"]
    return [row["owner"] for row in rows if row["item"] == item]


async def check_sold(
    run: LiveRun, game: Node, serial: str, price: int, before: Mapping[Node, int]
) -> str:
    """One new certificate, the buyer's; the price moved. `before`: seller, then buyer. The serial#.

    The game's name of an item is its certificate's serial#, so a sold item has another one.
    """
    seller, buyer = before
    life = await life_of(game, serial)
    run.check("the item is the buyer's", life[-1]["owner"] == buyer.id)
    states = [row["state"] for row in life]
    run.check("the old certificate is revoked", states == ["revoked", "current"], f"{states}")
    for node, change in ((seller, price), (buyer, -price)):
        now, was = await cash_held(node), before[node]
        run.check(f"{node.name}: {change:+d}", now == was + change, f"{was} to {now}")
    return str(life[-1]["serial"])
