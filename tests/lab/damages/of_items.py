"""Items: their certificates, the world, trades at game server and market, and what players have."""

from typing import Any

import msgspec

from crypto import codec
from crypto.documents import Signed
from nodes.peer.item_trading.books import OwnItem
from nodes.protocols.item_trading.certificate import read_certificate
from nodes.protocols.item_trading.documents import Deal
from nodes.protocols.item_trading.players import BuyerState, Purchase, Sale, SaleState
from nodes.protocols.item_trading.state import (
    Brokerage,
    BrokerageState,
    GameTrade,
    ItemRecord,
    ItemState,
    TradeState,
    WorldItem,
)
from tests.lab.damages.damage import Damage, Ids, but, flipped, gone, plus

GAME, MARKET = "game-server-1", "market-1"
ONE = "each item has one certificate that counts"
CHECKED = "every item certificate checks offline"
OWNED = "owners have their items' certificates"
DOUBLED = "no item twice in its game's world"
WORLD = "items in the world are their owners'"
ENDED = "no trade both registered and void"
AGREED = "all agree on each trade"
KEPT = "items are kept for running trades only"


def item(row: ItemRecord) -> str:
    return f'"{row.item}" ({row.serial.hex()[:8]})'


def own(row: OwnItem) -> str:
    certificate = read_certificate(row.certificate.content)
    return f'"{certificate.item}" ({certificate.serial.hex()[:8]})'


def trade(row: Any) -> str:
    return f"trade {row.trade.hex()[:8]} of 4"


def in_game(row: GameTrade) -> str:
    return trade(codec.decode(row.deal.content, Deal))


def is_current(row: ItemRecord, ids: Ids) -> bool:
    return row.state is ItemState.CURRENT


def is_revoked(row: ItemRecord, ids: Ids) -> bool:
    return row.state is ItemState.REVOKED


def to_another(row: Any, ids: Ids) -> Any:
    return but(owner=ids["peer-05"])(row, ids)


def forged(row: Any, ids: Ids) -> Any:
    signature = flipped(row.certificate.signature)
    certificate = msgspec.structs.replace(row.certificate, signature=signature)
    return msgspec.structs.replace(row, certificate=certificate)


def dearer(signed: Signed[Deal]) -> Signed[Deal]:
    deal = msgspec.structs.replace(codec.decode(signed.content, Deal), price=9)
    return Signed(codec.encode(deal), signed.signatures)


def another_word(row: Brokerage, ids: Ids) -> Brokerage:
    assert row.word is not None, "it has ended"
    (signature,) = row.word.signatures
    word = Signed(row.word.content, (flipped(signature),))
    return msgspec.structs.replace(row, word=word)


def unsigned_word(row: GameTrade, ids: Ids) -> GameTrade:
    assert row.word is not None, "it has ended"
    return msgspec.structs.replace(row, word=Signed(row.word.content, (bytes(64),)))


