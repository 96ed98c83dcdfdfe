"""What sellers offer: a certificate in custody (model 1) or a proof of having one (model 2)."""

import contextlib
from collections.abc import Callable

from nodes.items.keys import GameKeys
from nodes.market.books import Books
from nodes.protocols.envelope import Opened
from nodes.protocols.item_trading import listing_proof, sale_by_market
from nodes.protocols.item_trading.certificate import read_certificate
from nodes.protocols.item_trading.documents import ListingId
from nodes.protocols.item_trading.messages import (
    Announcement,
    ItemAnswer,
    ItemInformation,
    ItemListed,
    ItemQuery,
    ListQuery,
    ProofAnswer,
    SaleRequest,
    Unlist,
    Unlisted,
)
from nodes.protocols.item_trading.purchase import answer_query, expire_listing
from nodes.protocols.item_trading.reading import known_listing
from nodes.protocols.item_trading.refusals import (
    CertificateRevoked,
    ProofNotAccepted,
    TooEarly,
    WrongState,
)
from nodes.protocols.item_trading.state import Listing, ListingState
from nodes.protocols.item_trading.unlisting import unlist
from nodes.protocols.message import Milliseconds
from nodes.runtime.deadlines import Deadlines
from nodes.runtime.party import Answer, Party
from nodes.runtime.service import Service
from nodes.runtime.store import Transaction

SEED_BYTES = 32


class Listings:
    def __init__(self, service: Service, books: Books, keys: GameKeys) -> None:
        self._party, self._books, self._keys = service.party, books, keys
        service.handles(SaleRequest, self._take_certificate)
        service.handles(ItemInformation, self._take_information)
        service.handles(Announcement, self._take_announcement)
        service.handles(ProofAnswer, self._take_proof)
        service.handles(ListQuery, self._tell)
        service.handles(Unlist, self._unlist)
        self._deadlines = Deadlines(service, self._time_is_over)
        service.at_start(self._resume)

    async def _take_certificate(self, received: Opened[SaleRequest], party: Party) -> Answer:
        """1.1, 1.2."""
        message = received.message
        game_server = read_certificate(message.certificate.content).server
        game_key = await self._keys.of(game_server)
        async with party.store.transaction() as tx:
            listing, answer = sale_by_market.take_sale_request(
                self._books.listings.get(tx, received.transaction),
                message,
                sender=received.sender,
                listing=received.transaction,
                game_key=game_key,
                market=party.key,
                market_name=party.name,
                now=party.now(),
                guards=party.guards,
            )
            self._save(tx, listing)
            self._books.evidence.keep_message(tx, received)
            return party.answer(tx, received, answer)

    async def _take_information(self, received: Opened[ItemInformation], party: Party) -> Answer:
        """2.1, 2.2a: the challenges are drawn, kept, and committed to."""
        async with party.store.transaction() as tx:
            listing = listing_proof.take_information(
                self._books.listings.get(tx, received.transaction),
                received.message,
                sender=received.sender,
                listing=received.transaction,
                seed=party.fresh(SEED_BYTES),
                now=party.now(),
            )
            self._save(tx, listing)
            answer = listing_proof.committed(listing, party.id, party.guards)
            return party.answer(tx, received, answer)

    async def _take_announcement(self, received: Opened[Announcement], party: Party) -> Answer:
        """2.2b, 2.2c: what was announced is on disk before the challenges leave."""
        async with party.store.transaction() as tx:
            listing = known_listing(self._books.listings.get(tx, received.transaction))
            announced, answer = listing_proof.take_announcement(
                listing, received.message, received.sender
            )
            self._save(tx, announced)
            return party.answer(tx, received, answer)

    async def _take_proof(self, received: Opened[ProofAnswer], party: Party) -> Answer:
        """2.2d, 2.2e; the game server is asked for its revocation list (G2)."""
        books = self._books
        listing = known_listing(books.listings.get(party.store.committed, received.transaction))
        game_key = await self._keys.of(listing.game_server)
        is_current = await self._ask(listing)
        try:
            async with party.store.transaction() as tx:
                proven = listing_proof.take_proof(
                    known_listing(books.listings.get(tx, received.transaction)),
                    received.message,
                    sender=received.sender,
                    market=party.id,
                    game_key=game_key,
                    is_current=is_current,
                    guards=party.guards,
                )
                self._save(tx, proven)
                books.evidence.keep_message(tx, received)
                return party.answer(tx, received, ItemListed())
        except (ProofNotAccepted, CertificateRevoked):
            await self._close(listing.listing, listing_proof.unproven)
            raise

    async def _unlist(self, received: Opened[Unlist], party: Party) -> Answer:
        """U1."""
        async with party.store.transaction() as tx:
            listing = known_listing(self._books.listings.get(tx, received.transaction))
            self._save(tx, unlist(listing, received.sender))
            self._books.evidence.keep_message(tx, received)
            return party.answer(tx, received, Unlisted())

    def _save(self, tx: Transaction, listing: Listing) -> None:
        self._books.listings.put(tx, listing.listing, listing)
        tx.after_commit.append(lambda: self._deadlines.set(listing.listing, _ends_at(listing)))

    async def _close(self, name: ListingId, rule: Callable[[Listing], Listing]) -> None:
        with contextlib.suppress(TooEarly, WrongState):
            async with self._party.store.transaction() as tx:
                listing = known_listing(self._books.listings.get(tx, name))
                self._save(tx, rule(listing))

    async def _time_is_over(self, name: ListingId) -> None:
        now = self._party.now()
        await self._close(name, lambda listing: expire_listing(listing, now))

    async def _resume(self) -> None:
        for listing in self._books.listings.values(self._party.store.committed):
            self._deadlines.set(listing.listing, _ends_at(listing))

    async def _ask(self, listing: Listing) -> bool:
        """Raises OutcomeUnknown when the game server does not answer: the proof is sent again."""
        question, transaction = ItemQuery(listing.serial), listing.listing
        answer = await self._party.send(listing.game_server, question, transaction, ItemAnswer)
        return answer.message.current

    async def _tell(self, received: Opened[ListQuery], party: Party) -> Answer:
        """L1."""
        listings = self._books.listings.values(party.store.committed)
        return party.reply(received, answer_query(received.message, listings, party.now()))


def _ends_at(listing: Listing) -> Milliseconds | None:
    """When it leaves the list by itself; one that is being sold ends with its trade."""
    open_ = listing.state in (ListingState.PROVING, ListingState.LISTED)
    return listing.valid_until if open_ else None
