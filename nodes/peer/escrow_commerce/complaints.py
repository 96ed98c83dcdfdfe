"""The buying side when something went wrong: disputes, refunds, and asking again."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from nodes.peer.escrow_commerce.books import Books, is_over
from nodes.peer.escrow_commerce.buyer import (
    FIRST_DELAY_SECONDS,
    LONGEST_DELAY_SECONDS,
    Buyer,
)
from nodes.peer.escrow_commerce.files import ContentFiles
from nodes.peer.escrow_commerce.inquiry import Inquiry
from nodes.peer.escrow_commerce.note import Note, nothing
from nodes.peer.escrow_commerce.transfer import Transfers
from nodes.protocols.envelope import Opened
from nodes.protocols.errors import OutcomeUnknown, Refused
from nodes.protocols.escrow_commerce import contract, dispute, receipt
from nodes.protocols.escrow_commerce.messages import (
    AbortNotice,
    Complaint,
    KeyRelease,
    OpenDispute,
    Refund,
    SaleStatus,
    Verdict,
)
from nodes.protocols.escrow_commerce.payment import PeerInstrument
from nodes.protocols.escrow_commerce.reading import changed
from nodes.protocols.escrow_commerce.refusals import PaymentNotAsAgreed, UnknownSale, WrongState
from nodes.protocols.escrow_commerce.state import BuyerState, Purchase
from nodes.protocols.message import Message, PartyId, TransactionId
from nodes.runtime.control import Request, bytes_from_hex
from nodes.runtime.log import get_log
from nodes.runtime.outbox import Entry
from nodes.runtime.party import Party
from nodes.runtime.refusals import BUSY
from nodes.runtime.service import Service


class Dispute(Request, frozen=True):
    transaction: str
    complaint: Complaint | None = None
    """What was found when it was opened, if left out."""


class Complaints:
    def __init__(
        self,
        service: Service,
        books: Books,
        files: ContentFiles,
        inquiry: Inquiry,
        buyer: Buyer,
        instruments: Mapping[str, PeerInstrument],
    ) -> None:
        self._service = service
        self._party = service.party
        self._books = books
        self._files = files
        self._inquiry = inquiry
        self._buyer = buyer
        self._instruments = instruments
        self._transfers = Transfers(service.party, files)
        service.operation(
            "dispute", Dispute, self.dispute, "Complain that it is not what was promised"
        )
        service.on_answer(OpenDispute, self._taken)
        service.on_refusal(OpenDispute, self._not_taken)

    def resume(self, purchase: Purchase) -> None:
        """At a start: what was complained about may still have to be shown."""
        if purchase.state is BuyerState.DISPUTED:
            self._service.spawn(self._upload(purchase.sale))

    # D1

    async def dispute(self, asked: Dispute, party: Party) -> dict[str, Any]:
        sale = bytes_from_hex(asked.transaction, "transaction", 16)
        async with party.store.transaction() as tx:
            purchase = receipt.known(self._books.purchases.get(tx, sale))
            if asked.complaint is not None:
                purchase = changed(purchase, complaint=asked.complaint)
            disputed, message = dispute.complain(purchase, party.now())
            self._books.save_purchase(tx, disputed)
            party.post(tx, disputed.contract.escrow_server, message, sale)
        self._inquiry.after_silence(sale)
        return {"transaction": asked.transaction}

    async def _taken(self, answer: Opened[Any], message: Message, party: Party) -> None:
        self._service.spawn(self._upload(answer.transaction))

    async def _not_taken(
        self, error: Refused, entry: Entry, message: Message, party: Party
    ) -> None:
        get_log().warning("dispute_refused", sale=entry.transaction.hex(), code=error.code)
        self._inquiry.soon(entry.transaction)

    async def _upload(self, sale: TransactionId) -> None:
        """D1u, until it arrived or the escrow server wants it no more."""
        delay = FIRST_DELAY_SECONDS
        while True:
            purchase = self._books.purchase(sale)
            if purchase is None or purchase.state is not BuyerState.DISPUTED:
                return
            try:
                await self._transfers.upload(purchase)
                return
            except OutcomeUnknown as error:
                get_log().info("upload_broke_off", sale=sale.hex(), reason=str(error))
            except Refused as error:
                if error.code not in BUSY:
                    self._inquiry.soon(sale)
                    return
            await asyncio.sleep(delay)
            delay = min(2 * delay, LONGEST_DELAY_SECONDS)

    # D2, 8r

    async def verdict(
        self, sale: TransactionId, message: Verdict, sender: PartyId, note: Note = nothing
    ) -> None:
        after = await self._books.change_purchase(
            sale, lambda it: dispute.buyer_hears(it, message, sender), note
        )
        self._files.discard_encrypted(sale)
        if is_over(after):
            self._inquiry.done(sale)
        else:
            self._inquiry.after_silence(sale)

    async def refund(
        self, sale: TransactionId, message: Refund, sender: PartyId, note: Note = nothing
    ) -> None:
        """8r: taken by the instrument first. A payment that never came in brings nothing back."""
        receipt.may_be_refunded(receipt.known(self._books.purchase(sale)), sender)
        instrument = self._instruments.get(message.instrument)
        taken = 0
        if message.payment:
            if instrument is None:
                raise PaymentNotAsAgreed(f"no instrument {message.instrument!r} here")
            taken = await instrument.take(sale, message.payment)
        receipt.require_refund(message, taken)
        async with self._party.store.transaction() as tx:
            purchase = receipt.known(self._books.purchases.get(tx, sale))
            if purchase.state is not BuyerState.REFUNDED:
                self._books.save_purchase(tx, receipt.refunded(purchase))
            note(tx)
        self._inquiry.done(sale)

    # time, and asking again

    async def attend(self, sale: TransactionId) -> None:
        """The deadline has passed, or nothing was heard for a while."""
        purchase = self._books.purchase(sale)
        if purchase is None or is_over(purchase):
            return
        if purchase.state in contract.BEFORE_PAYMENT:
            await self._expire(purchase)
            return
        self._inquiry.again(sale)
        escrow_server = purchase.contract.escrow_server
        try:
            answer = await self._inquiry.ask(sale, escrow_server)
        except UnknownSale:
            return  # step 7 is still on its way
        if answer is not None:
            await self._catch_up(sale, answer, escrow_server)

    async def _expire(self, purchase: Purchase) -> None:
        now = self._party.now()
        if now <= purchase.contract.deadline:
            self._inquiry.at(purchase.sale, purchase.contract.deadline)
            return
        with contextlib.suppress(WrongState):  # it was paid meanwhile
            await self._books.change_purchase(
                purchase.sale, lambda it: contract.expire_purchase(it, now)
            )
            self._files.discard_encrypted(purchase.sale)

    async def _catch_up(self, sale: TransactionId, answer: SaleStatus, sender: PartyId) -> None:
        purchase = receipt.known(self._books.purchase(sale))
        for message in receipt.missed_by_buyer(purchase, answer):
            with contextlib.suppress(WrongState):  # it came by itself meanwhile
                match message:
                    case KeyRelease():
                        await self._buyer.key(sale, message, sender)
                    case AbortNotice():
                        await self._buyer.abort(sale, message, sender)
                    case Verdict():
                        await self.verdict(sale, message, sender)
                    case Refund():
                        await self.refund(sale, message, sender)
