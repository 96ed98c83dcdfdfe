"""The selling side of a peer: offer, prove, ship, send the key, be paid.

What is said to the market about an offering goes through the outbox one message after the other,
so an offering goes on by itself after a restart.
"""

import contextlib
from collections.abc import Callable
from typing import Annotated, Any

import msgspec

from crypto.content import generate_content_key
from crypto.documents import Signed
from nodes.items.certified import coin_server_of
from nodes.items.keys import GameKeys
from nodes.peer.item_trading.books import PROTOCOL, Books
from nodes.peer.item_trading.money import TradeCash
from nodes.protocols.envelope import Opened
from nodes.protocols.errors import Refused
from nodes.protocols.item_trading import (
    complaint,
    direct_sale,
    listing_proof,
    outcome,
    sale_by_market,
    unlisting,
)
from nodes.protocols.item_trading.certificate import read_certificate
from nodes.protocols.item_trading.documents import (
    SERIAL_BYTES,
    Deal,
    Model,
    Price,
    PurchaseOrder,
)
from nodes.protocols.item_trading.messages import (
    Announcement,
    BuyerFound,
    ItemInformation,
    KeyDemand,
    PaidNotice,
    Proceeds,
    ProofAnswer,
    SaleRequest,
    Unlisted,
)
from nodes.protocols.item_trading.players import Offering, OfferingState, Sale, SaleState
from nodes.protocols.item_trading.reading import is_signed, opened
from nodes.protocols.item_trading.refusals import UnknownItem, UnknownListing, WrongState
from nodes.protocols.message import Message, PartyId, Received, Role, TransactionId
from nodes.runtime.control import Request, bytes_from_hex
from nodes.runtime.log import get_log
from nodes.runtime.outbox import Entry
from nodes.runtime.party import Answer, Party
from nodes.runtime.refusals import UnknownParty, UnknownSender
from nodes.runtime.service import Service
from nodes.runtime.store import Transaction

SECRET_BYTES = 32
_OWN = b"own"


class SellItem(Request, frozen=True):
    serial: str
    """Of the certificate, hex."""
    market: str
    """Its name."""
    price: Price
    model: Model = 1
    """1: the market sells in our place. 2: we prove to own it, and sell ourselves."""
    valid_seconds: Annotated[float, msgspec.Meta(gt=0, le=10**7)] = 24 * 3600.0


class UnlistItem(Request, frozen=True):
    transaction: str
    """Of the offering, hex."""


