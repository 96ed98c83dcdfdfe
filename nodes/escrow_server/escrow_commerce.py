"""Steps 6-10 and disputes at the escrow server."""

import asyncio
import hashlib
from collections.abc import Callable, Iterable
from typing import Any

from aiohttp import web

from crypto.content import ContentAltered, Decryptor
from nodes.escrow_server.sales import PROTOCOL, Sales
from nodes.escrow_server.settlement import Settlement
from nodes.protocols.envelope import Opened
from nodes.protocols.errors import ProtocolError
from nodes.protocols.escrow_commerce import dispute, rating, receipt
from nodes.protocols.escrow_commerce import sale as steps
from nodes.protocols.escrow_commerce.messages import (
    BuyerDeposit,
    OpenDispute,
    Rate,
    SellerDeposit,
    StatusQuery,
    Upload,
)
from nodes.protocols.escrow_commerce.payment import EscrowInstrument
from nodes.protocols.escrow_commerce.refusals import WrongUpload
from nodes.protocols.escrow_commerce.state import Decided, EscrowTerms, Sale
from nodes.protocols.message import Received, Role
from nodes.runtime.log import get_log
from nodes.runtime.party import Answer, Party
from nodes.runtime.refusals import BodyTooLarge
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings
from nodes.runtime.store import Transaction
from nodes.runtime.streams import admit, blocks, refusals_told, trace_content


def terms_from(settings: Settings) -> EscrowTerms:
    """A payment must outlast its sale by the time in which it can still be paid out."""
    return EscrowTerms(
        dispute_milliseconds=round(settings.dispute_seconds * 1000),
        margin_milliseconds=round(settings.quorum_write_seconds * 4000),
    )


def install(service: Service, instruments: Iterable[EscrowInstrument]) -> "EscrowServer":
    server = EscrowServer(service, instruments)
    service.handles(SellerDeposit, server.seller_deposit)
    service.handles(BuyerDeposit, server.buyer_deposit)
    service.handles(StatusQuery, server.status)
    service.handles(OpenDispute, server.open_dispute)
    service.handles(Rate, server.rate)
    service.routes(server.add_routes)
    service.at_start(server.start)
    service.shows(server.sales)
    service.accounts_for(server.sales.ledger)
    return server


