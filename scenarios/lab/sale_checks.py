"""What must hold of sales and of transactions at large: agreement, one ending, order, an end."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from nodes.protocols.dht_micropayment.coin import NAMESPACE, chain_of
from nodes.protocols.escrow_commerce.dispute import UPHELD
from nodes.protocols.escrow_commerce.messages import SaleState
from nodes.protocols.escrow_commerce.state import BuyerState as Buyer
from nodes.protocols.escrow_commerce.state import Decision, SellerState
from scenarios.lab.books import Books, Coin, Entry, Sale
from scenarios.lab.checks import judged, silent
from scenarios.lab.grammar import GRAMMARS, faults
from scenarios.lab.registers import Registers
from scenarios.lab.run import Check, Event
from scenarios.lab.wording import count

SALES = "escrow_commerce"

PAID_OUT = frozenset({SaleState.RELEASED, SaleState.CLOSED})
PAID_IN = PAID_OUT | {SaleState.COMMITTED, SaleState.DISPUTED, SaleState.REFUNDED}
COINS = "dht-coins"
ENDED = PAID_OUT | {SaleState.REFUNDED, SaleState.ABORTED}

CONTRADICTS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "paid": (
        frozenset({Buyer.REFUNDED, Buyer.UPHELD, Buyer.ABORTED}),
        frozenset({SellerState.ABORTED, SellerState.REFUNDED}),
    ),
    "refunded": (
        frozenset({Buyer.ACCEPTED, Buyer.DENIED}),
        frozenset({SellerState.ABORTED, SellerState.PAID}),
    ),
    "aborted": (
        frozenset(
            {
                Buyer.KEY_HELD,
                Buyer.OPENED,
                Buyer.GARBAGE,
                Buyer.ACCEPTED,
                Buyer.DISPUTED,
                Buyer.DENIED,
                Buyer.UPHELD,
            }
        ),
        frozenset({SellerState.PAID, SellerState.REFUNDED}),
    ),
    "running": (
        frozenset({Buyer.REFUNDED, Buyer.UPHELD, Buyer.ABORTED}),
        frozenset({SellerState.PAID, SellerState.ABORTED, SellerState.REFUNDED}),
    ),
}
"""By how the escrow server's sale stands: what buyer and seller cannot believe of it."""

FINAL: Mapping[tuple[str, str], frozenset[str]] = {
    (SALES, "escrow_server"): frozenset(
        {SaleState.CLOSED, SaleState.RELEASED, SaleState.REFUNDED, SaleState.ABORTED}
    ),
    (SALES, "buyer"): frozenset(
        {Buyer.ACCEPTED, Buyer.DENIED, Buyer.REFUNDED, Buyer.ABORTED, Buyer.OPENED}
    ),
    (SALES, "seller"): frozenset({SellerState.PAID, SellerState.ABORTED, SellerState.REFUNDED}),
}
"""States nothing more comes after, by protocol and side. A buyer that has opened its content
and never rates stays there: the dispute time ends the sale for it."""


LAPSES: Mapping[tuple[str, str], frozenset[str]] = {
    ("dht_micropayment", "payee"): frozenset({"quoted"}),
}
"""States in which nothing was moved and nobody is bound: at their deadline they are over."""


def ending(sale: Sale) -> str:
    if sale.state in PAID_OUT:
        return "paid"
    if sale.state in (SaleState.REFUNDED, SaleState.ABORTED):
        return str(sale.state)
    return "running"


def parties_agree(books: Books) -> Check:
    """Buyer, seller and escrow server tell the same of each sale."""
    name = "both parties agree on each sale"
    wrong: list[str] = []
    sales = [sale for ledger in books.ledgers.values() for sale in ledger.sales]
    entries = _by_sale(books)
    for sale in sales:
        buyer_cannot, seller_cannot = CONTRADICTS[ending(sale)]
        for side, cannot in (("buyer", buyer_cannot), ("seller", seller_cannot)):
            for party, entry in entries.get((sale.sale, side), []):
                if entry.state in cannot:
                    wrong.append(f"{_told(sale)} is {sale.state}, but {entry.state} to {party}")
                if None not in (entry.price, sale.price) and entry.price != sale.price:
                    wrong.append(f"{_told(sale)} is of {entry.price} to {party}")
    return judged(name, count(len(sales), "sale"), faults=wrong, open_=silent(books))


def _by_sale(books: Books) -> Mapping[tuple[str, str], list[tuple[str, Entry]]]:
    found: dict[tuple[str, str], list[tuple[str, Entry]]] = defaultdict(list)
    for party, entries in books.entries.items():
        for entry in entries:
            if entry.protocol == SALES:
                found[entry.id, entry.side].append((party, entry))
    return found


def sales_end_one_way(books: Books) -> Check:
    """Never both released and refunded: the decision, the state and every locked coin agree."""
    name = "never both released and refunded"
    registers = Registers(books)
    wrong: list[str] = []
    ended = 0
    for ledger in books.ledgers.values():
        locked: dict[str, list[Coin]] = defaultdict(list)
        for coin in ledger.coins:
            locked[coin.transaction].append(coin)
        for sale in ledger.sales:
            ended += sale.state in ENDED
            wrong += _decision_fits(sale)
            wrong += _coins_went(books, registers, ledger.party, sale, locked[sale.sale])
    return judged(name, f"{count(ended, 'sale')} ended one way", faults=wrong)


