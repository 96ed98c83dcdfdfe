"""A word for a judge: orders bear keyed hashes, so only the broker can say how one stands.

Signed when its owner is asked in a dispute, never in a purchase.
"""

from typing import Any

from crypto import codec
from crypto.documents import sign_document
from nodes.broker.anonymous_micropayment.books import Books
from nodes.protocols.anonymous_micropayment.order import order_digest
from nodes.protocols.anonymous_micropayment.refusals import OrderNotHeld
from nodes.protocols.anonymous_micropayment.values import BrokersWord
from nodes.runtime.control import Request, bytes_from_hex
from nodes.runtime.party import Party
from nodes.runtime.service import Service


class AskedWord(Request, frozen=True):
    order: str
    """Digest of the order, hex, as customer and vendor show it."""


class Testifying:
    def __init__(self, service: Service, books: Books) -> None:
        self._books = books
        service.operation(
            "pid_testify", AskedWord, self._testify, "Sign how an order stands, for a judge"
        )

    async def _testify(self, asked: AskedWord, party: Party) -> dict[str, Any]:
        """Raises OrderNotHeld for an order that was never settled here."""
        wanted = bytes_from_hex(asked.order, "order")
        for settled in self._books.settled.values(party.store.committed):
            if settled.order is not None and order_digest(settled.order) == wanted:
                account = settled.handed_to or settled.account
                said = BrokersWord(party.id, settled.order, settled.state, account)
                return {"evidence": codec.encode(sign_document(said, party.key)).hex()}
        raise OrderNotHeld()
