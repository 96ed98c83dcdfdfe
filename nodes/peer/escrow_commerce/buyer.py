"""The buying side of a peer: order, fetch, pay, open, rate, and what comes of the sale."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from crypto import codec
from crypto.codec import MalformedEncoding
from crypto.documents import Signed
from nodes.peer.escrow_commerce.books import PROTOCOL, Books, is_over
from nodes.peer.escrow_commerce.files import ContentFiles
from nodes.peer.escrow_commerce.inquiry import Inquiry
from nodes.peer.escrow_commerce.note import Note, nothing
from nodes.peer.escrow_commerce.transfer import Transfers
from nodes.protocols.envelope import Opened
from nodes.protocols.errors import OutcomeUnknown, Refused
from nodes.protocols.escrow_commerce import contract, dispute, rating, receipt, sale_id
from nodes.protocols.escrow_commerce import messages as words
from nodes.protocols.escrow_commerce import sale as steps
from nodes.protocols.escrow_commerce.messages import AbortNotice, KeyRelease, Offer
from nodes.protocols.escrow_commerce.payment import PeerInstrument
from nodes.protocols.escrow_commerce.reading import read
from nodes.protocols.escrow_commerce.refusals import ContentNotReady, WrongDocument, WrongState
from nodes.protocols.escrow_commerce.release import payment_must_last_until
from nodes.protocols.escrow_commerce.state import BuyerState, EscrowTerms, Purchase
from nodes.protocols.message import Message, PartyId, Role, TransactionId
from nodes.runtime.control import Request, bytes_from_hex
from nodes.runtime.log import get_log
from nodes.runtime.outbox import Entry
from nodes.runtime.party import Party
from nodes.runtime.refusals import InvalidRequest
from nodes.runtime.service import Service

FIRST_DELAY_SECONDS = 0.05
LONGEST_DELAY_SECONDS = 2.0


class Order(Request, frozen=True):
    """`offer`: the signed offer as a search showed it, hex."""

    offer: str
    within_seconds: Annotated[float, msgspec.Meta(gt=0, le=10**7)] | None = None
    """Both sides must have reached the escrow server by then; the node's setting if left out."""


class Pay(Request, frozen=True):
    transaction: str
    instrument: str = "dht-coins"


class Accept(Request, frozen=True):
    transaction: str


class RateIt(Request, frozen=True):
    transaction: str
    value: words.Value