def _decision_fits(sale: Sale) -> list[str]:
    against = {"paid": Decision.REFUND, "refunded": Decision.RELEASE, "aborted": Decision.RELEASE}
    if sale.decision is not None and sale.decision == against.get(ending(sale)):
        return [f"{_told(sale)} is {sale.state}, but its decision is {sale.decision}"]
    return []


def refunds_were_won(books: Books) -> Check:
    """Who has the key is refunded only after the escrow server itself found the content wrong."""
    sales = [sale for ledger in books.ledgers.values() for sale in ledger.sales]
    refunded = [sale for sale in sales if sale.state == SaleState.REFUNDED]
    wrong = [
        f"{_told(sale)} was refunded, the content found {sale.finding or 'not looked at'}"
        for sale in refunded
        if sale.finding not in UPHELD
    ]
    name = "no key and its refund without a won dispute"
    return judged(name, count(len(refunded), "refund"), faults=wrong)


def _coins_went(
    books: Books, registers: Registers, escrow_server: str, sale: Sale, coins: Sequence[Coin]
) -> list[str]:
    """Where each coin locked for this sale went, by its certified registers."""
    went: dict[str, int] = defaultdict(int)
    for coin in coins:
        chain = chain_of(bytes.fromhex(coin.owner), coin.serial, coin.generation)
        for value in registers.certified((NAMESPACE, chain, coin.index + 1)):
            if value.payer.hex() == escrow_server:
                went[value.payee.hex()] += 1
    lawful = {"paid": {sale.seller}, "running": set()}.get(ending(sale), {sale.buyer})
    if sale.decision is not None:
        lawful = {sale.seller if sale.decision == Decision.RELEASE else sale.buyer}
    return [
        f"{count(n, 'coin')} of {_told(sale)} went to {books.called(to)}, but it is {sale.state}"
        for to, n in went.items()
        if to not in lawful
    ]


def sales_are_paid_their_price(books: Books) -> Check:
    """Once the key is released the escrow server has had the price, coin by coin."""
    name = "each sale was paid its price"
    wrong: list[str] = []
    paid = 0
    for ledger in books.ledgers.values():
        locked: Counter[str] = Counter(coin.transaction for coin in ledger.coins)
        for sale in ledger.sales:
            if sale.state not in PAID_IN or sale.price is None:
                continue
            paid += 1
            if sale.amount != sale.price:
                wrong.append(f"{_told(sale)} was paid {sale.amount}")
            if sale.instrument == COINS and locked[sale.sale] != sale.amount:
                coins = count(locked[sale.sale], "coin")
                wrong.append(f"{_told(sale)} was paid {sale.amount}, and has {coins}")
    return judged(name, count(paid, "payment"), faults=wrong)


def _told(sale: Sale) -> str:
    worth = sale.amount if sale.price is None else sale.price
    return f"sale {sale.sale[:8]}" + ("" if worth is None else f" of {worth}")


def transactions_end(books: Books) -> Check:
    """Every transaction has reached an end, or says what it still waits for."""
    name = "every transaction reached its end"
    waiting: list[str] = []
    ended = lapsing = 0
    for party, entries in sorted(books.entries.items()):
        for entry in entries:
            if is_final(entry):
                ended += 1
            elif entry.state in LAPSES.get((entry.protocol, entry.side), ()):
                lapsing += 1
            else:
                why = f" ({entry.reason})" if entry.reason else ""
                what = f"{entry.protocol} {entry.id[:8]}{entry.worth}"
                waiting.append(f"{party}: {what} is {entry.state}{why}")
    fine = count(ended, "record")
    if lapsing:
        fine += f", and {count(lapsing, 'offer to be paid')} that lapses unused"
    return judged(name, fine, open_=waiting or silent(books))


def is_final(entry: Entry) -> bool:
    if entry.final is not None:
        return entry.final
    states = FINAL.get((entry.protocol, entry.side))
    return states is None or entry.state in states


def steps_in_order(events: Iterable[Event]) -> Check:
    """The steps of each transaction come as the paper draws them. What was refused was not said."""
    said: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for event in events:
        if event.protocol not in GRAMMARS:
            continue
        steps = said[event.protocol, event.transaction]
        if not event.refused:
            steps.append((event.step, event.sender))
        elif (event.step, event.receiver) in steps:
            steps.remove((event.step, event.receiver))
    wrong = [
        f"{protocol} {transaction[:8]}: {fault}"
        for (protocol, transaction), steps in said.items()
        for fault in faults(protocol, (step for step, _ in steps))
    ]
    return judged("steps in the paper's order", count(len(said), "transaction"), faults=wrong)


SALE_RULES = (
    parties_agree,
    sales_end_one_way,
    refunds_were_won,
    sales_are_paid_their_price,
    transactions_end,
)
