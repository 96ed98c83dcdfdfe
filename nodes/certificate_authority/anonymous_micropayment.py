"""The authority's side of the anonymous micropayment: it gives pseudonyms and, on evidence, names.

It keeps who was given which pseudonym, and never sees an order but in a complaint.
"""

from typing import Any

from nodes.protocols.anonymous_micropayment import pseudonym as rule
from nodes.protocols.anonymous_micropayment import tracing
from nodes.protocols.anonymous_micropayment.messages import (
    AskSharedKey,
    RequestIdentity,
    RequestPseudonym,
    SharedKeyGiven,
)
from nodes.protocols.anonymous_micropayment.state import Named, Traced
from nodes.protocols.anonymous_micropayment.values import (
    PSEUDONYM_BYTES,
    SECRET_BYTES,
    Secret,
)
from nodes.protocols.envelope import Opened
from nodes.protocols.errors import Refused
from nodes.protocols.message import PartyId, Role
from nodes.runtime.party import Answer, Party
from nodes.runtime.service import Service

PSEUDONYM_SECONDS = 30 * 24 * 3600


def install(service: Service) -> None:
    names = Names(service)
    service.handles(AskSharedKey, names.share_key)
    service.handles(RequestPseudonym, names.give)
    service.handles(RequestIdentity, names.tell)
    service.accounts_for(names.ledger)


class Names:
    """identity <-> PID, and whom this authority has named to whom."""

    def __init__(self, service: Service) -> None:
        self._party = service.party
        store = service.party.store
        self._shared = store.table("pid_shared_keys", Secret)
        """BCA_key by broker."""
        self._named = store.table("pid_named", Named)
        self._traced = store.table("pid_traced", Traced)
        """By the pseudonym and the transaction that asked."""

    async def share_key(self, received: Opened[AskSharedKey], party: Party) -> Answer:
        """K1 -> K2."""
        async with party.store.transaction() as tx:
            known = self._shared.get(tx, received.sender)
            key = rule.share_key(known, party.fresh(SECRET_BYTES))
            self._shared.put(tx, received.sender, key)
            return party.reply(received, SharedKeyGiven(key))

    async def give(self, received: Opened[RequestPseudonym], party: Party) -> Answer:
        """Step 1 -> 2. The signature of the envelope is the proof of identity."""
        broker = received.message.broker
        async with party.store.transaction() as tx:
            named, given = rule.name_customer(
                received.sender,
                broker,
                party.fresh(PSEUDONYM_BYTES),
                self._shared.get(tx, broker),
                now=party.now(),
                lifetime=PSEUDONYM_SECONDS * 1000,
                guards=party.guards,
            )
            self._named.put(tx, named.pseudonym, named)
            return party.answer(tx, received, given)

    async def tell(self, received: Opened[RequestIdentity], party: Party) -> Answer:
        """T1 -> T2."""
        request = received.message
        certified = await self._is_vendor(request, party)
        async with party.store.transaction() as tx:
            traced = tracing.tell_identity(
                request,
                received.sender,
                self._named.get(tx, request.pseudonym),
                vendor_is_certified=certified,
                now=party.now(),
            )
            self._traced.put(tx, traced.pseudonym + received.transaction, traced)
            return party.answer(tx, received, tracing.identity_told(traced))

    async def _is_vendor(self, request: RequestIdentity, party: Party) -> bool:
        """Whether the complaint is a certified peer's or escrow server's."""
        if request.complaint is None:
            return False
        vendor: PartyId = tracing.read_complaint(request.complaint).vendor
        try:
            return await party.directory.role_of(vendor) in (Role.PEER, Role.ESCROW_SERVER)
        except Refused:
            return False

    def ledger(self) -> dict[str, Any]:
        """Who is behind each pseudonym, for the authority's owner, and whom it has named."""
        reader, name_of = self._party.store.committed, self._party.directory.name_of
        return {
            "named": [
                {
                    "pseudonym": named.pseudonym.hex(),
                    "identity": named.identity.hex(),
                    "name": name_of(named.identity),
                    "broker": named.broker.hex(),
                }
                for named in self._named.values(reader)
            ],
            "traced": [
                {
                    "pseudonym": traced.pseudonym.hex(),
                    "identity": traced.identity.hex(),
                    "broker": traced.broker.hex(),
                    "text": tracing.read_complaint(traced.complaint).text,
                    "at": traced.traced_at,
                }
                for traced in self._traced.values(reader)
            ],
        }
