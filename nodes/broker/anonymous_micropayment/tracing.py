"""K1, T0, T1, broker: the key it shares with the authority, complaints, and the names behind them.

Who is behind a pseudonym is asked by the broker's owner, complaint by complaint.
"""

from typing import Any

from crypto import codec
from crypto.codec import MalformedEncoding
from crypto.documents import Signed, content_digest
from nodes.broker.anonymous_micropayment.books import Books
from nodes.protocols.anonymous_micropayment import tracing as rule
from nodes.protocols.anonymous_micropayment.messages import (
    AskSharedKey,
    Complain,
    IdentityTold,
    RequestIdentity,
    SharedKeyGiven,
)
from nodes.protocols.anonymous_micropayment.refusals import EvidenceDoesNotFit
from nodes.protocols.anonymous_micropayment.state import Complained
from nodes.protocols.anonymous_micropayment.values import PSEUDONYM_BYTES, Complaint
from nodes.protocols.envelope import Opened
from nodes.protocols.message import Received, Role
from nodes.runtime.control import Request, bytes_from_hex
from nodes.runtime.party import Answer, Party
from nodes.runtime.service import Service
from nodes.wallet.asking import ask_until_answered


class Trace(Request, frozen=True):
    """`evidence`: a vendor's signed complaint, hex. Without any, only the pseudonym is shown."""

    evidence: str = ""
    pseudonym: str = ""


class Tracing:
    def __init__(self, service: Service, books: Books) -> None:
        self._service = service
        self._party = service.party
        self._books = books
        self._complained = service.party.store.table("pid_complained", Complained)
        """By the complaint's digest."""
        service.handles(Complain, self._take)
        service.operation("pid_trace", Trace, self._trace, "Ask who is behind a pseudonym")
        service.awaits("key shared with the authority", books.knows_shared_key)
        service.at_start(self._start)
        service.accounts_for(self._ledger)

    async def _start(self) -> None:
        if not self._books.knows_shared_key():
            self._service.spawn(self._share_key())

    async def _share_key(self) -> None:
        """K1, K2: once in the life of this broker."""
        party = self._party
        authority = await party.directory.one(Role.CERTIFICATE_AUTHORITY)
        transaction = party.fresh_transaction()
        answer = await ask_until_answered(
            party, authority.id, AskSharedKey(), transaction, SharedKeyGiven
        )
        async with party.store.transaction() as tx:
            self._books.keep_shared_key(tx, answer.message.key)

    async def _take(self, received: Opened[Complain], party: Party) -> Answer:
        """T0."""
        signed = received.message.complaint
        order = rule.read_complaint(signed).order
        async with party.store.transaction() as tx:
            place = self._books.place_of(tx, order)
            complained = rule.take_complaint(
                signed,
                received.sender,
                party.id,
                self._books.vendors.get(tx, order.vendor.encode()),
                self._books.settled.get(tx, place.key),
            )
            key = content_digest(Complaint, signed.content)
            if self._complained.get(tx, key) is None:
                self._complained.put(tx, key, complained)
            return party.answer(tx, received, Received())

    async def _trace(self, asked: Trace, party: Party) -> dict[str, Any]:
        """T1, T2. The authority decides whether that is evidence."""
        key, request = self._request(asked)
        authority = await party.directory.one(Role.CERTIFICATE_AUTHORITY)
        told = await party.send(authority.id, request, party.fresh_transaction(), IdentityTold)
        async with party.store.transaction() as tx:
            complained = self._complained.get(tx, key)
            assert complained is not None, "the authority names nobody without a complaint"
            self._complained.put(tx, key, rule.take_identity(complained, told.message))
        name = (await party.directory.card(told.message.identity)).name
        return {"identity": told.message.identity.hex(), "name": name}

    def _request(self, asked: Trace) -> tuple[bytes, RequestIdentity]:
        """Raises EvidenceDoesNotFit for a complaint that nobody brought here."""
        if not asked.evidence:
            pseudonym = bytes_from_hex(asked.pseudonym, "pseudonym", PSEUDONYM_BYTES)
            return b"", RequestIdentity(pseudonym, None)
        try:
            signed = codec.decode(bytes_from_hex(asked.evidence, "evidence"), Signed[Complaint])
        except MalformedEncoding as error:
            raise EvidenceDoesNotFit(str(error)) from error
        key = content_digest(Complaint, signed.content)
        complained = self._complained.get(self._party.store.committed, key)
        if complained is None or complained.complaint != signed:
            raise EvidenceDoesNotFit("no vendor has complained so")
        return key, rule.request_identity(complained)

    def _ledger(self) -> dict[str, Any]:
        return {
            "complaints": [
                {
                    "pseudonym": complained.pseudonym.hex(),
                    "vendor": rule.read_complaint(complained.complaint).vendor_name,
                    "text": rule.read_complaint(complained.complaint).text,
                    "evidence": codec.encode(complained.complaint).hex(),
                    "identity": complained.identity.hex() if complained.identity else "",
                }
                for complained in self._complained.values(self._party.store.committed)
            ]
        }
