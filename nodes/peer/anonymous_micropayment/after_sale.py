"""E1, T0, vendor: an order's money given back; a complaint about an order."""

from typing import Any

from crypto import codec
from nodes.peer.anonymous_micropayment.books import OWN, Books
from nodes.protocols.anonymous_micropayment import disposal, tracing
from nodes.protocols.anonymous_micropayment.messages import Complain, OrderDisposed
from nodes.protocols.anonymous_micropayment.refusals import NoSuchVendor, OrderNotHeld
from nodes.protocols.anonymous_micropayment.state import Sale, Stall
from nodes.protocols.message import Received, ShortText, TransactionId
from nodes.runtime.control import Request, bytes_from_hex
from nodes.runtime.party import Party
from nodes.runtime.service import Service
from nodes.runtime.store import Reader
from nodes.wallet.asking import ask_until_answered

ANSWER_SECONDS = 15.0


class AskedGiveBack(Request, frozen=True):
    transaction: str


class AskedComplaint(Request, frozen=True):
    transaction: str
    text: ShortText
    """What was unlawful about the order."""


class AfterSale:
    """Both can be asked for again as often as one likes: they happen once."""

    def __init__(self, service: Service, books: Books) -> None:
        self._books = books
        service.operation("pid_give_back", AskedGiveBack, self._give_back, "Give money back")
        service.operation("pid_complain", AskedComplaint, self._complain, "Complain of an order")

    async def _give_back(self, asked: AskedGiveBack, party: Party) -> dict[str, Any]:
        """E1, E2."""
        key, sale, stall = self._load(party.store.committed, _transaction(asked.transaction))
        message = disposal.dispose(sale.order, None, stall.key)
        answer = await ask_until_answered(
            party, stall.broker, message, sale.transaction, OrderDisposed, seconds=ANSWER_SECONDS
        )
        async with party.store.transaction() as tx:
            known = self._books.sales.get(tx, key) or sale
            done = disposal.take_disposed(message, answer.message, known, stall.key)
            self._books.save_sale(tx, key, done)
        return {"transaction": asked.transaction, "state": done.state.value}

    async def _complain(self, asked: AskedComplaint, party: Party) -> dict[str, Any]:
        """T0. The evidence is the signed complaint."""
        _, sale, stall = self._load(party.store.committed, _transaction(asked.transaction))
        complaint = tracing.complain(sale, stall.broker, party.key, asked.text)
        message = Complain(complaint)
        await ask_until_answered(
            party, stall.broker, message, sale.transaction, Received, seconds=ANSWER_SECONDS
        )
        return {"transaction": asked.transaction, "evidence": codec.encode(complaint).hex()}

    def _load(self, reader: Reader, transaction: TransactionId) -> tuple[bytes, Sale, Stall]:
        key = self._books.sale_of.get(reader, transaction)
        sale = self._books.sales.get(reader, key) if key else None
        stall = self._books.stall.get(reader, OWN)
        if stall is None:
            raise NoSuchVendor("this party sells nothing")
        if key is None or sale is None:
            raise OrderNotHeld("there is no such sale")
        return key, sale, stall


def _transaction(text: str) -> TransactionId:
    return bytes_from_hex(text, "transaction", 16)
