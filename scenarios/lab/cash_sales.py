"""To which party the e-cash of a sale went: by the coin server's signed word, and by who took it.

The escrow server pays out with an order that names its payee, and the coin server signs what it
did with it. So where the escrow server's decision and the payee differ, its own papers show it;
and whoever presented what was meant for another says so itself.
"""

from collections.abc import Iterator

from crypto import codec
from crypto.codec import MalformedEncoding
from crypto.documents import Signed, open_document
from crypto.signing import InvalidSignature
from nodes.cash_wallet.sale_payment import INSTRUMENT
from nodes.protocols.electronic_cash.documents import Settlement
from nodes.protocols.electronic_cash.holding import IncomingPhase, SpendingPhase
from nodes.protocols.electronic_cash.payment import sale_reference
from nodes.protocols.escrow_commerce.messages import SaleState
from nodes.protocols.escrow_commerce.state import Decision
from scenarios.lab.books import Books, Entry, Ledger, Sale
from scenarios.lab.checks import judged, silent
from scenarios.lab.run import Check
from scenarios.lab.wording import count

CASH = "electronic_cash"
PAID_OUT = frozenset({SaleState.RELEASED, SaleState.CLOSED, SaleState.REFUNDED})


def cash_of_sales_went_where_it_was_due(books: Books) -> Check:
    """The seller has the e-cash of a sale that was released, the buyer of one that was refunded."""
    wrong: list[str] = []
    open_: list[str] = []
    paid = 0
    for ledger in books.ledgers.values():
        for sale in ledger.sales:
            if sale.instrument == INSTRUMENT:
                faults, settled = _went(books, ledger, sale)
                wrong += faults
                paid += settled
                if sale.state in PAID_OUT and not (settled or faults):
                    open_.append(f"sale {sale.sale[:8]} is {sale.state}, its e-cash not taken yet")
    name = "e-cash of sales went where it was due"
    return judged(name, count(paid, "sale"), faults=wrong, open_=open_ or silent(books))


def _went(books: Books, escrow_server: Ledger, sale: Sale) -> tuple[list[str], bool]:
    """What is wrong with where it went, and whether it has gone at all."""
    due = _due(sale)
    faults, settled = [], False
    orders = books.entries.get(escrow_server.name, ())
    for order in _of(sale, orders, side="holder"):
        told = f"sale {sale.sale[:8]}{order.worth} is {sale.state}, but its e-cash"
        if order.payee != due:
            faults.append(f"{told} is ordered to {books.called(order.payee)}")
        if order.state == SpendingPhase.SETTLED:
            settled = True
            faults += [f"{told} {why}" for why in _not_signed(books, order, due)]
    for party, ledger in books.ledgers.items():
        for taken in _of(sale, books.entries.get(party, ()), side="merchant"):
            if taken.state == IncomingPhase.RECEIVED and ledger.party != due:
                told = f"sale {sale.sale[:8]}{taken.worth} is {sale.state}"
                faults.append(f"{told}, but {party} took its e-cash")
    return faults, settled


def _due(sale: Sale) -> str:
    """Whose it is; nobody's while nothing is decided."""
    if sale.decision is None:
        return ""
    return sale.seller if sale.decision == Decision.RELEASE else sale.buyer


def _of(sale: Sale, entries: tuple[Entry, ...], *, side: str) -> Iterator[Entry]:
    """What this party paid or took out of the escrow of this sale."""
    reference = sale_reference(bytes.fromhex(sale.sale), "out").hex()
    for entry in entries:
        if (entry.protocol, entry.side, entry.reference) == (CASH, side, reference):
            yield entry


def _not_signed(books: Books, order: Entry, due: str) -> list[str]:
    """How the coin server's word differs from what was due."""
    try:
        signed = codec.decode(bytes.fromhex(order.settlement), Signed[Settlement])
        said = open_document(Settlement, signed)
    except (InvalidSignature, MalformedEncoding, ValueError) as error:
        return [f"has no coin server's word: {error}"]
    wrong = []
    by = said.coin_server.hex()
    if by != order.coin_server or not (_is_coin_server(books, by) or books.silent):
        wrong.append(f"was settled by {books.called(by)}")
    if said.payee is None or said.payee.hex() != due:
        payee = said.payee.hex() if said.payee else ""
        wrong.append(f"went to {books.called(payee) if payee else 'nobody'}")
    if said.amount != order.amount or (said.reference or b"").hex() != order.reference:
        wrong.append(f"was settled for {said.amount}, or for something else")
    return wrong


def _is_coin_server(books: Books, id_: str) -> bool:
    return any(
        ledger.party == id_ and ledger.cash_journal is not None for ledger in books.ledgers.values()
    )
