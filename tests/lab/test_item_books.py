"""The auditor on an honest trade of an item, and on the same books with one thing wrong in them."""

import importlib
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from crypto import codec
from nodes.protocols.item_trading import certificate, messages
from nodes.protocols.item_trading.payment import Outcome, say
from nodes.protocols.message import declarations
from scenarios.lab.auditor import audit, verdict_of
from scenarios.lab.books import Books, Entry, Ledger
from scenarios.lab.formulas import FORMULAS
from scenarios.lab.grammar import GRAMMARS, ITEM_TRADING
from scenarios.lab.grammar import faults as steps_wrong
from scenarios.lab.item_books import InWorld, Item, ItemSale, ItemTrade, OwnCertificate
from scenarios.lab.item_checks import ITEM_RULES
from scenarios.lab.run import Check
from tests.protocols.item_trading.bazaar import (
    BUYER,
    FOUND_SWORD,
    GAME,
    MARKET,
    SELLER,
    TRADE,
    Bazaar,
    bazaar,
    game,
)

PROTOCOL = messages.__name__.split(".")[-2]
ONE = "each item has one certificate that counts"
CHECKED = "every item certificate checks offline"
OWNED = "owners have their items' certificates"
DOUBLED = "no item twice in its game's world"
ENDED = "no trade both registered and void"
AGREED = "all agree on each trade"
OWNERS = "items in the world are their owners'"
WAITS = "money waits for running trades only"
KEPT = "items are kept for running trades only"


def game_ledger(trade: Bazaar) -> Ledger:
    """As a game server shows it."""
    books = trade.books
    return Ledger(
        party=GAME.public_key.hex(),
        name="game",
        game_key=codec.encode(certificate.publish_key(game(books))).hex(),
        items=tuple(
            Item(
                serial=it.serial.hex(),
                owner=it.owner.hex(),
                item=it.item,
                state=it.state.value,
                replaces=it.replaces.hex(),
                replaced_by=it.replaced_by.hex() if it.replaced_by else "",
                reserved_for=it.reserved_for.hex() if it.reserved_for else "",
                certificate=codec.encode(it.certificate).hex(),
            )
            for it in books.items.values()
        ),
        world=tuple(InWorld(it.name.hex(), it.owner.hex(), it.item) for it in books.world.values()),
        item_trades=tuple(
            ItemTrade(
                TRADE.hex(),
                it.reference.hex(),
                trade.deal.serial.hex(),
                it.state.value,
                codec.encode(it.word).hex() if it.word else "",
            )
            for it in books.trades.values()
        ),
    )


def honest(last: str = "earn", model: Any = 1) -> Books:
    """A trade taken so far, in everybody's books."""
    trade = bazaar(model, last)
    sold, own = game_ledger(trade), trade.books.owners()
    word = codec.encode(trade.brokerage.word).hex() if trade.brokerage.word else ""
    ledgers = {"game": sold}
    market_id = MARKET.public_key.hex()
    sale = ItemSale(TRADE.hex(), trade.brokerage.state.value, word)
    ledgers["market"] = Ledger(market_id, "market", item_sales=(sale,))
    for name, key in (("seller", SELLER), ("buyer", BUYER)):
        held = [OwnCertificate(s.hex(), "held") for s, who in own.items() if who == key.public_key]
        ledgers[name] = Ledger(key.public_key.hex(), name, item_certificates=tuple(held))
    entries = {
        "market": (entry("market", trade.brokerage.state.value),),
        "buyer": (entry("buyer", trade.purchase.state.value),),
    }
    if last == "earn":
        entries["seller"] = (entry("seller", "paid"),)
    return Books(ledgers, {}, entries, 1000)


def entry(side: str, state: str, *, final: bool = True) -> Entry:
    return Entry(TRADE.hex(), PROTOCOL, state, side, final)


def found(books: Books) -> dict[str, Check]:
    return {check.name: check for check in (rule(books) for rule in ITEM_RULES)}


def with_game(books: Books, **changes: Any) -> Books:
    ledgers = {**books.ledgers, "game": msgspec.structs.replace(books.ledgers["game"], **changes)}
    return Books(ledgers, books.silent, books.entries, books.opening_balance)


def with_items(books: Books, change: Callable[[Item], Item]) -> Books:
    return with_game(books, items=tuple(map(change, books.ledgers["game"].items)))


@pytest.mark.parametrize("model", [1, 2])
@pytest.mark.parametrize("last", ["ready", "pay", "earn"])
def test_an_honest_trade_has_no_fault_at_any_step(model: Any, last: str) -> None:
    checks = found(honest(last, model))
    assert [check for check in checks.values() if check.holds is not True] == []
    assert set(checks) == {ONE, CHECKED, OWNED, DOUBLED, OWNERS, ENDED, AGREED, KEPT, WAITS}


def test_the_auditor_applies_the_rules_where_there_are_items() -> None:
    names = {check.name for check in audit(honest())}
    assert {ONE, ENDED} <= names
    assert not {ONE, ENDED} & {check.name for check in audit(Books({}, {}, {}, 1000))}


def still_current(item: Item) -> Item:
    return msgspec.structs.replace(item, state="current")


def other_owner(item: Item) -> Item:
    return msgspec.structs.replace(item, owner=SELLER.public_key.hex())


def loose(item: Item) -> Item:
    by = "ab" * 16 if item.replaced_by else ""
    return msgspec.structs.replace(item, replaced_by=by)


def kept(item: Item) -> Item:
    return msgspec.structs.replace(item, reserved_for="ab" * 32)


