"""What must hold of items: one owner each, one end to each trade, and everybody agrees on both.

A game whose world was lost may show an item with its old owner until the newest certificate
brings it back; it never shows one item twice.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from crypto import codec
from crypto.codec import MalformedEncoding
from crypto.documents import Signed, open_document
from crypto.full_domain_hash import FdhPublicKey
from crypto.signing import InvalidSignature
from nodes.protocols.electronic_cash.documents import Outcome, Verdict
from nodes.protocols.errors import Refused
from nodes.protocols.item_trading.certificate import check_certificate, read_key
from nodes.protocols.item_trading.documents import GameKey, ItemCertificate
from nodes.protocols.item_trading.players import BuyerState, SaleState
from nodes.protocols.item_trading.state import BrokerageState, ItemState, TradeState
from scenarios.lab.books import Books, Ledger
from scenarios.lab.checks import judged, silent
from scenarios.lab.item_books import Item, ItemSale, ItemTrade
from scenarios.lab.run import Check
from scenarios.lab.sale_checks import is_final
from scenarios.lab.wording import count

ITEMS = "item_trading"
ENDS: Mapping[str, Outcome] = {
    TradeState.REGISTERED: Outcome.REGISTERED,
    TradeState.VOID: Outcome.VOID,
}
CONTRADICTS: Mapping[str, Mapping[str, frozenset[str]]] = {
    TradeState.REGISTERED: {
        "market": frozenset({BrokerageState.VOID, BrokerageState.REFUSED}),
        "seller": frozenset({SaleState.VOID}),
        "buyer": frozenset({BuyerState.VOID, BuyerState.REFUNDED}),
    },
    TradeState.VOID: {
        "market": frozenset({BrokerageState.REGISTERED}),
        "seller": frozenset({SaleState.EARNED, SaleState.PAID}),
        "buyer": frozenset({BuyerState.REGISTERED}),
    },
    TradeState.RESERVED: {
        "market": frozenset({BrokerageState.REGISTERED, BrokerageState.VOID}),
        "seller": frozenset({SaleState.EARNED, SaleState.PAID, SaleState.VOID}),
        "buyer": frozenset({BuyerState.REGISTERED, BuyerState.REFUNDED}),
    },
}
"""By how the game server's trade stands: what nobody else can believe of it."""
COLLECTED = frozenset({("seller", SaleState.PAID.value), ("buyer", BuyerState.REFUNDED.value)})
"""Side and state of those who have the price."""


def has_items(books: Books) -> bool:
    """Whether there is any: without it there is nothing to judge."""
    return any(ledger.items for ledger in books.ledgers.values())


def _games(books: Books) -> list[Ledger]:
    return [ledger for ledger in books.ledgers.values() if ledger.game_key or ledger.items]


# Certificates


def items_have_one_certificate(books: Books) -> Check:
    """From its first name on each item has one line of certificates, and only the last counts."""
    name = "each item has one certificate that counts"
    faults: list[str] = []
    lines = 0
    for game in _games(books):
        rows = {item.serial: item for item in game.items}
        lines += sum(item.replaces not in rows for item in game.items)
        before = Counter(item.replaces for item in game.items)
        faults += [
            f"{_short(n)} was replaced {times} times" for n, times in before.items() if times > 1
        ]
        for item in game.items:
            faults += _link_faults(item, rows)
    return judged(name, count(lines, "item"), faults=faults)


def _link_faults(item: Item, rows: Mapping[str, Item]) -> Iterator[str]:
    """A certificate that was replaced is revoked, and by the one that says so; no other is."""
    if (item.state == ItemState.CURRENT) != (not item.replaced_by):
        yield f"{_told(item)} is {item.state}, replaced by {_short(item.replaced_by)}"
    if item.replaced_by:
        after = rows.get(item.replaced_by)
        if after is None or after.replaces != item.serial:
            yield f"{_told(item)} was replaced by what does not replace it"


def certificates_check(books: Books) -> Check:
    """Each is signed with its game's key, and says what the game's books say."""
    name = "every item certificate checks offline"
    faults: list[str] = []
    checked = 0
    for game in _games(books):
        key = _key(game)
        for item in game.items:
            checked += 1
            if key is None or not _fits(item, bytes.fromhex(game.party), key):
                owner = books.called(item.owner)
                faults.append(f"{game.name}: {_told(item)} of {owner} is not as certified")
    return judged(name, count(checked, "certificate"), faults=faults)


def _key(game: Ledger) -> FdhPublicKey | None:
    try:
        signed: Signed[GameKey] = codec.decode(bytes.fromhex(game.game_key), Signed)
        return read_key(signed, bytes.fromhex(game.party))
    except (MalformedEncoding, Refused):
        return None


