"""The authority's side of the membership: enrolment, cards, the roster."""

import asyncio
import contextlib
from typing import Any

import msgspec

from crypto.certificates import CertificateAuthorityKey, issue_certificate
from crypto.documents import Signed, document_digest, open_document, sign_document
from dht.records import Roster
from nodes.protocols.envelope import Opened
from nodes.protocols.membership.enrolment import admit, welcome
from nodes.protocols.membership.messages import (
    MOST_PARTIES,
    Card,
    Enrol,
    FindParties,
    Listed,
    Parties,
    RosterAnswer,
    RosterQuery,
)
from nodes.protocols.membership.roster import first_roster
from nodes.protocols.message import Milliseconds, PartyId, Role
from nodes.runtime.enrolment import Membership, own_card
from nodes.runtime.party import Answer, Party
from nodes.runtime.service import Service
from nodes.runtime.store import Transaction

CERTIFICATE_SECONDS = 366 * 24 * 3600
ROSTER_WAIT_SECONDS = 2.0
"""How long a question for the roster waits for one to be signed."""


class _Authority(msgspec.Struct, frozen=True):
    key_pem: bytes
    certificate: bytes


class _Party(msgspec.Struct, frozen=True):
    listed: Listed
    enrolled_at: Milliseconds


def install(service: Service) -> "Books":
    books = Books(service)
    service.enrol_with = books.certify_itself
    service.handles(Enrol, books.enrol, from_strangers=True)
    service.handles(FindParties, books.find)
    service.handles(RosterQuery, books.roster)
    service.awaits("roster", lambda: books.newest_roster is not None)
    service.accounts_for(books.ledger)
    return books


