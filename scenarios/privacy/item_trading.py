"""Trading game items (IT, both models): who sells, who buys, whose money; section V (10)."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec

from crypto.documents import document_digest
from nodes.protocols.item_trading.documents import Deal
from nodes.protocols.message import Role as PartyRole
from scenarios.lab.facts import Cast, Claim, Fact, Measurement, Role, by_turns, ended, read_at
from scenarios.lab.items import bought, funded, life_of, signature_of
from scenarios.lab.linking import Tie
from scenarios.lab.node_client import Node
from scenarios.lab.world import World
from scenarios.privacy import electronic_cash

PROTOCOL, CASH = "item_trading", electronic_cash.PROTOCOL
DEAL_FIELDS = {field.name for field in msgspec.structs.fields(Deal)}
ROLES = (
    Role("C_1", "the seller", insider=True),
    Role("C_2", "the buyer", insider=True),
    Role("S", "the game server"),
    Role("M", "the market"),
    Role("B", "the bank's account server"),
    Role("CS", "the coin server"),
    Role("CA", "the certificate authority"),
    Role("P", "a player that takes no part"),
)
SELLER = Fact(
    "seller",
    "who sells in a trade",
    readable=("M", "S"),
    derivable=("B+CS",),
    claims=(Claim("M", True, "V (10)"), Claim("C_2", False, "V (10)")),
)
BUYER = Fact(
    "buyer",
    "who buys in a trade",
    readable=("M", "S"),
    derivable=("B+CS",),
    claims=(Claim("M", True, "V (10)"), Claim("C_1", False, "V (10)")),
)
TRADE = Fact(
    "trade",
    "who buys from whom",
    readable=("M", "S"),
    derivable=("B+CS",),
    guessed=("B",),
)
OWNER = Fact("owner", "who owned the item", readable=("M", "S"))
NEW_OWNER = Fact("new owner", "under which serial# the buyer owns it", readable=("S",))
CERTIFICATE = Fact(
    "certificate", "the seller's certificate with its signature", readable=("M", "S")
)
PRICE = Fact("price", "what a trade costs", readable=("M", "S"), derivable=("CS",))
PAYMENT = Fact("payment", "with which coins a trade is paid", readable=("CS",))
PAYER = Fact(
    "payer",
    "who withdrew those coins",
    derivable=("B+CS", "M+CS", "S+CS"),
    sealed=("B",),
)
FACTS = (SELLER, BUYER, TRADE, OWNER, NEW_OWNER, CERTIFICATE, PRICE, PAYMENT, PAYER)
DIRECT = (
    replace(SELLER, claims=(Claim("M", True, "V (10)"), Claim("C_2", True, "V (10)"))),
    replace(BUYER, claims=(Claim("M", True, "V (10)"), Claim("C_1", True, "V (10)"))),
    TRADE,
    OWNER,
    NEW_OWNER,
    replace(CERTIFICATE, readable=("S",), claims=(Claim("M", False, "4.3.2"),)),
    PRICE,
    PAYMENT,
    PAYER,
)


async def play(world: World, *, model: int) -> Sequence[Cast]:
    """Two items of one game change hands at one market, by turns. No amount repeats.

    Buyers withdraw just the price, and sellers take what they got to the bank.
    """
    game, market = (world.of_role(role)[0] for role in (PartyRole.GAME_SERVER, PartyRole.MARKET))
    ties: tuple[dict[str, Tie], dict[str, Tie]] = ({}, {})
    pairs = (world.peers[0:2], world.peers[2:4])
    await by_turns(
        _sells(pairs[0], game, market, ("Sword of dawn", model, 7), ties[0]),
        _sells(pairs[1], game, market, ("Shield of dusk", model, 24), ties[1]),
    )
    others = {
        "S": game,
        "M": market,
        "B": world.node("bank-account-server"),
        "CS": world.node("coin-server-1"),
        "CA": world.certificate_authority,
        "P": world.peers[4],
    }
    return [
        Cast({"C_1": seller, "C_2": buyer} | others, ("C_1", "C_2"), true)
        for (seller, buyer), true in zip(pairs, ties, strict=True)
    ]


async def _sells(
    pair: Sequence[Node],
    game: Node,
    market: Node,
    terms: tuple[str, int, int],
    ties: dict[str, Tie],
) -> AsyncIterator[None]:
    """`terms`: item, model, price."""
    (seller, buyer), (item, model, price) = pair, terms
    await funded(buyer, price)
    coins = await read_at(buyer, CASH, "W4")
    yield
    found = await game.control("item_found", owner=seller.name, item=item)
    named = {"game_server": game.name, "item": found["item"]}
    serial = str((await seller.control("item_certificate", **named))["serial"])
    signature = await signature_of(seller, serial)
    asked = {"serial": serial, "market": market.name, "price": price, "model": model}
    listing = (await ended(seller, "item_sell", "listed", **asked))["id"]
    yield
    trade = await bought(buyer, market, listing)
    await buyer.until(trade, "ready")
    yield
    await buyer.control("item_pay", transaction=trade)
    await buyer.until(trade, "registered")
    await seller.until(trade, "paid")
    await market.until(trade, "registered")
    yield
    await ended(seller, "cash_deposit", "settled", amount=price)
    newest = (await life_of(game, serial))[-1]["serial"]
    spent = {
        text
        for what, value in coins
        if what == "coins"
        for coin in value
        for text in (coin["key"], *electronic_cash.implied("", coin))
    }
    ties |= {
        "seller": Tie.of(seller.id, trade),
        "buyer": Tie.of(buyer.id, trade),
        "trade": Tie.of(seller.id, buyer.id),
        "owner": Tie.of(seller.id, serial),
        "new owner": Tie.of(buyer.id, newest),
        "certificate": Tie.of(signature),
        "price": Tie.of(trade, amount=price),
        "payment": Tie.of(trade, spent),
        "payer": Tie.of(buyer.id, spent),
    }


def implied(what: str, fields: Mapping[str, Any]) -> Iterable[str]:
    """Whoever has a deal computes its digest, under which the money waits."""
    if fields.keys() == DEAL_FIELDS and isinstance(fields["trade"], bytes):
        yield document_digest(Deal(**fields)).hex()
    yield from electronic_cash.implied(what, fields)


BY_MARKET = Measurement(
    name=PROTOCOL,
    protocol=PROTOCOL,
    title="Items sold by the market",
    roles=ROLES,
    facts=FACTS,
    play=partial(play, model=1),
    peers=5,
    servers_of=(PROTOCOL, CASH),
    implied=implied,
)
MEASUREMENTS = (
    BY_MARKET,
    replace(
        BY_MARKET,
        name=f"{PROTOCOL}, direct",
        title="Items sold by their owners",
        facts=DIRECT,
        play=partial(play, model=2),
    ),
)