def _fits(item: Item, game: bytes, key: FdhPublicKey) -> bool:
    try:
        shown = codec.decode(bytes.fromhex(item.certificate), ItemCertificate)
        made = check_certificate(shown, game, key)
    except (MalformedEncoding, Refused):
        return False
    said = (made.serial.hex(), made.owner.hex(), made.item)
    return said == (item.serial, item.owner, item.item)


def owners_have_their_certificates(books: Books) -> Check:
    """Whoever the game server says owns an item can show it, and nobody else counts it as its own.

    Unless the answer is on its way.
    """
    name = "owners have their items' certificates"
    faults: list[str] = []
    open_ = silent(books)
    rows = {item.serial: item for game in _games(books) for item in game.items}
    current = {s: item for s, item in rows.items() if item.state == ItemState.CURRENT}
    held = 0
    for ledger in books.ledgers.values():
        own = {row.serial: row for row in ledger.item_certificates if row.state == "held"}
        mine = {s for s, item in current.items() if item.owner == ledger.party}
        held += len(mine & own.keys())
        wrong = [f"{ledger.name} has no certificate of {_told(rows[s])}" for s in mine - own.keys()]
        wrong += [
            f"{ledger.name} counts {_told(rows[s])} as its own, which is not"
            for s in (own.keys() & rows.keys()) - mine
        ]
        wrong += [
            f"{ledger.name} has another certificate of {_told(rows[s])}"
            for s in own.keys() & mine
            if own[s].certificate not in ("", rows[s].certificate)
        ]
        (open_ if _is_trading(books, ledger) else faults).extend(sorted(wrong))
    return judged(name, count(held, "certificate"), faults=faults, open_=open_)


def _is_trading(books: Books, party: Ledger) -> bool:
    entries = books.entries.get(party.name, ())
    return any(entry.protocol == ITEMS and not is_final(entry) for entry in entries)


# The world


def no_item_is_doubled(books: Books) -> Check:
    """Names in the world are of different items, whichever of their names each bears."""
    name = "no item twice in its game's world"
    faults: list[str] = []
    there = 0
    for game in _games(books):
        before = {item.serial: item.replaces for item in game.items}
        found: dict[tuple[str, str], list[str]] = defaultdict(list)
        for row in game.world:
            there += 1
            found[_first_name(row.name, before), row.item].append(row.name)
        faults += [
            f"{game.name}: {' and '.join(map(_short, sorted(names)))} are one item, {what}"
            for (_, what), names in found.items()
            if len(names) > 1
        ]
    return judged(name, count(there, "item"), faults=faults)


def the_world_is_its_owners(books: Books) -> Check:
    """An item that bears the name of its newest certificate is with whom that one names.

    A world that was lost bears the older names, until their owners bring the items back.
    """
    name = "items in the world are their owners'"
    faults: list[str] = []
    lost: list[str] = []
    there = 0
    for game in _games(books):
        rows = {item.serial: item for item in game.items}
        before = {item.serial: item.replaces for item in game.items}
        found = {_first_name(row.name, before) for row in game.world}
        for row in game.world:
            item = rows.get(row.name)
            if item is None or item.state != ItemState.CURRENT:
                continue
            there += 1
            if (row.owner, row.item) != (item.owner, item.item):
                whose = f"{books.called(row.owner)}'s {row.item}"
                owner = books.called(item.owner)
                faults.append(f"{game.name}: {_told(item)} of {owner} is {whose} in the world")
        lost += [
            f"{game.name}: {_told(item)} of {books.called(item.owner)} is not in the world"
            for item in game.items
            if item.state == ItemState.CURRENT and _first_name(item.serial, before) not in found
        ]
    return judged(name, count(there, "item"), faults=faults, open_=lost)


def _first_name(name: str, before: Mapping[str, str]) -> str:
    seen: set[str] = set()
    while name in before and name not in seen:
        seen.add(name)
        name = before[name]
    return name


# Trades


def trades_end_once(books: Books) -> Check:
    """Never both registered and void: every word that anybody has is the game server's one word."""
    name = "no trade both registered and void"
    faults: list[str] = []
    ended = 0
    for game in _games(books):
        for trade in game.item_trades:
            ended += bool(trade.word)
            faults += _word_faults(game, trade)
    words = {trade.trade: trade.word for game in _games(books) for trade in game.item_trades}
    for ledger in books.ledgers.values():
        for sale in ledger.item_sales:
            if sale.word and sale.word != words.get(sale.trade, sale.word):
                faults.append(f"{ledger.name} has another word on {_trade(sale)}")
    return judged(name, f"{count(ended, 'trade')} ended one way", faults=faults)


