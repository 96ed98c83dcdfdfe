"""Steps 1, 2, customer: it shows who it is to the authority alone, and gets a pseudonym."""

from typing import Any

from nodes.peer.anonymous_micropayment.books import OWN, Books, Named
from nodes.protocols.anonymous_micropayment.messages import PseudonymGiven, RequestPseudonym
from nodes.protocols.anonymous_micropayment.pseudonym import take_pseudonym
from nodes.protocols.errors import Refused
from nodes.protocols.message import Role, TransactionId
from nodes.runtime.control import Request
from nodes.runtime.party import Party
from nodes.runtime.service import Service
from nodes.wallet.asking import ask_until_answered


class AskedPseudonym(Request, frozen=True):
    pass


class Naming:
    def __init__(self, service: Service, books: Books) -> None:
        self._service = service
        self._party = service.party
        self._books = books
        service.operation("pid_pseudonym", AskedPseudonym, self._ask, "Get a new pseudonym")
        service.at_start(self._resume)

    async def _ask(self, asked: AskedPseudonym, party: Party) -> dict[str, Any]:
        record = Named(party.fresh_transaction(), await self._books.broker())
        async with party.store.transaction() as tx:
            self._books.named.put(tx, record.transaction, record)
        self._service.spawn(self._run(record))
        return {"transaction": record.transaction.hex()}

    async def _resume(self) -> None:
        for record in self._books.named.values(self._party.store.committed):
            if record.state == "asked":
                self._service.spawn(self._run(record))

    async def _run(self, record: Named) -> None:
        """The same request again after a crash brings the same pseudonym."""
        party, message = self._party, RequestPseudonym(record.broker)
        try:
            authority = await party.directory.one(Role.CERTIFICATE_AUTHORITY)
            answer = await ask_until_answered(
                party, authority.id, message, record.transaction, PseudonymGiven
            )
            await self._keep(record.transaction, answer.message)
        except Refused as error:
            await self._refused(record, error)

    async def _keep(self, transaction: TransactionId, given: PseudonymGiven) -> None:
        books = self._books
        async with self._party.store.transaction() as tx:
            record = books.named.get(tx, transaction)
            assert record is not None, "saved before it is asked"
            wallet = take_pseudonym(given, record.broker, self._party.guards)
            books.wallets.put(tx, wallet.pseudonym, wallet)
            books.newest.put(tx, OWN, wallet.pseudonym)
            books.named.put(tx, transaction, Named(transaction, record.broker, given))

    async def _refused(self, record: Named, error: Refused) -> None:
        refused = Named(record.transaction, record.broker, None, error.code)
        async with self._party.store.transaction() as tx:
            self._books.named.put(tx, record.transaction, refused)
