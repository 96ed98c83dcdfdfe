"""Steps P2, P3: a parcel becomes a coin of one's own, for a merchant or an escrow server."""

import asyncio
from typing import Any

import msgspec

from crypto.hashing import Digest
from nodes.cash_wallet.purse import Purse
from nodes.cash_wallet.undecided import Undecided
from nodes.protocols.electronic_cash import payment as rule
from nodes.protocols.electronic_cash.circulation import parcel_digest
from nodes.protocols.electronic_cash.documents import SalePayment
from nodes.protocols.electronic_cash.holding import INCOMING_MOVES, Incoming, IncomingPhase
from nodes.protocols.electronic_cash.messages import Accepted, Acknowledge, Pay
from nodes.protocols.electronic_cash.refusals import KeyInUse, PaymentNotAsOrdered, WrongCoinServer
from nodes.protocols.envelope import Opened
from nodes.protocols.errors import OutcomeUnknown, Refused
from nodes.protocols.message import PartyId, Role, TransactionId
from nodes.runtime.alone import Alone
from nodes.runtime.evidence import shown
from nodes.runtime.log import get_log
from nodes.runtime.service import Service
from nodes.wallet.asking import FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS, is_for_now

_OWN = b"own"


class Till:
    """What was presented, by the digest of its parcel."""

    def __init__(self, service: Service, purse: Purse) -> None:
        self._service, self._party, self._purse = service, service.party, purse
        self.table = service.party.store.table("cash_incoming", Incoming)
        self._by_transaction = service.party.store.table("cash_incoming_of", Digest)
        self._chosen = service.party.store.table("cash_coin_server", PartyId)
        self._alone = Alone()
        """With a parcel: two answers would be two coins in the purse."""
        self._undecided = Undecided()
        self._going_on: set[bytes] = set()
        service.at_start(self._resume)
        service.shows(self)

    async def choose(self, coin_server: PartyId) -> None:
        """From now on every payment is presented there, wherever its coins' home is."""
        async with self._party.store.transaction() as tx:
            self._chosen.put(tx, _OWN, coin_server)

    def _entry_server(self, home: PartyId) -> PartyId:
        return self._chosen.get(self._party.store.committed, _OWN) or home

    async def _resume(self) -> None:
        for record in self.table.values(self._party.store.committed):
            if record.state is IncomingPhase.PRESENTED:
                self._start_going_on(record)

    def _start_going_on(self, record: Incoming) -> None:
        self._undecided.unanswered(record.home, record.parcel_digest)
        if record.parcel_digest not in self._going_on:
            self._going_on.add(record.parcel_digest)
            self._service.spawn(self._go_on(record))

    async def _go_on(self, record: Incoming) -> None:
        """The payer may never come back: the coin is taken all the same."""
        delay, name = FIRST_DELAY_SECONDS, record.parcel_digest
        try:
            while True:
                await asyncio.sleep(delay)
                delay = min(2 * delay, LONGEST_DELAY_SECONDS)
                try:
                    async with self._alone.with_name(name):
                        if (known := self._load(name)) is not None:
                            await self._present(known)
                    return
                except (OutcomeUnknown, Refused) as error:
                    if not is_for_now(error):
                        get_log().info("parcel_refused", code=error.code)
                        return
        finally:
            self._going_on.discard(name)

    async def take(
        self, message: Pay | SalePayment, transaction: TransactionId, *, forgets: bool = False
    ) -> Incoming:
        """The coin is on disk when this returns. Raises the coin server's refusal, with its
        evidence, or OutcomeUnknown: then the same parcel may be taken again.

        Raises WrongCoinServer where the coins' home is none: anybody would call its own coins good;
        NotReady while too much of that home's is undecided.
        `forgets`: of what is refused nothing is kept; anybody may have sent it.
        """
        name = parcel_digest(message.parcel)
        role = await self._party.directory.role_of(message.coin_server)
        if role is not Role.COIN_SERVER:
            raise WrongCoinServer(f"{role} has no coins")
        async with self._alone.with_name(name):
            record = self._known(name, message)
            if record is None:
                await self._undecided.enter(message.coin_server, name)
                record = await self._kept(name, message, transaction, forgets)
            try:
                return await self._present(record)
            except (Refused, OutcomeUnknown) as error:
                if is_for_now(error):
                    self._start_going_on(record)
                raise

    def _known(self, name: bytes, message: Pay | SalePayment) -> Incoming | None:
        """Raises PaymentNotAsOrdered for another's record."""
        known = self._load(name)
        if known is not None:
            said = (message.coin_server, message.amount, message.reference)
            if said != (known.home, known.amount, known.reference):
                raise PaymentNotAsOrdered("this parcel came with another amount or purpose")
        return known

    async def _kept(
        self, name: bytes, message: Pay | SalePayment, transaction: TransactionId, forgets: bool
    ) -> Incoming:
        """The record of this parcel, on disk."""
        party = self._party
        try:
            async with party.store.transaction() as tx:
                record, _ = rule.incoming(
                    message,
                    self._purse.wallet,
                    self._purse.numbers.next_incoming(tx),
                    party.key,
                    entry_server=self._entry_server(message.coin_server),
                    transaction=transaction,
                    forgets=forgets,
                )
                self.table.put(tx, name, record)
                self._by_transaction.put(tx, transaction + name, name)
        except BaseException:
            self._undecided.decided(message.coin_server, name)
            raise
        return record

    async def _present(self, record: Incoming) -> Incoming:
        party, name = self._party, record.parcel_digest
        if record.state is IncomingPhase.RECEIVED:
            return record
        try:
            record, answer = await self._ask(record)
        except Refused as error:
            if not is_for_now(error) and record.state is IncomingPhase.PRESENTED:
                await self._refused(record, error)
            raise
        done, coin, _ = rule.received(record, answer.message, party.key, self._purse.wallet)
        async with party.store.transaction() as tx:
            self.table.put(tx, name, done)
            self._purse.coins.add(tx, [coin])
            party.post(
                tx, record.entry_server, Acknowledge(answer.message.entry), record.transaction
            )
        self._undecided.decided(record.home, name)
        return done

    async def _refused(self, record: Incoming, error: Refused) -> None:
        """For good: its number serves for another, and what anybody may send is forgotten."""
        name = record.parcel_digest
        async with self._party.store.transaction() as tx:
            if record.forgets:
                self.table.delete(tx, name)
                self._by_transaction.delete(tx, record.transaction + name)
            else:
                refused = record.moved(IncomingPhase.REFUSED, refusal=error.code)
                self.table.put(tx, name, refused)
            if not isinstance(error, KeyInUse):
                self._purse.numbers.give_back(tx, record.index)
        self._undecided.decided(record.home, name)

    async def _ask(self, record: Incoming) -> tuple[Incoming, Opened[Accepted]]:
        """At the coin server chosen, or, where that is silent, at the coins' home.

        Only an acceptance counts there: a refusal may come from what the silent one has done.
        """
        party, message = self._party, rule.present(record)
        try:
            server, transaction = record.entry_server, record.transaction
            return record, await party.send(server, message, transaction, Accepted)
        except OutcomeUnknown:
            if record.entry_server == record.home:
                raise
            try:
                answer = await party.send(record.home, message, record.transaction, Accepted)
            except (OutcomeUnknown, Refused):
                pass
            else:
                return msgspec.structs.replace(record, entry_server=record.home), answer
            raise

    def _load(self, name: bytes) -> Incoming | None:
        return self.table.get(self._party.store.committed, name)

    # inspection

    def summaries(self) -> list[dict[str, Any]]:
        return [self._row(r) for r in self.table.values(self._party.store.committed)]

    def details(self, transaction: bytes) -> list[dict[str, Any]]:
        found = self._by_transaction.values(self._party.store.committed, transaction)
        return [
            {**self._row(r), "evidence": shown(presentation=r.presentation, receipt=r.receipt)}
            for name in found
            if (r := self._load(name))
        ]

    def _row(self, record: Incoming) -> dict[str, Any]:
        return {
            "id": record.transaction.hex(),
            "protocol": "electronic_cash",
            "side": "merchant",
            "what": "payment",
            "state": record.state.value,
            "final": not INCOMING_MOVES[record.state],
            "amount": record.amount,
            "reference": record.reference.hex(),
            "home": record.home.hex(),
            "coin_server": record.entry_server.hex(),
            "refusal": record.refusal or "",
        }