class EscrowServer:
    def __init__(self, service: Service, instruments: Iterable[EscrowInstrument]) -> None:
        self._service = service
        self._party = party = service.party
        self._terms = terms_from(party.settings)
        self._escrow = steps.Escrow(party.id, self._terms, party.guards)
        self.sales = Sales(service)
        self._settlement = Settlement(service, self.sales, self._terms, instruments)

    async def start(self) -> None:
        await self._find_central_servers()
        await self._settlement.resume()

    # steps 6a, 7, 9, D1, Q1

    async def seller_deposit(self, received: Opened[SellerDeposit], party: Party) -> Answer:
        """Step 6a."""
        async with party.store.transaction() as tx:
            before = self.sales.get(tx, received.transaction)
            decided = steps.take_seller_deposit(
                before or Sale(received.transaction),
                received.message,
                sender=received.sender,
                now=party.now(),
                key_seen_before=self.sales.has_seen(tx, received.message),
                escrow=self._escrow,
            )
            return self._saved(tx, received, before, decided)

    async def buyer_deposit(self, received: Opened[BuyerDeposit], party: Party) -> Answer:
        """Step 7."""
        async with party.store.transaction() as tx:
            before = self.sales.get(tx, received.transaction)
            decided = steps.take_buyer_deposit(
                before or Sale(received.transaction),
                received.message,
                sender=received.sender,
                now=party.now(),
                escrow=self._escrow,
            )
            return self._saved(tx, received, before, decided)

    async def open_dispute(self, received: Opened[OpenDispute], party: Party) -> Answer:
        """D1."""
        async with party.store.transaction() as tx:
            before = receipt.known(self.sales.get(tx, received.transaction))
            decided = dispute.open_dispute(
                before, sender=received.sender, now=party.now(), terms=self._terms
            )
            return self._saved(tx, received, before, decided)

    async def rate(self, received: Opened[Rate], party: Party) -> Answer:
        """Step 9. With its guard off even a rating of no sale at all counts."""
        await self._find_central_servers()
        async with party.store.transaction() as tx:
            before = self.sales.get(tx, received.transaction)
            rated, decided = rating.take_rating(
                before,
                received.message,
                sender=received.sender,
                transaction=received.transaction,
                escrow_server=party.id,
                guards=party.guards,
            )
            if decided is not None:
                return self._saved(tx, received, before, decided)
            self.sales.rate(tx, rated.sale, rated.seller, rated.content_id, rated.value)
            return party.answer(tx, received, Received())

    async def status(self, received: Opened[StatusQuery], party: Party) -> Answer:
        """Q1."""
        sale = receipt.known(self.sales.get(party.store.committed, received.transaction))
        return party.reply(received, receipt.status(sale, received.sender))

    def _saved(
        self, tx: Transaction, received: Opened[Any], before: Sale | None, decided: Decided
    ) -> Answer:
        self.sales.save(tx, before, decided)
        self.sales.evidence.keep_message(tx, received)
        return self._party.answer(tx, received, Received())

    # a dispute's upload

    def add_routes(self, app: web.Application) -> None:
        upload = refusals_told(self._service, Upload, self.upload)
        app.router.add_put("/content/{transaction}", upload)

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """D1u, then D2: the ciphertext streams by, is opened with K and judged."""
        received = await admit(self._service, request, Upload)
        party = self._party
        sale = receipt.known(self.sales.get(party.store.committed, received.transaction))
        expected = dispute.may_upload(sale, received.sender, party.now())
        party.observer.reached("received", PROTOCOL, "D1u")
        most, seconds = self._largest(sale), party.settings.body_seconds
        if request.content_length is not None and request.content_length > most:
            raise WrongUpload(f"there are at most {most} bytes of it")
        opening = _Opening(expected.key, steps.content_context(sale.sale))
        try:
            async for block in blocks(request.content, most=most, seconds=seconds):
                await asyncio.to_thread(opening.add, block)
        except BodyTooLarge:
            raise WrongUpload() from None
        seen = await asyncio.to_thread(opening.finish)
        self._trace_upload(received, seen, opening.size)
        await self._judge(received, seen)
        return web.Response(status=204)

    def _largest(self, sale: Sale) -> int:
        """By the contract: a seller's own word on the size would let it keep the upload out."""
        return steps.largest_ciphertext(sale.contract, self._party.settings.content_bytes)

    async def _judge(self, received: Opened[Upload], seen: dispute.Upload) -> None:
        await self._find_central_servers()
        async with self._party.store.transaction() as tx:
            before = receipt.known(self.sales.get(tx, received.transaction))
            decided = dispute.judge_upload(
                before, seen, sender=received.sender, now=self._party.now()
            )
            self.sales.save(tx, before, decided)
            self.sales.evidence.keep_message(tx, received)
        self._party.observer.reached("saved", PROTOCOL, "D1u")

    def _trace_upload(self, received: Opened[Upload], seen: dispute.Upload, size: int) -> None:
        party = self._party
        trace_content(
            party,
            received,
            direction="in",
            sender=received.sender,
            receiver=party.id,
            size=size,
        )
        if seen.plaintext_digest is not None:
            shown = {"digest": seen.plaintext_digest}
            party.observer.read(PROTOCOL, "content", received.transaction, "content", shown)

    async def _find_central_servers(self) -> None:
        """Whom step 10 goes to; an update that reaches none is made up for by the next one."""
        directory = self._party.directory
        cards = directory.kept(Role.CENTRAL_SERVER)
        if not cards:
            try:
                cards = await directory.find(Role.CENTRAL_SERVER)
            except ProtocolError as error:
                get_log().info("no_central_server_found", reason=str(error))
        self.sales.central_servers = tuple(card.id for card in cards)


class _Opening:
    """A ciphertext passing by: its digest, and its content's if the key opens it."""

    def __init__(self, key: bytes, context: bytes) -> None:
        self._digest = hashlib.sha256()
        self._decryptor: Decryptor | None = Decryptor(key, context)
        self.size = 0

    def add(self, block: bytes) -> None:
        self.size += len(block)
        self._digest.update(block)
        self._decrypt(lambda decryptor: decryptor.update(block))

    def finish(self) -> dispute.Upload:
        self._decrypt(lambda decryptor: decryptor.finish())
        plaintext = self._decryptor.plaintext_digest if self._decryptor else None
        return dispute.Upload(self._digest.digest(), plaintext)

    def _decrypt(self, go_on: Callable[[Decryptor], bytes]) -> None:
        """What is found altered stays so, whatever follows."""
        if self._decryptor is None:
            return
        try:
            go_on(self._decryptor)
        except ContentAltered:
            self._decryptor = None
