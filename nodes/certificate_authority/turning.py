"""The authority turns the epoch: who leaves the roster, and which late peers join it.

Of a register's k voters at most k - q may be new at one turn: the others can vote at once, and
are quorum enough for those who have to take over first.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from crypto.documents import document_digest, open_document
from dht.records import Roster
from dht.rosters import Ring
from dht.turns import most_changed
from nodes.certificate_authority.membership import Books
from nodes.protocols.errors import ProtocolError
from nodes.protocols.membership.messages import Card, EpochTurned
from nodes.protocols.membership.refusals import NotInTheRoster, NotWaiting, TurnTooLarge
from nodes.protocols.membership.roster import next_roster
from nodes.protocols.message import PartyId, Received, Role
from nodes.runtime.control import Request
from nodes.runtime.log import get_log
from nodes.runtime.party import Party
from nodes.runtime.refusals import NotReady
from nodes.runtime.service import Service


class TurnEpoch(Request, frozen=True):
    leaving: tuple[str, ...] = ()
    """Names of members that vote no more; they stay up until the others have taken over."""
    joining: tuple[str, ...] | None = None
    """Names of enrolled peers; as many of those that wait as may, if none is given."""


class Turning:
    def __init__(self, service: Service, books: Books) -> None:
        self._service = service
        self._books = books
        self._one_at_a_time = asyncio.Lock()
        service.operation(
            "turn_epoch", TurnEpoch, self.turn, "Sign the next roster: who leaves, who joins"
        )
        service.at_start(self._tell_again)

    async def turn(self, asked: TurnEpoch, party: Party) -> dict[str, Any]:
        """Two rosters with one number would convict this authority: one turn after the other."""
        async with self._one_at_a_time:
            return await self._turn(asked, party)

    async def _turn(self, asked: TurnEpoch, party: Party) -> dict[str, Any]:
        before = self._newest()
        leaving = self._ids(asked.leaving, NotInTheRoster)
        if asked.joining is None:
            waiting = [card.id for card in self._books.waiting()]
            joining = _as_many_as_may(before, leaving, waiting)
        else:
            joining = self._ids(asked.joining, NotWaiting)
        roster = next_roster(before, leaving=leaving, joining=joining)
        new = changed(before, roster)
        if new > before.k - before.q:
            raise TurnTooLarge(f"{new} of {before.k} would be new, {before.k - before.q} may be")
        async with party.store.transaction() as tx:
            self._books.sign(tx, roster)
        self._service.spawn(self._tell_all(roster.epoch))
        names = {card.id: card.name for card in self._books.cards()}
        return {
            "epoch": roster.epoch,
            "members": len(roster.members),
            "joined": sorted(names[id_] for id_ in joining),
            "left": sorted(names[id_] for id_ in leaving),
            "new_voters_at_most": new,
        }

    def _newest(self) -> Roster:
        newest = self._books.newest_roster
        if newest is None:
            raise NotReady("there is no roster yet")
        return open_document(Roster, newest)

    def _ids(self, names: Sequence[str], unknown: type[ProtocolError]) -> list[PartyId]:
        known = {card.name: card.id for card in self._books.cards() if card.role is Role.PEER}
        missing = [name for name in names if name not in known]
        if missing:
            raise unknown(", ".join(missing))
        return [known[name] for name in names]

    async def _tell_again(self) -> None:
        """What an earlier run of this node may have left undone."""
        newest = self._books.newest_roster
        if newest is not None and self._newest().epoch > 1:
            self._service.spawn(self._tell_all(self._newest().epoch))

    async def _tell_all(self, epoch: int) -> None:
        """Everybody with a place in the ring, once. Who is away hears of it from the others."""
        cards = [card for card in self._books.cards() if card.udp is not None]
        await asyncio.gather(*(self._tell(card, epoch) for card in cards))

    async def _tell(self, card: Card, epoch: int) -> None:
        party = self._service.party
        try:
            await party.send(card.id, EpochTurned(epoch), party.fresh_transaction(), Received)
        except ProtocolError as error:
            get_log().info("not_told_of_the_turn", party=card.name, reason=str(error))


def changed(before: Roster, after: Roster) -> int:
    """How many voters of a register are new, where most are."""
    return most_changed(Ring(before, document_digest(before)), Ring(after, document_digest(after)))


def _as_many_as_may(
    before: Roster, leaving: Sequence[PartyId], waiting: Sequence[PartyId]
) -> list[PartyId]:
    """Of those who wait, first come first, until one more would be too many."""
    joining: list[PartyId] = []
    for peer in waiting:
        roster = next_roster(before, leaving=leaving, joining=[*joining, peer])
        if changed(before, roster) <= before.k - before.q:
            joining.append(peer)
    return joining


def install(service: Service, books: Books) -> Turning:
    return Turning(service, books)
