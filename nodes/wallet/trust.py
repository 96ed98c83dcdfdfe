"""Whom this node believes when it is shown a coin: its world's broker, and the votes of members."""

import asyncio

from dht.errors import RecordRefused
from dht.node import DhtNode
from dht.records import Body, Certificate, Put, RosterNotKnown
from nodes.protocols.dht_micropayment.coin import NAMESPACE, Trust
from nodes.protocols.dht_micropayment.validator import check_put
from nodes.protocols.errors import ProtocolError, Refused
from nodes.protocols.message import PartyId, Role
from nodes.ring import Ring
from nodes.runtime.party import Party
from nodes.runtime.refusals import NotReady
from nodes.runtime.service import Service

FIRST_DELAY_SECONDS = 0.05
LONGEST_DELAY_SECONDS = 1.0


class CoinTrust:
    """Makes the `Trust` that the rules ask for from what this node knows now."""

    def __init__(self, party: Party) -> None:
        self._party = party
        self._brokers: frozenset[PartyId] = frozenset()
        self._dht: DhtNode | None = None

    def by_votes_known_to(self, dht: DhtNode) -> "CoinTrust":
        self._dht = dht
        return self

    def brokers(self) -> frozenset[PartyId]:
        party = self._party
        if party.role is Role.BROKER:
            return frozenset({party.id})
        if not self._brokers:
            self._brokers = frozenset(card.id for card in party.directory.kept(Role.BROKER))
        return self._brokers

    def now(self) -> Trust:
        """Raises NotReady while this node could only take a good coin for a bad one."""
        if not self.brokers() or self._dht is None or self._dht.roster is None:
            raise NotReady("this node does not know its broker, or who votes, yet")
        return Trust(self.brokers(), self._certified, self._party.guards)

    def _certified(self, certificate: Certificate) -> Body:
        """Who has missed a turn of the epoch asks for time, and never calls a good coin bad."""
        assert self._dht is not None
        try:
            return self._dht.check(certificate)
        except RosterNotKnown as error:
            raise NotReady(str(error)) from error

    def check_put(self, put: Put, now: int) -> None:
        """What this node's witness checks for the namespace "coin". Raises RecordRefused."""
        try:
            check_put(put.record, put.predecessor, put.evidence, now, self.now())
        except Refused as error:
            raise RecordRefused(error.code, error.detail) from error

    async def meet_broker(self) -> None:
        """Until the broker is known; then it is kept across restarts."""
        delay = FIRST_DELAY_SECONDS
        while not self.brokers():
            try:
                await self._party.directory.one(Role.BROKER)
            except ProtocolError:
                await asyncio.sleep(delay)
                delay = min(2 * delay, LONGEST_DELAY_SECONDS)
        self._party.observer.notify()


def coin_ring(service: Service, *, member: bool, node: type[DhtNode] = DhtNode) -> Ring:
    """A place in the DHT where coins live. A member votes on them by the rules of their paper.

    `node`: a cheat brings another.
    """
    trust = CoinTrust(service.party)
    ring = Ring(service, member=member, validators={NAMESPACE: trust.check_put}, node=node)
    trust.by_votes_known_to(ring.dht)

    async def meet_broker() -> None:
        service.spawn(trust.meet_broker())

    service.awaits("broker", lambda: bool(trust.brokers()))
    service.at_start(meet_broker)
    return ring
