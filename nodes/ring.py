"""A node's place in the DHT: a member (peer), or a client (broker, escrow server).

A member votes and keeps registers; a client writes and reads, is in nobody's routing table and
never votes. Both learn the rosters from the certificate authority and the members' addresses from
their signed cards. When the epoch turns, the authority says so; who misses that hears of it in
the ring, from whoever goes by a newer roster.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from crypto import codec
from dht.errors import RosterRefused
from dht.member import Validator
from dht.node import Contact, DhtNode, DhtSettings, HeldRegister
from dht.records import Body
from nodes.protocols.envelope import Opened
from nodes.protocols.errors import ProtocolError
from nodes.protocols.membership.messages import Card, EpochTurned, RosterAnswer, RosterQuery
from nodes.protocols.message import Received, Role
from nodes.runtime.control import Request
from nodes.runtime.log import get_log
from nodes.runtime.party import Answer, Party
from nodes.runtime.service import Service

FIRST_DELAY_SECONDS = 0.05
LONGEST_DELAY_SECONDS = 1.0
LOOK_AGAIN_SECONDS = 5.0
"""How often a node that cannot reach some member asks for newer cards."""


class _Nothing(Request, frozen=True):
    pass


class _Cut(Request, frozen=True):
    parties: tuple[str, ...]
    """Names; nobody, to heal it."""
    ring_only: bool = False
    """Messages still go there."""


class Ring:
    """Holds the DHT node of a service and keeps it in touch with the others."""

    def __init__(
        self,
        service: Service,
        *,
        member: bool,
        validators: Mapping[str, Validator] | None = None,
        node: type[DhtNode] = DhtNode,
    ) -> None:
        """`node`: a cheat brings another."""
        self._service = service
        self._party = party = service.party
        self._news = asyncio.Event()
        self.dht = node(
            key=party.key,
            storage=party.store,
            now=party.now,
            validators=validators or {},
            authority=self._authority,
            member=member,
            settings=DhtSettings(
                membership=party.settings.membership, repair_seconds=party.settings.repair_seconds
            ),
            fetch_rosters=self._fetch_rosters,
        )
        party.observer.elsewhere["dht"] = self.dht.counters
        self.write_seconds = party.settings.quorum_write_seconds
        service.before_enrolment(self._listen)
        service.at_start(self._enter)
        service.at_stop(self.dht.close)
        service.awaits("ring", lambda: self.dht.ready)
        service.handles(EpochTurned, self._told)
        service.operation("cut", _Cut, self._cut, "Reach these parties no more", lab_only=True)
        service.operation("standing", _Nothing, self._standing, "This node's place in the ring")
        if member:
            service.accounts_for(self._ledger)
            service.operation(
                "repair", _Nothing, self._repair, "Fetch what others hold and this node lacks"
            )

    async def _listen(self) -> None:
        settings = self._party.settings
        _, port = await self.dht.listen(settings.host, settings.udp_port)
        self._service.udp = (self._service.reachable_host, port)

    async def _enter(self) -> None:
        self._service.spawn(self._stay())

    async def _stay(self) -> None:
        await self._adopt_roster()
        delay = FIRST_DELAY_SECONDS
        while True:
            self._news.clear()
            await self._meet_members()
            if self.dht.ready:
                self._party.observer.notify()
                delay = LOOK_AGAIN_SECONDS
            else:
                delay = min(2 * delay, LONGEST_DELAY_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._news.wait()

    async def _adopt_roster(self) -> None:
        """Until there is one; a node that knows one goes on with it."""
        delay = FIRST_DELAY_SECONDS
        while self.dht.roster is None:
            await self._fetch_rosters(0)
            if self.dht.roster is None:
                await asyncio.sleep(delay)
                delay = min(2 * delay, LONGEST_DELAY_SECONDS)

    async def _fetch_rosters(self, after: int) -> None:
        """Steps N1, N2, until the newest is known or the authority does not answer."""
        party = self._party
        newest = after + 1
        try:
            while after < newest:
                answer = await party.send(
                    self._authority(),
                    RosterQuery(after),
                    party.fresh_transaction(),
                    RosterAnswer,
                )
                told = answer.message
                if told.roster is None or told.epoch is None:
                    return
                await self.dht.adopt(told.roster)
                after, newest = after + 1, told.epoch
        except (ProtocolError, RosterRefused) as error:
            get_log().info("waiting_for_roster", reason=str(error))
        self._news.set()

    async def _told(self, received: Opened[EpochTurned], party: Party) -> Answer:
        """Step N3."""
        known = self.dht.roster
        if known is not None and known.epoch < received.message.epoch:
            self._service.spawn(self._fetch_rosters(known.epoch))
        return party.reply(received, Received())

    async def _standing(self, asked: _Nothing, party: Party) -> dict[str, Any]:
        roster = self.dht.roster
        return {
            "epoch": roster.epoch if roster else 0,
            "votes": roster is not None and party.id in roster.members,
            "ready": self.dht.ready,
            "released": self.dht.is_released,
            "unreached": len(self.dht.unreached()),
        }

    async def _cut(self, asked: _Cut, party: Party) -> dict[str, Any]:
        """One half of a cut; those on the other side are told the same."""
        cards = [await party.directory.named(name) for name in asked.parties]
        await self.dht.cut_off(
            [Contact(card.id, card.udp.host, card.udp.port) for card in cards if card.udp]
        )
        party.client.cut = frozenset(() if asked.ring_only else (card.id for card in cards))
        self._news.set()
        return {"cut": len(cards)}

    async def _repair(self, asked: _Nothing, party: Party) -> dict[str, Any]:
        return {"restored": await self.dht.repair()}

    def _authority(self) -> bytes:
        assert self._service.membership is not None
        return self._service.membership.authority.id

    async def _meet_members(self) -> None:
        missing = self.dht.unreached()
        if self.dht.ready and not missing:
            return
        contacts = [
            Contact(card.id, card.udp.host, card.udp.port)
            for card in await self._cards(missing)
            if card.udp
        ]
        await self.dht.join(contacts)

    async def _cards(self, members: frozenset[bytes]) -> tuple[Card, ...]:
        directory = self._party.directory
        try:
            return await directory.newest(sorted(members))
        except ProtocolError as error:
            get_log().info("cannot_look_up_members", reason=str(error))
            return tuple(card for card in directory.kept(Role.PEER) if card.id in members)

    def _ledger(self) -> dict[str, Any]:
        return {"registers": [row for held in self.dht.registers() for row in _rows(held)]}


def _rows(held: HeldRegister) -> list[dict[str, Any]]:
    """A row a record: what this member holds of one register, with its proof."""
    certified = held.certificate.record.digest if held.certificate else None
    rows = []
    for record in held.records:
        body = codec.decode(record.signed.content, Body)
        mine = record.digest == certified
        rows.append(
            {
                "namespace": body.namespace,
                "chain": body.chain.hex(),
                "index": body.index,
                "digest": record.digest.hex(),
                "kind": body.kind,
                "payer": body.payer.hex(),
                "payee": body.payee.hex(),
                "epoch": held.epoch,
                "certified": mine,
                "conflict": held.conflict,
                "certificate": codec.encode(held.certificate).hex() if mine else "",
            }
        )
    return rows