def _word_faults(game: Ledger, trade: ItemTrade) -> Iterator[str]:
    if not trade.word:
        if trade.state in ENDS:
            yield f"{_trade(trade)} is {trade.state} without a word"
        return
    try:
        signed: Signed[Verdict] = codec.decode(bytes.fromhex(trade.word), Signed)
        verdict = open_document(Verdict, signed)
    except (MalformedEncoding, InvalidSignature):
        yield f"{_trade(trade)} has a word that nobody signed"
        return
    said = (verdict.judge.hex(), verdict.transaction.hex(), verdict.outcome)
    if said != (game.party, trade.reference, ENDS.get(trade.state)):
        yield f"{_trade(trade)} is {trade.state}, and its word is {verdict.outcome}"


def parties_agree_on_trades(books: Books) -> Check:
    """Market, seller and buyer tell of each trade what the game server does."""
    name = "all agree on each trade"
    faults: list[str] = []
    told = {trade.trade: trade for game in _games(books) for trade in game.item_trades}
    for party, entries in books.entries.items():
        for entry in entries:
            trade = told.get(entry.id)
            if entry.protocol != ITEMS or trade is None:
                continue
            if entry.state in CONTRADICTS.get(trade.state, {}).get(entry.side, frozenset()):
                faults.append(f"{_trade(trade)} is {trade.state}, but {entry.state} to {party}")
            faults += _another_price(trade, party, entry.price)
            if (entry.side, entry.state) in COLLECTED and entry.amount != entry.price:
                faults.append(f"{party} collected {entry.amount} for {_trade(trade)}")
    for party, ledger in books.ledgers.items():
        for sale in ledger.item_sales:
            if sale.trade in told:
                faults += _another_price(told[sale.trade], party, sale.price)
    return judged(name, count(len(told), "trade"), faults=faults, open_=silent(books))


def _another_price(trade: ItemTrade, party: str, price: int | None) -> list[str]:
    if None in (price, trade.price) or price == trade.price:
        return []
    return [f"{_trade(trade)} is of {price} to {party}"]


def money_waits_for_running_trades(books: Books) -> Check:
    """What waits for a word on a trade has its owner as soon as the word is said."""
    name = "money waits for running trades only"
    running = 0
    waits: list[str] = []
    ended = {
        trade.reference: trade
        for game in _games(books)
        for trade in game.item_trades
        if trade.state in ENDS
    }
    for party, ledger in books.ledgers.items():
        for row in ledger.cash_pending:
            trade = ended.get(row.transaction)
            running += trade is None
            if trade is not None:
                waits.append(f"{row.amount} wait at {party} for {_trade(trade)}: {trade.state}")
    return judged(name, f"{count(running, 'payment')} waiting", open_=waits or silent(books))


def reservations_have_their_trade(books: Books) -> Check:
    """An item is kept for a trade of it that has not ended, and each such trade keeps its item."""
    name = "items are kept for running trades only"
    faults: list[str] = []
    kept = 0
    for game in _games(books):
        running = {
            trade.reference: trade.serial
            for trade in game.item_trades
            if trade.state == TradeState.RESERVED
        }
        rows = {item.serial: item for item in game.items}
        trades = {trade.reference: trade for trade in game.item_trades}
        reserved = {item.reserved_for: item.serial for item in game.items if item.reserved_for}
        kept += len(reserved)
        faults += [
            f"{game.name}: {_told(rows[serial])} is kept for a trade that does not run"
            for reference, serial in reserved.items()
            if running.get(reference) != serial
        ]
        faults += [
            f"{game.name}: {_short(serial)} is not kept for {_trade(trades[reference])}, which runs"
            for reference, serial in running.items()
            if reserved.get(reference) != serial
        ]
    return judged(name, f"{count(kept, 'item')} kept", faults=faults)


def _told(item: Item) -> str:
    return f'"{item.item}" ({_short(item.serial)})'


def _trade(trade: ItemTrade | ItemSale) -> str:
    price = "" if trade.price is None else f" of {trade.price}"
    return f"trade {_short(trade.trade)}{price}"


def _short(name: str) -> str:
    return name[:8] or "nothing"


ITEM_RULES = (
    items_have_one_certificate,
    certificates_check,
    owners_have_their_certificates,
    no_item_is_doubled,
    the_world_is_its_owners,
    trades_end_once,
    parties_agree_on_trades,
    reservations_have_their_trade,
    money_waits_for_running_trades,
)