class Books:
    """Every party's newest card and certificate, and every roster."""

    def __init__(self, service: Service) -> None:
        party = self._party = service.party
        store = party.store
        self._parties = store.table("parties", _Party)
        self._names = store.table("names", bytes)
        self._rosters = store.table("rosters", Signed[Roster])
        self._authority = _load_authority(party)
        self._listed = {id_: record.listed for id_, record in self._parties.items(store.committed)}
        self._cards = {id_: _card(listed) for id_, listed in self._listed.items()}
        self._signed = self._rosters.values(store.committed)
        self._roster_signed = asyncio.Event()

    @property
    def newest_roster(self) -> Signed[Roster] | None:
        return self._signed[-1] if self._signed else None

    def waiting(self) -> list[Card]:
        """Enrolled peers that no roster has named yet, in the order they came."""
        named: set[PartyId] = set()
        for signed in self._signed:
            named.update(open_document(Roster, signed).members)
        rows = [
            (row.enrolled_at, _card(row.listed))
            for row in self._parties.values(self._party.store.committed)
        ]
        peers = [(at, card) for at, card in rows if card.role is Role.PEER and card.id not in named]
        return [card for _, card in sorted(peers, key=lambda row: (row[0], row[1].name))]

    def cards(self) -> list[Card]:
        return list(self._cards.values())

    async def certify_itself(self, service: Service) -> Membership:
        """The authority's own card and certificate, which nobody else gives."""
        party = self._party
        stored = self._parties.get(party.store.committed, party.id)
        before = _card(stored.listed) if stored else None
        card = own_card(service, before)
        certificate = stored.listed.certificate if stored else self._certify(card)
        listed = Listed(sign_document(card, party.key), certificate)
        async with party.store.transaction() as tx:
            self._save(tx, card, listed)
        membership = Membership(listed.card, certificate, card, self._authority.certificate)
        party.directory.use(membership, self._look_up)
        return membership

    async def enrol(self, received: Opened[Enrol], party: Party) -> Answer:
        """Steps E1, E2."""
        async with party.store.transaction() as tx:
            request = received.message
            known = self._parties.get(tx, received.sender)
            card = admit(
                request,
                received.sender,
                party.settings.secret,
                known=_card(known.listed) if known else None,
                of_that_name=self._names.get(tx, _name_on(request)),
            )
            certificate = known.listed.certificate if known else self._certify(card)
            self._save(tx, card, Listed(request.card, certificate))
            self._sign_roster_when_all_are_there(tx)
            authority = self._authority.certificate
            answer = welcome(card.id, party.id, certificate, authority, party.settings.secret)
            return party.answer(tx, received, answer)

    async def find(self, received: Opened[FindParties], party: Party) -> Answer:
        """Steps F1, F2."""
        return party.reply(received, await self._look_up(received.message))

    async def roster(self, received: Opened[RosterQuery], party: Party) -> Answer:
        """Steps N1, N2."""
        if self.newest_roster is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ROSTER_WAIT_SECONDS):
                    await self._roster_signed.wait()
        return party.reply(received, self._newer_than(received.message.after))

    def ledger(self) -> dict[str, Any]:
        shown = [
            {"content": roster.content.hex(), "signatures": [roster.signatures[0].hex()]}
            for roster in self._signed
        ]
        return {
            "parties": [
                {
                    "id": card.id.hex(),
                    "name": card.name,
                    "role": card.role.value,
                    "url": card.url,
                }
                for card in self._cards.values()
            ],
            "roster": shown[-1] if shown else None,
            "rosters": shown,
        }

    # inside

    def _newer_than(self, epoch: int) -> RosterAnswer:
        """Epochs are counted from 1, without a gap."""
        if epoch >= len(self._signed):
            return RosterAnswer(None, None)
        return RosterAnswer(self._signed[epoch], len(self._signed))

    async def _look_up(self, query: FindParties) -> Parties:
        found = [id_ for id_ in query.ids if id_ in self._cards]
        for id_, card in self._cards.items():
            if card.name == query.name or card.role is query.role:
                found.append(id_)
        found = list(dict.fromkeys(found))
        return Parties(tuple(self._listed[id_] for id_ in found[:MOST_PARTIES]))

    def _certify(self, card: Card) -> bytes:
        return issue_certificate(
            CertificateAuthorityKey.from_pem(self._authority.key_pem),
            self._authority.certificate,
            public_key=card.id,
            name=card.name,
            role=card.role.value,
            now=self._party.now(),
            lifetime_seconds=CERTIFICATE_SECONDS,
        )

    def _save(self, tx: Transaction, card: Card, listed: Listed) -> None:
        known = self._parties.get(tx, card.id)
        since = known.enrolled_at if known else self._party.now()
        self._parties.put(tx, card.id, _Party(listed, since))
        self._names.put(tx, card.name.encode(), card.id)

        def show() -> None:
            self._listed[card.id] = listed
            self._cards[card.id] = card

        tx.after_commit.append(show)

    def _sign_roster_when_all_are_there(self, tx: Transaction) -> None:
        if self._rosters.count(tx):
            return
        cards = [_card(record.listed) for record in self._parties.values(tx)]
        peers = sorted((card for card in cards if card.role is Role.PEER), key=lambda c: c.name)
        settings = self._party.settings
        if len(peers) < settings.expected_peers:
            return
        in_time = [card.id for card in peers[: len(peers) - settings.late_peers]]
        self.sign(tx, first_roster(in_time, self._party.id))

    def sign(self, tx: Transaction, roster: Roster) -> None:
        """The roster of the epoch after the newest, from now on the newest."""
        signed = sign_document(roster, self._party.key)
        self._rosters.put(tx, roster.epoch.to_bytes(8, "big"), signed)
        self._party.decided(
            "membership",
            "N",
            "SignRoster",
            document_digest(roster)[:16],
            members=len(roster.members),
        )

        def tell() -> None:
            self._signed.append(signed)
            self._roster_signed.set()

        tx.after_commit.append(tell)


def _name_on(request: Enrol) -> bytes:
    """The name on a card of which nothing has been checked yet; empty if unreadable."""
    try:
        return _card_content(request.card).name.encode()
    except ValueError:
        return b""


def _card(listed: Listed) -> Card:
    return _card_content(listed.card)


def _card_content(signed: Signed[Card]) -> Card:
    return msgspec.msgpack.decode(signed.content, type=Card)


def _load_authority(party: Party) -> _Authority:
    """The P-256 key that signs certificates, made at the first start."""
    table = party.store.table("authority", _Authority)
    authority = table.get(party.store.committed, b"own")
    if authority is not None:
        return authority
    key = CertificateAuthorityKey.generate()
    certificate = key.certify_itself(
        party.name, now=party.now(), lifetime_seconds=10 * CERTIFICATE_SECONDS
    )
    authority = _Authority(key.to_pem(), certificate)
    with party.store.setup() as tx:
        table.put(tx, b"own", authority)
    return authority