DAMAGES = (
    Damage(
        "an item with another owner",
        GAME,
        "items",
        ItemRecord,
        CHECKED,
        lambda row, ids: (f"{GAME}: {item(row)} of peer-05 is not as certified",),
        to_another,
        is_current,
    ),
    Damage(
        "an item that is another",
        GAME,
        "items",
        ItemRecord,
        CHECKED,
        lambda row, ids: (f'"Crown" ({row.serial.hex()[:8]}) of peer-01 is not as certified',),
        but(item="Crown"),
        is_current,
    ),
    Damage(
        "a certificate with a forged signature",
        GAME,
        "items",
        ItemRecord,
        CHECKED,
        lambda row, ids: (f"{GAME}: {item(row)} of peer-0", "is not as certified"),
        forged,
        is_revoked,
    ),
    Damage(
        "a revoked certificate that counts again",
        GAME,
        "items",
        ItemRecord,
        ONE,
        lambda row, ids: (f"{item(row)} is current, replaced by",),
        but(state=ItemState.CURRENT),
        is_revoked,
    ),
    Damage(
        "a certificate forgotten",
        GAME,
        "items",
        ItemRecord,
        ONE,
        lambda row, ids: ("was replaced by what does not replace it", row.item),
        gone,
        is_current,
    ),
    Damage(
        "an item kept for no trade",
        GAME,
        "items",
        ItemRecord,
        KEPT,
        lambda row, ids: (f"{GAME}: {item(row)} is kept for a trade that does not run",),
        but(reserved_for=bytes(32)),
        is_current,
    ),
    Damage(
        "an item with somebody else in the world",
        GAME,
        "world",
        WorldItem,
        WORLD,
        lambda row, ids: (row.item, "of peer-01 is peer-05's", "in the world"),
        to_another,
    ),
    Damage(
        "an item that is gone from the world",
        GAME,
        "world",
        WorldItem,
        WORLD,
        lambda row, ids: (f'"{row.item}"', "of peer-01 is not in the world"),
        gone,
    ),
    Damage(
        "an item that is back under its old name",
        GAME,
        "items",
        ItemRecord,
        DOUBLED,
        lambda row, ids: (f"are one item, {row.item}", row.serial.hex()[:8]),
        lambda row, ids: WorldItem(row.serial, row.owner, row.item),
        is_revoked,
        as_one_of="world",
    ),
    Damage(
        "a registered trade that is void",
        GAME,
        "item_trades",
        GameTrade,
        ENDED,
        lambda row, ids: (f"{in_game(row)} is void, and its word is registered",),
        but(state=TradeState.VOID),
    ),
    Damage(
        "a trade without its word",
        GAME,
        "item_trades",
        GameTrade,
        ENDED,
        lambda row, ids: (f"{in_game(row)} is registered without a word",),
        but(word=None),
    ),
    Damage(
        "a word that nobody signed",
        GAME,
        "item_trades",
        GameTrade,
        ENDED,
        lambda row, ids: (f"{in_game(row)} has a word that nobody signed",),
        unsigned_word,
    ),
    Damage(
        "a deal of more",
        GAME,
        "item_trades",
        GameTrade,
        AGREED,
        lambda row, ids: ("of 9 is of 4 to market-1", "of 9 is of 4 to peer-01"),
        but(deal=dearer),
    ),
    Damage(
        "a market that believes the trade void",
        MARKET,
        "item_brokerages",
        Brokerage,
        AGREED,
        lambda row, ids: (f"{trade(row)} is registered, but void to market-1",),
        but(state=BrokerageState.VOID),
    ),
    Damage(
        "a market with a deal of more",
        MARKET,
        "item_brokerages",
        Brokerage,
        AGREED,
        lambda row, ids: (f"{trade(row)} is of 9 to market-1",),
        but(signed=dearer),
    ),
    Damage(
        "a market with another word",
        MARKET,
        "item_brokerages",
        Brokerage,
        ENDED,
        lambda row, ids: ("market-1 has another word on", trade(row)),
        another_word,
    ),
    Damage(
        "a seller that collected less",
        "peer-02",
        "item_sales",
        Sale,
        AGREED,
        lambda row, ids: (f"peer-02 collected 3 for {trade(row)}",),
        but(amount=plus(-1)),
    ),
    Damage(
        "a seller that believes the trade void",
        "peer-03",
        "item_sales",
        Sale,
        AGREED,
        lambda row, ids: (f"{trade(row)} is registered, but void to peer-03",),
        but(state=SaleState.VOID),
    ),
    Damage(
        "a buyer that believes its money back",
        "peer-01",
        "item_purchases",
        Purchase,
        AGREED,
        lambda row, ids: (f"{trade(row)} is registered, but refunded to peer-01",),
        but(state=BuyerState.REFUNDED),
    ),
    Damage(
        "an owner without its certificate",
        "peer-01",
        "item_certificates",
        OwnItem,
        OWNED,
        lambda row, ids: (f"peer-01 has no certificate of {own(row)}",),
        gone,
    ),
    Damage(
        "an owner with a forged certificate",
        "peer-01",
        "item_certificates",
        OwnItem,
        OWNED,
        lambda row, ids: (f"peer-01 has another certificate of {own(row)}",),
        forged,
    ),
    Damage(
        "a seller that counts what it sold",
        "peer-03",
        "item_certificates",
        OwnItem,
        OWNED,
        lambda row, ids: (f"peer-03 counts {own(row)} as its own",),
        but(sold=False),
    ),
)
