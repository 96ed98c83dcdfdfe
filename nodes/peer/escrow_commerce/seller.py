"""The selling side of a peer: steps 5, 6a, 6b, and what comes of the sale."""

import asyncio
import contextlib
from collections.abc import Mapping

from aiohttp import web

from nodes.peer.escrow_commerce.books import PROTOCOL, Books
from nodes.peer.escrow_commerce.files import ContentFiles
from nodes.peer.escrow_commerce.inquiry import Inquiry
from nodes.peer.escrow_commerce.market import Market
from nodes.peer.escrow_commerce.note import Note, nothing
from nodes.protocols.envelope import Opened
from nodes.protocols.errors import Refused
from nodes.protocols.escrow_commerce import contract, dispute, receipt
from nodes.protocols.escrow_commerce import sale as steps
from nodes.protocols.escrow_commerce.messages import (
    AbortNotice,
    AbortReason,
    ContentRequest,
    Contract,
    Offer,
    PaymentRelease,
    Request,
    SaleStatus,
    SellerDeposit,
    Verdict,
)
from nodes.protocols.escrow_commerce.payment import PeerInstrument
from nodes.protocols.escrow_commerce.reading import read
from nodes.protocols.escrow_commerce.refusals import (
    ContentNotReady,
    PaymentNotAsAgreed,
    TooEarly,
    UnknownSale,
    WrongState,
)
from nodes.protocols.escrow_commerce.state import Delivery, SellerState
from nodes.protocols.message import Message, PartyId, TransactionId
from nodes.runtime.log import get_log
from nodes.runtime.outbox import Entry
from nodes.runtime.party import Answer, Party
from nodes.runtime.refusals import InvalidRequest
from nodes.runtime.service import Service
from nodes.runtime.streams import admit, trace_content

READY_SECONDS = 10.0
"""How long a request for E_K(C) waits for it to be encrypted."""


