"""A node's place in the DHT: a member (peer), or a client (broker, escrow server).

A member votes and keeps registers; a client writes and reads, is in nobody's routing table and
never votes. Both learn the roster from the certificate authority and the members' addresses from
their signed cards.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from crypto import codec
from dht.member import Validator
from dht.node import Contact, DhtNode, HeldRegister
from dht.records import Body
from nodes.protocols.errors import ProtocolError
from nodes.protocols.membership.messages import Card, RosterAnswer, RosterQuery
from nodes.protocols.message import Role
from nodes.runtime.log import get_log
from nodes.runtime.service import Service

FIRST_DELAY_SECONDS = 0.05
LONGEST_DELAY_SECONDS = 1.0
LOOK_AGAIN_SECONDS = 5.0
"""How often a node that cannot reach some member asks for newer cards."""


class Ring:
    """Holds the DHT node of a service and keeps it in touch with the others."""

    def __init__(
        self, service: Service, *, member: bool, validators: Mapping[str, Validator] | None = None
    ) -> None:
        self._service = service
        self._party = party = service.party
        self.dht = DhtNode(
            key=party.key,
            storage=party.store,
            now=party.now,
            validators=validators or {},
            authority=self._authority,
            member=member,
        )
        party.observer.elsewhere["dht"] = self.dht.counters
        self.write_seconds = party.settings.quorum_write_seconds
        service.before_enrolment(self._listen)
        service.at_start(self._enter)
        service.at_stop(self.dht.close)
        service.awaits("ring", lambda: self.dht.ready)
        if member:
            service.accounts_for(self._ledger)

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
            await self._meet_members()
            if self.dht.ready:
                self._party.observer.notify()
                delay = LOOK_AGAIN_SECONDS
            else:
                delay = min(2 * delay, LONGEST_DELAY_SECONDS)
            await asyncio.sleep(delay)

    async def _adopt_roster(self) -> None:
        """Steps N1, N2, until there is one; a node that knows one goes on with it."""
        party = self._party
        delay = FIRST_DELAY_SECONDS
        while self.dht.roster is None:
            try:
                answer = await party.send(
                    self._authority(), RosterQuery(after=0), party.fresh_transaction(), RosterAnswer
                )
                if answer.message.roster is not None:
                    await self.dht.adopt(answer.message.roster)
                    return
            except ProtocolError as error:
                get_log().info("waiting_for_roster", reason=str(error))
                delay = min(2 * delay, LONGEST_DELAY_SECONDS)
            await asyncio.sleep(delay)

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