@pytest.mark.parametrize(
    ("change", "rule"),
    [(still_current, ONE), (loose, ONE), (other_owner, CHECKED), (kept, KEPT)],
)
def test_certificates_that_contradict_each_other_are_found(
    change: Callable[[Item], Item], rule: str
) -> None:
    checks = found(with_items(honest(), change))
    assert checks[rule].holds is False


def test_two_certificates_in_the_place_of_one_are_found() -> None:
    books = honest()
    items = books.ledgers["game"].items
    twin = msgspec.structs.replace(items[-1], serial="cd" * 16)
    checks = found(with_game(books, items=(*items, twin)))
    assert checks[ONE].holds is False
    assert checks[CHECKED].holds is False


@pytest.mark.parametrize("key", ["", "00", honest().ledgers["game"].game_key[:-2] + "ff"])
def test_a_key_that_the_game_did_not_sign_checks_nothing(key: str) -> None:
    assert found(with_game(honest(), game_key=key))[CHECKED].holds is False


@pytest.mark.parametrize("name", ["first", "old"])
def test_an_item_that_is_twice_in_the_world_is_found(name: str) -> None:
    """As both owners recovering it would leave it (IT-A16)."""
    books = honest()
    old = FOUND_SWORD.hex() if name == "first" else books.ledgers["game"].items[0].serial
    world = books.ledgers["game"].world
    doubled = InWorld(old, SELLER.public_key.hex(), world[0].item)
    assert found(with_game(books, world=(*world, doubled)))[DOUBLED].holds is False
    assert found(with_game(books, world=(doubled,)))[DOUBLED].holds is True


def test_an_owner_without_its_certificate_is_found_unless_it_is_on_its_way() -> None:
    books = honest()
    poor = msgspec.structs.replace(books.ledgers["buyer"], item_certificates=())
    ledgers = {**books.ledgers, "buyer": poor}
    assert found(Books(ledgers, {}, books.entries, 1000))[OWNED].holds is False
    waiting = {**books.entries, "buyer": (entry("buyer", "goods-held", final=False),)}
    assert found(Books(ledgers, {}, waiting, 1000))[OWNED].holds is None


@pytest.mark.parametrize(
    "word",
    [
        "",
        "00",
        codec.encode(say(GAME, bazaar(1, "order").deal, Outcome.VOID)).hex(),
        codec.encode(say(SELLER, bazaar(1, "order").deal, Outcome.REGISTERED)).hex(),
    ],
)
def test_a_word_that_does_not_fit_its_trade_is_found(word: str) -> None:
    books = honest()
    (trade,) = books.ledgers["game"].item_trades
    wrong = msgspec.structs.replace(trade, word=word)
    assert found(with_game(books, item_trades=(wrong,)))[ENDED].holds is False


def test_a_market_with_another_word_is_found() -> None:
    books = honest()
    word = codec.encode(say(GAME, bazaar(1, "order").deal, Outcome.VOID)).hex()
    sale = msgspec.structs.replace(books.ledgers["market"].item_sales[0], word=word)
    lying = msgspec.structs.replace(books.ledgers["market"], item_sales=(sale,))
    ledgers = {**books.ledgers, "market": lying}
    assert found(Books(ledgers, {}, books.entries, 1000))[ENDED].holds is False


@pytest.mark.parametrize(
    ("side", "state"),
    [("market", "void"), ("seller", "void"), ("buyer", "refunded"), ("buyer", "void")],
)
def test_a_party_that_believes_the_other_end_is_found(side: str, state: str) -> None:
    books = honest()
    entries = {**books.entries, side: (entry(side, state),)}
    check = found(Books(books.ledgers, {}, entries, 1000))[AGREED]
    assert check.holds is False
    assert state in check.detail


def test_an_item_that_is_not_kept_for_its_running_trade_is_found() -> None:
    books = with_items(honest("pay"), lambda item: msgspec.structs.replace(item, reserved_for=""))
    assert found(books)[KEPT].holds is False


def test_a_silent_party_leaves_it_open() -> None:
    books = honest()
    checks = found(Books(books.ledgers, {"buyer": "down"}, books.entries, 1000))
    assert checks[AGREED].holds is None
    assert verdict_of(list(checks.values())) == "unknown"


# steps and formulas


def test_every_step_has_its_place_and_its_formula_or_needs_none() -> None:
    importlib.import_module(f"nodes.protocols.{PROTOCOL}.messages")
    steps = {declaration.step for declaration in declarations(PROTOCOL)}
    assert set(ITEM_TRADING) == steps == set(GRAMMARS[PROTOCOL])
    assert set(FORMULAS[PROTOCOL]) <= steps
    assert steps - set(FORMULAS[PROTOCOL]) == {"L1r"}


@pytest.mark.parametrize(
    "word",
    [
        "3 1.4 1.4r 1.4n 1.5 1.6 7 8 9 10",
        "2.1 2.2a 2.2b 2.2c 2.2d 2.2e",
        "3 2.4 2.5 2.6 2.7 2.8 7 8 9 10",
        "3 2.4 2.5 2.6 2.7 C1 C2 C2r C3 7 8 9 10",
        "3 1.4 1.4r 1.4n V1 V1r V2",
    ],
)
def test_a_legal_word_of_steps_has_no_fault(word: str) -> None:
    assert steps_wrong(PROTOCOL, word.split()) == []


@pytest.mark.parametrize(
    "word", ["3 1.4 1.4r 1.4n 1.6", "3 2.4 2.5 2.8", "3 7", "3 10", "2.1 2.2a 2.2d"]
)
def test_goods_key_or_money_before_its_time_is_a_fault(word: str) -> None:
    assert steps_wrong(PROTOCOL, word.split())
