"""Escrow commerce at a peer: it buys and it sells.

    market.py      1-4     offer, search, select
    seller.py      5, 6    agree, encrypt, deposit, serve; be paid
    buyer.py       5-9     order, fetch, pay, open, rate
    complaints.py          disputes, refunds, asking again
    transfer.py    6b      E_K(C) over HTTP
    files.py               content on the disk
    books.py               the records, and what is shown of them

`install` adds it to a node, with the instruments this peer pays and is paid in.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from aiohttp import web

from nodes.peer.escrow_commerce.books import Books
from nodes.peer.escrow_commerce.buyer import Buyer
from nodes.peer.escrow_commerce.complaints import Complaints
from nodes.peer.escrow_commerce.files import ContentFiles
from nodes.peer.escrow_commerce.inquiry import Inquiry
from nodes.peer.escrow_commerce.market import Market
from nodes.peer.escrow_commerce.note import Note
from nodes.peer.escrow_commerce.seller import Seller
from nodes.protocols.envelope import Opened
from nodes.protocols.escrow_commerce.messages import (
    AbortNotice,
    ContentRequest,
    KeyRelease,
    PaymentRelease,
    Refund,
    Verdict,
)
from nodes.protocols.escrow_commerce.payment import PeerInstrument
from nodes.protocols.escrow_commerce.refusals import UnknownSale, WrongState
from nodes.protocols.message import Message, Received, TransactionId
from nodes.runtime.app import owner_only
from nodes.runtime.control import bytes_from_hex
from nodes.runtime.party import Answer, Party
from nodes.runtime.service import Service
from nodes.runtime.store import Transaction
from nodes.runtime.streams import refusals_told

Takes = Callable[[TransactionId, Any, bytes, Note], Awaitable[None]]


def install(
    service: Service,
    instruments: Iterable[PeerInstrument],
    files: type[ContentFiles] = ContentFiles,
) -> "Trade":
    trade = Trade(service, {instrument.name: instrument for instrument in instruments}, files)
    service.handles(KeyRelease, trade.takes(trade.buyer.key))
    service.handles(Refund, trade.takes(trade.complaints.refund))
    service.handles(PaymentRelease, trade.takes(trade.seller.payment))
    service.handles(AbortNotice, trade.takes(trade.buyer.abort, trade.seller.abort))
    service.handles(Verdict, trade.takes(trade.complaints.verdict, trade.seller.verdict))
    service.routes(trade.add_routes)
    service.at_start(trade.resume)
    service.shows(trade.books)
    return trade


class Trade:
    def __init__(
        self,
        service: Service,
        instruments: dict[str, PeerInstrument],
        files: type[ContentFiles],
    ) -> None:
        self._service = service
        self.books = Books(service)
        self.files = files(service.party.settings.data)
        self.market = Market(service, self.books, self.files)
        self.seller = Seller(service, self.books, self.files, self.market, instruments)
        inquiry = Inquiry(service, self._attend)
        self.buyer = Buyer(service, self.books, self.files, inquiry, instruments)
        self.complaints = Complaints(
            service, self.books, self.files, inquiry, self.buyer, instruments
        )

    async def _attend(self, sale: TransactionId) -> None:
        await self.complaints.attend(sale)

    async def resume(self) -> None:
        """At a start: every sale goes on from its record."""
        for purchase in self.books.purchases.values(self._service.party.store.committed):
            self.buyer.resume(purchase)
            self.complaints.resume(purchase)
        await self.seller.resume()

    def takes(
        self, of_buyer: Takes, of_seller: Takes | None = None
    ) -> Callable[[Opened[Any], Party], Awaitable[Answer]]:
        """Serve a message of the escrow server, by the side this peer has in the sale."""

        async def serve(received: Opened[Message], party: Party) -> Answer:
            taken: list[Answer] = []

            def note(tx: Transaction) -> None:
                self.books.evidence.keep_message(tx, received)
                taken.append(party.answer(tx, received, Received()))

            take = of_buyer
            if of_seller is not None and self.books.delivery(received.transaction) is not None:
                take = of_seller
            await take(received.transaction, received.message, received.sender, note)
            return taken[0] if taken else party.reply(received, Received())

        return serve

    # paths beside the messages

    def add_routes(self, app: web.Application) -> None:
        service = self._service
        app.router.add_put("/control/content", owner_only(service, self.market.take_content))
        app.router.add_get(
            "/control/content/{transaction}", owner_only(service, self.opened_content)
        )
        serve = refusals_told(service, ContentRequest, self.seller.serve_content)
        app.router.add_get("/content/{transaction}", serve)

    async def opened_content(self, request: web.Request) -> web.StreamResponse:
        """GET /control/content/<transaction>: C, for the owner who bought it."""
        sale = bytes_from_hex(request.match_info["transaction"], "transaction", 16)
        purchase = self.books.purchase(sale)
        if purchase is None:
            raise UnknownSale()
        path = self.files.opened(sale)
        if not path.exists():
            raise WrongState(f"the purchase is {purchase.state.value}")
        return web.FileResponse(path, headers={"Content-Type": "application/octet-stream"})
