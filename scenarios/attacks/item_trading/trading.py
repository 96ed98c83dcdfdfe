"""What attacks on item trades begin with: a certified item, a line in a list, an order."""

import asyncio
from collections.abc import Iterable
from typing import Any

from crypto import codec
from crypto.sealing import SealingKey
from nodes.protocols.item_trading.certificate import read_certificate
from nodes.protocols.item_trading.documents import Certificate, Deal, Goods, ItemCertificate
from nodes.protocols.item_trading.payment import reference_of
from nodes.protocols.item_trading.players import Purchase
from nodes.protocols.item_trading.reading import key_context, unlock
from nodes.protocols.message import Message
from nodes.runtime.observer import Row
from scenarios.adversaries.outsider import Mallory
from scenarios.lab.acting import Act
from scenarios.lab.items import bought
from scenarios.lab.live import STEP_SECONDS
from scenarios.lab.node_client import Node

PRICE = 30
SWORD = "Sword of dawn, level 12"
TRADE_SECONDS = 61.0
"""After that the time of any trade is over."""


async def certified(act: Act, owner: Node, item: str = SWORD) -> str:
    """An item of the first game, with its certificate: the serial#."""
    game = act.live.game_servers[0]
    found = await game.control("item_found", owner=owner.name, item=item)
    own = await owner.control("item_certificate", game_server=game.name, item=found["item"])
    return str(own["serial"])


async def listed(
    owner: Node, market: Node, serial: str, model: int, *, valid_seconds: float = 24 * 3600.0
) -> str:
    """On sale for PRICE: the listing."""
    asked = await owner.control(
        "item_sell",
        serial=serial,
        market=market.name,
        price=PRICE,
        model=model,
        valid_seconds=valid_seconds,
    )
    await owner.until(asked["transaction"], "listed")
    return str(asked["transaction"])


async def offered(act: Act, owner: Node, model: int, market: Node | None = None) -> str:
    """A sword on sale at the first market, or at that one: the listing."""
    serial = await certified(act, owner)
    return await listed(owner, market or act.live.markets[0], serial, model)


async def ordered(buyer: Node, market: Node, listing: str) -> str:
    """Ordered, and what must come before the money has come: the trade."""
    trade = await bought(buyer, market, listing)
    await buyer.until(trade, "ready")
    return trade


async def sold(buyer: Node, seller: Node, market: Node, listing: str) -> str:
    """From the order to the end, honestly: the trade."""
    trade = await ordered(buyer, market, listing)
    await buyer.control("item_pay", transaction=trade)
    await buyer.until(trade, "registered")
    await seller.until(trade, "paid")
    await market.until(trade, "registered")
    return trade


async def answered(act: Act, step: str, at: Node, trade: str) -> str:
    """What a step of this node was answered with: `ok`, or the code of the refusal."""
    recorder = act.live.recorder
    async with asyncio.timeout(STEP_SECONDS):
        while (answer := _answer(step, trade, recorder.rows.get(at.name, ()))) is None:
            await recorder.follow(at, wait=10)
    return answer.outcome


def _answer(step: str, trade: str, rows: Iterable[Row]) -> Row | None:
    """The first row behind the step that came from whom it went to."""
    asked = ""
    for row in rows:
        if row.transaction != trade:
            continue
        if (row.kind, row.direction, row.step) == ("request", "out", step):
            asked = row.receiver
        elif asked and (row.kind, row.sender) == ("answer", asked):
            return row
    return None


async def time_is_over(act: Act) -> None:
    """Every trade that has not ended is voided, and what was paid for it comes back."""
    await act.live.advance(TRADE_SECONDS)


async def copy_of(owner: Node, serial: str) -> ItemCertificate:
    """A copy of an item's certificate, as whoever once read it has one."""
    rows = (await owner.get("/inspect/ledger"))["item_certificates"]
    shown = next(row["certificate"] for row in rows if row["serial"] == serial)
    return codec.decode(bytes.fromhex(shown), ItemCertificate)


def content_of(certificate: ItemCertificate) -> Certificate:
    return read_certificate(certificate.content)


def purchase_of(mallory: Mallory, trade: str) -> Purchase:
    """What a cheat knows of a trade it buys in."""
    books = mallory.items.books
    return books.purchase(books.reader, bytes.fromhex(trade))


async def tapped(node: Node, step: str, trade: str) -> dict[str, Any]:
    """A message to this node that is not sealed, as whoever taps the line has it; ids are hex."""
    read = (await node.get("/inspect/view"))["read"]
    named = (row for row in read if (row["step"], row["transaction"]) == (step, trade))
    return dict(next(named)["value"])


def hears_only(mallory: Mallory, type_: type[Message]) -> None:
    """From now on messages of this type are kept, and nothing follows from them."""
    mallory.service.inbound.replace(type_, mallory._hear)


def deal_in(sent: dict[str, Any]) -> Deal:
    """Of a tapped 2.5."""
    return codec.decode(bytes.fromhex(sent["deal"]["content"]), Deal)


async def opened_with(key: SealingKey, buyer: Node, trade: str) -> Goods:
    """What was sent encrypted to this buyer, as whoever its key was sealed for reads it."""
    sent, key_info = await tapped(buyer, "2.5", trade), await tapped(buyer, "2.8", trade)
    deal = reference_of(deal_in(sent))
    sealed = bytes.fromhex(key_info["sealed_key"])
    return unlock(bytes.fromhex(sent["ciphertext"]), key.open(sealed, key_context(deal)), deal)