class Selling:
    def __init__(self, service: Service, books: Books, keys: GameKeys, money: TradeCash) -> None:
        self._service, self._party = service, service.party
        self._books, self._keys, self._money = books, keys, money
        self._secrets = service.party.store.table("item_proof_secret", bytes)
        self._secret = self._load_secret()
        self._collecting: set[TransactionId] = set()
        self.changed: Callable[[Sale], None] = lambda sale: None
        """Hears of each sale as it stands; set by whoever watches deadlines."""
        service.operation("item_sell", SellItem, self.sell, "Offer an item at a market")
        service.operation(
            "item_unlist", UnlistItem, self.unlist, "Take an item off a market's list"
        )
        service.on_answer(SaleRequest, self._listed)
        service.on_answer(ItemInformation, self._committed)
        service.on_answer(Announcement, self._opened)
        service.on_answer(ProofAnswer, self._proven)
        for asked in (SaleRequest, ItemInformation, Announcement, ProofAnswer):
            service.on_refusal(asked, self._not_listed)
        service.handles(BuyerFound, self._ship)
        service.handles(PaidNotice, self._paid_notice)
        service.handles(KeyDemand, self._show_key)
        service.handles(Proceeds, self._proceeds)

    def _load_secret(self) -> bytes:
        """From which every nonce of every proof follows."""
        store = self._party.store
        secret = self._secrets.get(store.committed, _OWN)
        if secret is None:
            secret = self._party.fresh(SECRET_BYTES)
            with store.setup() as tx:
                self._secrets.put(tx, _OWN, secret)
        return secret

    async def resume(self) -> None:
        for sale in self._books.sales.values(self._books.reader):
            self.look_at(sale)

    # 1.1, 2.1

    async def sell(self, asked: SellItem, party: Party) -> dict[str, Any]:
        serial = bytes_from_hex(asked.serial, "serial", SERIAL_BYTES)
        own = self._books.items.get(self._books.reader, serial)
        if own is None:
            raise UnknownItem()
        market = await self._market(asked.market)
        listing, now = party.fresh_transaction(), party.now()
        payee_key = await self._money.payee_key(listing)
        terms: dict[str, Any] = {
            "market": market,
            "listing": listing,
            "price": asked.price,
            "payee_key": payee_key,
            "valid_until": now + round(asked.valid_seconds * 1000),
            "now": now,
        }
        offering: Offering
        message: Message
        if asked.model == 1:
            offering, message = sale_by_market.offer_to_market(
                own.certificate, seller=party.key, **terms
            )
        else:
            offering, message = listing_proof.offer_by_proof(own.certificate, me=party.id, **terms)
        await self._keys.of(read_certificate(own.certificate.content).server)
        async with party.store.transaction() as tx:
            self._books.offerings.put(tx, listing, offering)
            party.post(tx, market, message, listing)
        return {"transaction": listing.hex()}

    async def _market(self, name: str) -> PartyId:
        card = await self._party.directory.named(name)
        if card.role is not Role.MARKET:
            raise UnknownParty(f"{name} is no market")
        return card.id

    # U1

    async def unlist(self, asked: UnlistItem, party: Party) -> dict[str, Any]:
        """Off the list when this returns. Raises the market's refusal, as when it is being sold."""
        listing = bytes_from_hex(asked.transaction, "transaction", 16)
        to = unlisting.ask_to_unlist(self._books.offering(self._books.reader, listing))
        await party.send(to.recipient, to.message, listing, Unlisted)
        with contextlib.suppress(WrongState):  # asked twice at once
            async with party.store.transaction() as tx:
                closed = unlisting.unlisted(self._books.offering(tx, listing))
                self._books.offerings.put(tx, listing, closed)
        return {"transaction": asked.transaction}

    # 1.2

    async def _listed(self, answer: Opened[Any], message: Message, party: Party) -> None:
        with contextlib.suppress(WrongState):  # it may be sold by now
            async with party.store.transaction() as tx:
                offering = self._books.offering(tx, answer.transaction)
                listed = sale_by_market.listed_by_market(offering, answer.message, party.guards)
                self._books.offerings.put(tx, listed.listing, listed)
                self._books.evidence.keep_message(tx, answer)

    async def _not_listed(
        self, error: Refused, entry: Entry, message: Message, party: Party
    ) -> None:
        await self._close(entry.transaction, error)

    async def _close(self, listing: TransactionId, error: Refused) -> None:
        get_log().info("not_listed", listing=listing.hex(), code=error.code)
        with contextlib.suppress(WrongState):
            async with self._party.store.transaction() as tx:
                closed = sale_by_market.not_listed(self._books.offering(tx, listing))
                self._books.offerings.put(tx, listing, closed)

    # 2.2

    async def _owner(self, offering: Offering) -> listing_proof.Owner:
        party = self._party
        game_server = read_certificate(offering.certificate.content).server
        game_key = await self._keys.of(game_server)
        return listing_proof.Owner(party.key, game_key, self._secret, party.guards)

    async def _committed(self, answer: Opened[Any], message: Message, party: Party) -> None:
        """2.2a, 2.2b: the commitment is on disk before anything is announced."""
        owner = await self._owner(self._books.offering(self._books.reader, answer.transaction))
        try:
            async with party.store.transaction() as tx:
                offering = self._books.offering(tx, answer.transaction)
                committed, announcement = owner.announce(offering, answer.message)
                self._books.offerings.put(tx, offering.listing, committed)
                party.post(tx, offering.market, announcement, offering.listing)
        except WrongState:
            return  # it went on from here before
        except Refused as error:
            await self._close(answer.transaction, error)

    async def _opened(self, answer: Opened[Any], message: Message, party: Party) -> None:
        """2.2c, 2.2d."""
        owner = await self._owner(self._books.offering(self._books.reader, answer.transaction))
        try:
            async with party.store.transaction() as tx:
                offering = self._books.offering(tx, answer.transaction)
                if offering.state is OfferingState.ASKED:
                    proof = owner.answer(offering, answer.message)
                    party.post(tx, offering.market, proof, offering.listing)
        except Refused as error:
            await self._close(answer.transaction, error)

    async def _proven(self, answer: Opened[Any], message: Message, party: Party) -> None:
        """2.2e."""
        with contextlib.suppress(WrongState):
            async with party.store.transaction() as tx:
                offering = self._books.offering(tx, answer.transaction)
                listed = listing_proof.listed_by_proof(offering)
                self._books.offerings.put(tx, listed.listing, listed)

    # 2.4, 2.5

    async def _ship(self, received: Opened[BuyerFound], party: Party) -> Answer:
        deal = opened(Deal, received.message.deal)
        certified = await self._certified_key(deal.buyer)
        key = generate_content_key()
        async with party.store.transaction() as tx:
            offering = self._offered(tx, deal, received.message.order)
            taken, sale, to = direct_sale.ship(
                offering,
                received.message,
                sender=received.sender,
                trade=received.transaction,
                seller=party.key,
                certified_key=certified,
                session_key=key,
                now=party.now(),
                guards=party.guards,
            )
            self._books.offerings.put(tx, taken.listing, taken)
            self._save(tx, sale)
            party.post(tx, to.recipient, to.message, sale.trade)
            self._books.evidence.keep_message(tx, received)
            return party.answer(tx, received, Received())

    async def _certified_key(self, buyer: PartyId) -> bytes:
        """As its card has it; empty for whoever was never certified: no key is that one."""
        try:
            return (await self._party.directory.card(buyer)).sealing_key
        except UnknownSender:
            return b""

    def _offered(
        self, tx: Transaction, deal: Deal, order: Signed[PurchaseOrder] | None
    ) -> Offering:
        """The offering a deal is about: this item, at this market, and of several the ordered one.

        Raises UnknownListing.
        """
        found = [it for it in self._books.offerings.values(tx) if _is_of(deal, it)]
        if not found:
            raise UnknownListing()
        if order is None or not is_signed(PurchaseOrder, order):
            return found[0]
        named = opened(PurchaseOrder, order).listing
        return next((it for it in found if it.listing == named), found[0])

    # 2.7, 2.8

    async def _paid_notice(self, received: Opened[PaidNotice], party: Party) -> Answer:
        coin_servers = await coin_server_of(party, received.message.paid)
        async with party.store.transaction() as tx:
            sale = self._books.sale(tx, received.transaction)
            offering = self._books.offering(tx, sale.listing)
            sent, to = direct_sale.paid_notice_arrives(
                sale, offering, received.message, coin_servers, party.guards
            )
            self._save(tx, sent)
            party.post(tx, to.recipient, to.message, sale.trade)
            self._books.evidence.keep_message(tx, received)
            return party.answer(tx, received, Received())

    # C2

    async def _show_key(self, received: Opened[KeyDemand], party: Party) -> Answer:
        sale = self._books.sale(self._books.reader, received.transaction)
        return party.reply(received, complaint.show_key(sale, received.sender))

    # 10

    async def _proceeds(self, received: Opened[Proceeds], party: Party) -> Answer:
        async with party.store.transaction() as tx:
            offering = self._books.offering(tx, received.message.listing)
            sold, sale = outcome.proceeds_arrive(
                offering,
                self._books.sales.get(tx, received.transaction),
                received.message,
                sender=received.sender,
                seller=party.id,
                trade=received.transaction,
            )
            self.keep_end(tx, sold, sale)
            self._books.evidence.keep_message(tx, received)
            return party.answer(tx, received, Received())

    def keep_end(self, tx: Transaction, offering: Offering, sale: Sale) -> None:
        """How a sale ended, and what follows from it."""
        self._books.offerings.put(tx, offering.listing, offering)
        if sale.state is SaleState.EARNED:
            self._books.give_away(tx, offering.certificate)
        self._save(tx, sale)

    def _save(self, tx: Transaction, sale: Sale) -> None:
        self._books.sales.put(tx, sale.trade, sale)
        tx.after_commit.append(lambda: self.look_at(sale))

    def look_at(self, sale: Sale) -> None:
        if sale.state is SaleState.EARNED and sale.trade not in self._collecting:
            self._collecting.add(sale.trade)
            self._service.spawn(self._collect(sale))
        self.changed(sale)

    async def _collect(self, sale: Sale) -> None:
        """The word to the coin server, and the coin into the wallet."""
        amount = 0
        try:
            if sale.paid is not None and sale.word is not None:
                amount = await self._money.collect(sale.trade, sale.paid, sale.word)
        except Refused as error:
            get_log().warning("not_collected", trade=sale.trade.hex(), code=error.code)
        finally:
            self._collecting.discard(sale.trade)
        with contextlib.suppress(WrongState):
            paid = await self._books.change_sale(
                sale.trade, lambda it: outcome.collected(it, amount)
            )
            self._party.observer.read(PROTOCOL, "10", sale.trade, "amount", paid.amount)
            self.changed(paid)


def _is_of(deal: Deal, offering: Offering) -> bool:
    """Whether it offers a deal's item at the deal's market, to be sold by the owner."""
    made = read_certificate(offering.certificate.content)
    offered = (offering.model, offering.market, made.serial)
    open_ = offering.state in (OfferingState.LISTED, OfferingState.IN_TRADE)
    return open_ and offered == (2, deal.market, deal.serial)