class Seller:
    def __init__(
        self,
        service: Service,
        books: Books,
        files: ContentFiles,
        market: Market,
        instruments: Mapping[str, PeerInstrument],
    ) -> None:
        self._service = service
        self._party = service.party
        self._books = books
        self._files = files
        self._market = market
        self._instruments = instruments
        self._inquiry = Inquiry(service, self._attend)
        service.handles(Request, self.request)
        service.on_refusal(SellerDeposit, self._deposit_refused)

    async def resume(self) -> None:
        """At a start: what was agreed is encrypted anew, what is deposited is asked about."""
        for delivery in self._books.deliveries.values(self._party.store.committed):
            if delivery.state is SellerState.AGREED:
                self._begin(delivery)
            elif delivery.may_discard:
                self._files.discard_encrypted(delivery.sale)
            else:
                self._inquiry.soon(delivery.sale)

    # step 5

    async def request(self, received: Opened[Request], party: Party) -> Answer:
        wanted = read(Contract, received.message.contract)
        escrow_servers = await self._market.escrow_servers([wanted.escrow_server])
        async with party.store.transaction() as tx:
            offers = self._books.offers_meant(tx, wanted)
            delivery, acceptance = contract.agree(
                self._books.deliveries.get(tx, received.transaction),
                received.message,
                sender=received.sender,
                sale=received.transaction,
                offered=contract.offer_wanted(wanted, offers),
                seller=party.key,
                escrow_servers=escrow_servers,
                now=party.now(),
                guards=party.guards,
            )
            self._books.save_delivery(tx, delivery)
            self._books.evidence.keep_message(tx, received)
            tx.after_commit.append(lambda: self._begin(delivery))
            return party.answer(tx, received, acceptance)

    def _begin(self, delivery: Delivery) -> None:
        self._inquiry.at(delivery.sale, delivery.contract.deadline)
        self._service.spawn(self._deposit(delivery))

    # step 6a

    async def _deposit(self, delivery: Delivery) -> None:
        """K and E_K(C) are on disk before anyone hears of them."""
        party, sale = self._party, delivery.sale
        content_id = delivery.contract.content_id or self._offered_content(delivery)
        key, digests = await self._files.encrypt(sale, content_id)
        async with party.store.transaction() as tx:
            agreed = self._books.deliveries.get(tx, sale)
            if agreed is None or agreed.state is not SellerState.AGREED:
                return  # expired meanwhile
            deposited, message = steps.deposit(agreed, digests, key)
            self._books.save_delivery(tx, deposited)
            party.post(tx, deposited.contract.escrow_server, message, sale)
        shown = {"digest": digests.plaintext_digest}
        party.observer.read(PROTOCOL, "content", sale, "content", shown)

    def _offered_content(self, delivery: Delivery) -> bytes:
        """What a contract means that names no content (its guard is off)."""
        offers = self._books.offers_meant(self._party.store.committed, delivery.contract)
        content_id = read(Offer, contract.offer_wanted(delivery.contract, offers)).content_id
        assert content_id is not None, "this peer's own offers name their content"
        return content_id

    async def _deposit_refused(
        self, error: Refused, entry: Entry, message: Message, party: Party
    ) -> None:
        get_log().warning("deposit_refused", sale=entry.transaction.hex(), code=error.code)
        self._inquiry.soon(entry.transaction)

    # step 6b

    async def serve_content(self, request: web.Request) -> web.StreamResponse:
        """GET /content/<sale>: E_K(C) from the disk, from where the Range header says."""
        received = await admit(self._service, request, ContentRequest)
        await self._until_ready(received)
        path = self._files.selling(received.transaction)
        size = path.stat().st_size
        party = self._party
        party.observer.reached("received", PROTOCOL, "6b")
        trace_content(
            party,
            received,
            direction="out",
            sender=party.id,
            receiver=received.sender,
            size=max(0, size - _offset(request)),
        )
        return web.FileResponse(path)

    async def _until_ready(self, received: Opened[ContentRequest]) -> None:
        """Raises ContentNotReady if encrypting takes longer than a request should wait."""
        try:
            async with asyncio.timeout(READY_SECONDS):
                while not self._may_fetch(received):
                    await self._party.observer.changed()
        except TimeoutError:
            raise ContentNotReady() from None

    def _may_fetch(self, received: Opened[ContentRequest]) -> bool:
        delivery = receipt.known(self._books.delivery(received.transaction))
        try:
            steps.may_fetch(delivery, received.sender)
        except ContentNotReady:
            return False
        return True

    # step 8: what the escrow server says

    async def abort(
        self, sale: TransactionId, message: AbortNotice, sender: PartyId, note: Note = nothing
    ) -> None:
        """8x."""
        self._over(
            await self._books.change_delivery(
                sale, lambda it: receipt.seller_abort_arrives(it, message, sender), note
            )
        )

    async def verdict(
        self, sale: TransactionId, message: Verdict, sender: PartyId, note: Note = nothing
    ) -> None:
        """D2."""
        self._over(
            await self._books.change_delivery(
                sale, lambda it: dispute.seller_hears(it, message, sender), note
            )
        )

    async def payment(
        self, sale: TransactionId, message: PaymentRelease, sender: PartyId, note: Note = nothing
    ) -> None:
        """8b: checked, taken by the instrument, then paid."""
        receipt.may_be_paid(receipt.known(self._books.delivery(sale)), message, sender)
        instrument = self._instruments.get(message.instrument)
        if instrument is None:
            raise PaymentNotAsAgreed(f"no instrument {message.instrument!r} here")
        taken = await instrument.take(sale, message.payment)
        self._over(
            await self._books.change_delivery(
                sale,
                # the same payment may have come by another way while this one was taken
                lambda it: it if it.state is SellerState.PAID else receipt.paid(it, taken),
                note,
            )
        )

    def _over(self, delivery: Delivery) -> None:
        if delivery.may_discard:
            self._inquiry.done(delivery.sale)
            self._files.discard_encrypted(delivery.sale)

    # time, and asking again

    async def _attend(self, sale: TransactionId) -> None:
        """The deadline has passed, or nothing was heard for a while."""
        delivery = self._books.delivery(sale)
        if delivery is None or delivery.may_discard:
            return
        if delivery.state is SellerState.AGREED:
            await self._expire(sale)
            return
        self._inquiry.again(sale)
        try:
            answer = await self._inquiry.ask(sale, delivery.contract.escrow_server)
        except UnknownSale:
            await self._never_deposited(delivery)
            return
        if answer is not None:
            await self._catch_up(sale, answer, delivery.contract.escrow_server)

    async def _expire(self, sale: TransactionId) -> None:
        now = self._party.now()
        with contextlib.suppress(TooEarly, WrongState):  # it was deposited meanwhile
            self._over(
                await self._books.change_delivery(
                    sale, lambda it: contract.expire_delivery(it, now)
                )
            )

    async def _never_deposited(self, delivery: Delivery) -> None:
        """The escrow server never took 6a, and after the deadline takes none."""
        if self._party.now() > delivery.contract.deadline:
            notice = AbortNotice(AbortReason.DEADLINE_PASSED)
            await self.abort(delivery.sale, notice, delivery.contract.escrow_server)

    async def _catch_up(self, sale: TransactionId, answer: SaleStatus, sender: PartyId) -> None:
        delivery = receipt.known(self._books.delivery(sale))
        for message in receipt.missed_by_seller(delivery, answer):
            with contextlib.suppress(WrongState):  # it came by itself meanwhile
                match message:
                    case AbortNotice():
                        await self.abort(sale, message, sender)
                    case Verdict():
                        await self.verdict(sale, message, sender)
                    case PaymentRelease():
                        await self.payment(sale, message, sender)


def _offset(request: web.Request) -> int:
    """Where the Range header says to begin."""
    try:
        return request.http_range.start or 0
    except ValueError as error:
        raise InvalidRequest(f"Range: {error}") from error
