"""How a node enters its world: steps E1, E2 from the party's side.

A node that was certified before and has not moved needs nobody to start again.
"""

import asyncio
import json
from typing import TYPE_CHECKING, Annotated

import aiohttp
import msgspec

from crypto.certificates import CertificateError, check_certificate
from crypto.documents import Signed, open_document, sign_document
from nodes.protocols.errors import OutcomeUnknown, Refused
from nodes.protocols.membership.enrolment import ask_to_enrol, check_welcome
from nodes.protocols.membership.messages import (
    Card,
    CertificateBytes,
    Enrolled,
    UdpAddress,
)
from nodes.protocols.membership.refusals import NotTheParty, NotWelcomed
from nodes.protocols.message import Role
from nodes.runtime.client import read_limited
from nodes.runtime.log import get_log
from nodes.runtime.refusals import BUSY, Unreachable

if TYPE_CHECKING:
    from nodes.runtime.service import Service

FIRST_DELAY_SECONDS = 0.03
LONGEST_DELAY_SECONDS = 0.5
WELL_KNOWN_BYTES = 1 << 16


class Membership(msgspec.Struct, frozen=True):
    """What makes this node a party of its world."""

    card: Signed[Card]
    certificate: CertificateBytes
    authority: Card
    """Where the certificate authority is; not signed: its answer was."""
    authority_certificate: CertificateBytes


class _Authority(msgspec.Struct):
    """What is read of the authority's /.well-known/node; E2 proves it."""

    id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    sealing_key: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    name: str


def own_card(service: "Service", before: Card | None) -> Card:
    """This node's card; the one before, if nothing in it has changed."""
    party = service.party
    udp = UdpAddress(*service.udp) if service.udp else None
    card = Card(
        id=party.id,
        sealing_key=party.sealing_key.public_key,
        role=party.role,
        name=party.name,
        url=service.url,
        udp=udp,
        sequence=before.sequence if before else 1,
    )
    if before is None or card == before:
        return card
    return msgspec.structs.replace(card, sequence=before.sequence + 1)


async def enrol(service: "Service") -> Membership:
    """Return when certified. Raises Refused if this world does not admit the node."""
    party = service.party
    table = service.memberships
    stored = table.get(party.store.committed, b"own")
    before = open_document(Card, stored.card) if stored else None
    card = own_card(service, before)
    if stored is not None and card == before and _still_valid(service, stored):
        party.directory.use(stored)
        return stored
    membership = await _enrol_at_authority(service, sign_document(card, party.key))
    async with party.store.transaction() as tx:
        table.put(tx, b"own", membership)
    party.directory.use(membership)
    return membership


async def _enrol_at_authority(service: "Service", card: Signed[Card]) -> Membership:
    delay = FIRST_DELAY_SECONDS
    while True:
        try:
            authority = await _find_authority(service)
            return await _ask(service, card, authority)
        except OutcomeUnknown as error:
            get_log().info("waiting_for_authority", reason=str(error))
        except Refused as error:
            if error.code not in BUSY:
                raise
        await asyncio.sleep(delay)
        delay = min(2 * delay, LONGEST_DELAY_SECONDS)


async def _ask(service: "Service", card: Signed[Card], authority: Card) -> Membership:
    party, secret = service.party, service.party.settings.secret
    deadline = asyncio.get_running_loop().time() + party.settings.call_seconds
    opened = await party.client.send_to(
        authority, ask_to_enrol(card, secret), party.fresh_transaction(), Enrolled, deadline
    )
    answer = opened.message
    check_welcome(answer, party.id, authority.id, secret)
    membership = Membership(card, answer.certificate, authority, answer.authority_certificate)
    if not _still_valid(service, membership):
        raise NotTheParty("the authority certified something else")
    return membership


def _still_valid(service: "Service", membership: Membership) -> bool:
    party = service.party
    try:
        named = check_certificate(
            membership.certificate, membership.authority_certificate, party.now()
        )
    except CertificateError:
        return False
    return (named.public_key, named.name, named.role) == (party.id, party.name, party.role.value)


async def _find_authority(service: "Service") -> Card:
    """Who answers at the authority's address. Nothing is believed of it before E2."""
    party = service.party
    url = party.settings.ca_url.rstrip("/")
    try:
        async with (
            asyncio.timeout(party.settings.call_seconds),
            party.client.session.get(f"{url}/.well-known/node", allow_redirects=False) as response,
        ):
            body = await read_limited(response.content, WELL_KNOWN_BYTES)
        node = msgspec.convert(json.loads(body), _Authority)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Unreachable(f"certificate authority: {type(error).__name__}") from error
    except (ValueError, RecursionError) as error:
        raise NotWelcomed(f"no certificate authority at {url}: {error}") from error
    return Card(
        id=bytes.fromhex(node.id),
        sealing_key=bytes.fromhex(node.sealing_key),
        role=Role.CERTIFICATE_AUTHORITY,
        name=node.name,
        url=url,
        udp=None,
        sequence=1,
    )
