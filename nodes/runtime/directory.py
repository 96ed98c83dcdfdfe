"""Who is who: cards and roles of other parties, asked for at the certificate authority and kept.

What is found is stored, so a node that starts while the authority is away still knows whom it has
dealt with. No address is taken from anyone but its owner's signed card.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from nodes.protocols.errors import OutcomeUnknown, ProtocolError, Refused
from nodes.protocols.membership.directory import check_listed
from nodes.protocols.membership.messages import MOST_PARTIES, Card, FindParties, Listed, Parties
from nodes.protocols.message import PartyId, Role
from nodes.runtime.refusals import BUSY, CannotCheckSender, UnknownParty, UnknownSender

if TYPE_CHECKING:
    from nodes.runtime.enrolment import Membership
    from nodes.runtime.party import Party

Source = Callable[[FindParties], Awaitable[Parties]]

KEPT_STRANGERS = 1024
"""Keys that nobody has, remembered for a moment so that a flood of them is not asked for again."""
STRANGER_MILLISECONDS = 2_000
REFRESH_MILLISECONDS = 250


class Directory:
    def __init__(self, party: "Party") -> None:
        self._party = party
        self._table = party.store.table("directory", Listed)
        self._cards: dict[PartyId, Card] = {}
        self._strangers: OrderedDict[PartyId, int] = OrderedDict()
        self._asked: dict[PartyId, int] = {}
        self._membership: Membership | None = None
        self._source: Source = self._ask_the_authority

    def use(self, membership: "Membership", source: Source | None = None) -> None:
        """From now on this party is certified. `source`: the authority looks in its own books."""
        self._membership = membership
        if source is not None:
            self._source = source
        else:
            self._cards[membership.authority.id] = membership.authority
        for listed in self._table.values(self._party.store.committed):
            self._keep(listed)

    # what is known already

    def known(self, id_: PartyId) -> Card:
        """A card that was fetched before. Raises UnknownParty."""
        try:
            return self._cards[id_]
        except KeyError:
            raise UnknownParty(id_.hex()) from None

    def name_of(self, id_: PartyId) -> str:
        """For people; the start of the key where the name is not known."""
        if id_ == self._party.id:
            return self._party.name
        card = self._cards.get(id_)
        return card.name if card else id_.hex()[:12]

    def kept(self, role: Role) -> tuple[Card, ...]:
        """The cards of a role that were fetched before, by name."""
        cards = (card for card in self._cards.values() if card.role is role)
        return tuple(sorted(cards, key=lambda card: card.name))

    # what may have to be asked

    async def card(self, id_: PartyId) -> Card:
        """Raises UnknownSender, or CannotCheckSender when the authority does not answer."""
        card = self._cards.get(id_)
        if card is not None:
            return card
        if self._is_stranger(id_):
            raise UnknownSender()
        await self._fetch(FindParties(ids=(id_,)))
        card = self._cards.get(id_)
        if card is None:
            self._remember_stranger(id_)
            raise UnknownSender()
        return card

    async def role_of(self, id_: PartyId) -> Role:
        """The certified role of a sender. Raises as `card` does."""
        if self._membership is not None and id_ == self._membership.authority.id:
            return Role.CERTIFICATE_AUTHORITY
        return (await self.card(id_)).role

    async def find(self, role: Role) -> tuple[Card, ...]:
        """The parties of a role (the first 64), by name; asked anew each time."""
        found = await self._fetch(FindParties(role=role))
        return tuple(sorted(found, key=lambda card: card.name))

    async def newest(self, ids: Iterable[PartyId]) -> tuple[Card, ...]:
        """The newest card of each party that is known; asked anew, some at a time."""
        wanted, cards = list(ids), []
        for start in range(0, len(wanted), MOST_PARTIES):
            cards += await self._fetch(FindParties(ids=tuple(wanted[start : start + MOST_PARTIES])))
        return tuple(cards)

    async def one(self, role: Role) -> Card:
        """The first party of a role, kept once found. Raises UnknownParty."""
        found = self.kept(role) or await self.find(role)
        if not found:
            raise UnknownParty(f"this world has no {role.value}")
        return found[0]

    async def named(self, name: str) -> Card:
        """Raises UnknownParty for a name that no party has."""
        for card in self._cards.values():
            if card.name == name:
                return card
        for card in await self._fetch(FindParties(name=name)):
            return card
        raise UnknownParty(name)

    async def refreshed(self, card: Card) -> Card:
        """The newest card of a party that did not answer; the old one if there is no newer."""
        if self._membership is None or card.id == self._membership.authority.id:
            return card
        now = self._party.now()
        if now - self._asked.get(card.id, 0) < REFRESH_MILLISECONDS:
            return self._cards.get(card.id, card)
        self._asked[card.id] = now
        try:
            await self._fetch(FindParties(ids=(card.id,)), seconds=1.0)
        except ProtocolError:
            return card
        return self._cards.get(card.id, card)

    # inside

    async def _fetch(self, query: FindParties, seconds: float | None = None) -> list[Card]:
        try:
            async with asyncio.timeout(seconds):
                answer = await self._source(query)
        except (OutcomeUnknown, TimeoutError) as error:
            raise CannotCheckSender(str(error)) from error
        except Refused as error:
            if error.code in BUSY:
                raise CannotCheckSender(str(error)) from error
            raise
        return await self._take(answer.found)

    async def _take(self, found: Iterable[Listed]) -> list[Card]:
        cards, news = [], []
        for listed in found:
            card = self._keep(listed)
            if card is not None:
                cards.append(card)
                news.append((card.id, listed))
        if news:
            async with self._party.store.transaction() as tx:
                for id_, listed in news:
                    self._table.put(tx, id_, listed)
        return cards

    def _keep(self, listed: Listed) -> Card | None:
        """The card if it holds and is not older than the one known."""
        assert self._membership is not None, "a party without certificate looks nobody up"
        try:
            card = check_listed(listed, self._membership.authority_certificate, self._party.now())
        except Refused:
            return None
        known = self._cards.get(card.id)
        if known is None or known.sequence < card.sequence:
            self._cards[card.id] = card
        self._strangers.pop(card.id, None)
        return self._cards[card.id]

    def _is_stranger(self, id_: PartyId) -> bool:
        since = self._strangers.get(id_)
        return since is not None and self._party.now() - since < STRANGER_MILLISECONDS

    def _remember_stranger(self, id_: PartyId) -> None:
        self._strangers[id_] = self._party.now()
        while len(self._strangers) > KEPT_STRANGERS:
            self._strangers.popitem(last=False)

    async def _ask_the_authority(self, query: FindParties) -> Parties:
        if self._membership is None:
            raise CannotCheckSender("this node is not enrolled yet")
        party = self._party
        answer = await party.send(
            self._membership.authority.id, query, party.fresh_transaction(), Parties
        )
        return answer.message