class Buyer:
    def __init__(
        self,
        service: Service,
        books: Books,
        files: ContentFiles,
        inquiry: Inquiry,
        instruments: Mapping[str, PeerInstrument],
    ) -> None:
        self._service = service
        self._party = service.party
        self._books = books
        self._files = files
        self._inquiry = inquiry
        self._instruments = instruments
        self._transfers = Transfers(service.party, files)
        service.operation("order", Order, self.order, "Buy what an offer says: sign a contract")
        service.operation("pay", Pay, self.pay, "Pay for what has been fetched, encrypted")
        service.operation("accept", Accept, self.accept, "Accept what was bought: rate it +1")
        service.operation("rate", RateIt, self.rate, "Rate what was bought, and so accept it")
        service.on_answer(words.Request, self._agreed)
        service.on_refusal(words.Request, self._declined)
        service.on_refusal(words.BuyerDeposit, self._payment_refused)

    def resume(self, purchase: Purchase) -> None:
        """At a start: go on from what is on disk."""
        match purchase.state:
            case BuyerState.ORDERED | BuyerState.CIPHERTEXT_HELD:
                self._inquiry.at(purchase.sale, purchase.contract.deadline)
            case BuyerState.CONTRACTED:
                self._inquiry.at(purchase.sale, purchase.contract.deadline)
                self._service.spawn(self._fetch(purchase.sale))
            case BuyerState.PAYING:
                self._service.spawn(self._go_on_paying(purchase))
            case BuyerState.KEY_HELD:
                self._service.spawn(self._open(purchase))
            case BuyerState.GARBAGE:
                pass  # its owner decides
            case _ if is_over(purchase):
                self._files.discard_encrypted(purchase.sale)
            case _:
                self._inquiry.soon(purchase.sale)

    # step 5

    async def order(self, asked: Order, party: Party) -> dict[str, Any]:
        offered = _offer(asked.offer)
        seller = await party.directory.card(read(Offer, offered).seller)
        if seller.id == party.id:
            raise InvalidRequest("nobody buys from itself")
        escrow_server = await party.directory.one(Role.ESCROW_SERVER)
        seconds = asked.within_seconds or party.settings.offer_seconds
        purchase, message = contract.order(
            offered,
            buyer=party.key,
            escrow_server=escrow_server.id,
            sale=sale_id.draw(party.id, party.fresh(sale_id.FRESH_BYTES)),
            deadline=party.now() + round(seconds * 1000),
            now=party.now(),
            guards=party.guards,
        )
        async with party.store.transaction() as tx:
            self._books.save_purchase(tx, purchase)
            party.post(tx, seller.id, message, purchase.sale)
        self._inquiry.at(purchase.sale, purchase.contract.deadline)
        return {"transaction": purchase.sale.hex()}

    async def _agreed(self, answer: Opened[Any], message: Message, party: Party) -> None:
        """Step 5r."""
        sale = answer.transaction
        try:
            async with party.store.transaction() as tx:
                purchase = receipt.known(self._books.purchases.get(tx, sale))
                agreed = contract.agreed(purchase, answer.message, party.guards)
                self._books.save_purchase(tx, agreed)
                self._books.evidence.keep_message(tx, answer)
        except WrongState:
            return  # it expired meanwhile
        except Refused as error:
            await self._not_agreed(sale, error)
            return
        self._service.spawn(self._fetch(sale))

    async def _declined(self, error: Refused, entry: Entry, message: Message, party: Party) -> None:
        await self._not_agreed(entry.transaction, error)

    async def _not_agreed(self, sale: TransactionId, error: Refused) -> None:
        get_log().info("order_declined", sale=sale.hex(), code=error.code)
        with contextlib.suppress(WrongState):
            await self._change(sale, contract.declined)
        self._inquiry.done(sale)

    # step 6b

    async def _fetch(self, sale: TransactionId) -> None:
        """Until E_K(C) is here whole, or the purchase has ended otherwise."""
        summed, delay = await self._files.summed_so_far(sale), FIRST_DELAY_SECONDS
        while True:
            purchase = self._books.purchase(sale)
            if purchase is None or purchase.state is not BuyerState.CONTRACTED:
                return
            before = summed.size
            try:
                digest = await self._transfers.fetch(purchase, summed)
                break
            except (ContentNotReady, OutcomeUnknown, Refused) as error:
                get_log().info("fetch_broke_off", sale=sale.hex(), reason=str(error))
            delay = FIRST_DELAY_SECONDS if summed.size > before else delay
            await asyncio.sleep(delay)
            delay = min(2 * delay, LONGEST_DELAY_SECONDS)
        with contextlib.suppress(WrongState):
            await self._change(sale, lambda it: steps.hold_ciphertext(it, digest))

    # step 7

    async def pay(self, asked: Pay, party: Party) -> dict[str, Any]:
        """Raises the instrument's refusal when there is not enough to pay with."""
        sale = bytes_from_hex(asked.transaction, "transaction", 16)
        if asked.instrument not in self._instruments:
            raise InvalidRequest(f"no instrument {asked.instrument!r} here")
        now = party.now()
        paying = await self._change(sale, lambda it: steps.start_paying(it, asked.instrument, now))
        try:
            await self._make_payment(paying)
        except OutcomeUnknown:
            self._service.spawn(self._go_on_paying(paying))
        return {"transaction": asked.transaction}

    async def _go_on_paying(self, purchase: Purchase) -> None:
        """Until the payment is made, or cannot be."""
        delay = FIRST_DELAY_SECONDS
        while True:
            try:
                await self._make_payment(purchase)
                return
            except Refused as error:
                get_log().warning("cannot_pay", sale=purchase.sale.hex(), code=error.code)
                return
            except OutcomeUnknown as error:
                get_log().info("payment_not_made_yet", reason=str(error))
            await asyncio.sleep(delay)
            delay = min(2 * delay, LONGEST_DELAY_SECONDS)

    async def _make_payment(self, purchase: Purchase) -> None:
        """Prepared and sent; a run that was cut off in between prepares the same again."""
        sale, agreed, party = purchase.sale, purchase.contract, self._party
        assert purchase.instrument is not None, "start_paying says with what"
        instrument = self._instruments[purchase.instrument]
        try:
            payment = await instrument.prepare(
                sale,
                agreed.escrow_server,
                agreed.price or 0,
                payment_must_last_until(agreed, self._terms()),
            )
        except Refused:
            await self._change(sale, steps.cannot_pay)
            raise
        async with party.store.transaction() as tx:
            paying = receipt.known(self._books.purchases.get(tx, sale))
            paid, message = steps.pay(paying, payment)
            self._books.save_purchase(tx, paid)
            party.post(tx, agreed.escrow_server, message, sale)
        self._inquiry.at(sale, agreed.deadline)

    def _terms(self) -> EscrowTerms:
        """What the escrow server of this world asks for, and a little more."""
        settings = self._party.settings
        skew = round(settings.clock_skew_seconds * 1000)
        return EscrowTerms(
            dispute_milliseconds=round(settings.dispute_seconds * 1000),
            margin_milliseconds=round(settings.quorum_write_seconds * 4000) + skew,
        )

    async def _payment_refused(
        self, error: Refused, entry: Entry, message: Message, party: Party
    ) -> None:
        """The escrow server takes every payment of an honest buyer, so this purchase is over."""
        get_log().warning("payment_refused", sale=entry.transaction.hex(), code=error.code)
        with contextlib.suppress(WrongState):
            await self._change(entry.transaction, lambda it: it.moved(BuyerState.ABORTED))

    # step 8: what the escrow server says

    async def key(
        self, sale: TransactionId, message: KeyRelease, sender: PartyId, note: Note = nothing
    ) -> None:
        """8a: the key is on disk before it is used."""
        held = await self._change(sale, lambda it: receipt.key_arrives(it, message, sender), note)
        self._inquiry.done(sale)
        self._service.spawn(self._open(held))

    async def _open(self, purchase: Purchase) -> None:
        sale, promised = purchase.sale, purchase.contract.content_id
        assert purchase.key is not None, "8a brought the key"
        complaint = await self._files.open(sale, purchase.key, promised)
        if complaint is not None:
            await self._change(sale, lambda it: dispute.found_garbage(it, complaint))
            return
        await self._change(sale, dispute.opened)
        shown = {"digest": promised or b""}
        self._party.observer.read(PROTOCOL, "content", sale, "content", shown)
        self._files.discard_encrypted(sale)

    async def abort(
        self, sale: TransactionId, message: AbortNotice, sender: PartyId, note: Note = nothing
    ) -> None:
        """8x: what was paid in comes back with 8r."""
        after = await self._change(
            sale, lambda it: receipt.abort_arrives(it, message, sender), note
        )
        self._files.discard_encrypted(sale)
        if is_over(after):
            self._inquiry.done(sale)
        else:
            self._inquiry.after_silence(sale)

    # step 9

    async def accept(self, asked: Accept, party: Party) -> dict[str, Any]:
        return await self._rate(asked.transaction, 1)

    async def rate(self, asked: RateIt, party: Party) -> dict[str, Any]:
        return await self._rate(asked.transaction, asked.value)

    async def _rate(self, transaction: str, value: words.Value) -> dict[str, Any]:
        sale, party = bytes_from_hex(transaction, "transaction", 16), self._party
        async with party.store.transaction() as tx:
            purchase = receipt.known(self._books.purchases.get(tx, sale))
            rated, message = rating.rate(purchase, value, party.key)
            self._books.save_purchase(tx, rated)
            party.post(tx, rated.contract.escrow_server, message, sale)
        return {"transaction": transaction}

    async def _change(self, sale: TransactionId, rule: Any, note: Note = nothing) -> Purchase:
        return await self._books.change_purchase(sale, rule, note)


def _offer(text: str) -> Signed[Offer]:
    try:
        return codec.decode(bytes_from_hex(text, "offer"), Signed[Offer])
    except MalformedEncoding as error:
        raise WrongDocument(f"no signed offer: {error}") from error
