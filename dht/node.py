"""One node of the DHT: a member that votes, or a client that only puts and reads.

node = DhtNode(key=key, storage=store, now=clock.now, validators={"coin": check}, ...)
await node.listen("127.0.0.1", 0)
await node.adopt(roster)
await node.join(contacts)
written = await node.put(Put(record, predecessor, evidence), seconds=5)
"""

import asyncio
import socket
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

from crypto.documents import Signed
from crypto.signing import SigningKey
from dht.client import Client
from dht.crawling import Lookup
from dht.errors import DhtError
from dht.member import Replica, Validator
from dht.outcomes import CountedVote, Reading, Refusal, SeenRecord, Written
from dht.protocol import RingProtocol
from dht.pulling import Puller
from dht.records import (
    Body,
    Certificate,
    Put,
    Record,
    RegisterName,
    Roster,
    RosterNotKnown,
    node_id,
)
from dht.registers import Registers
from dht.rosters import Rosters
from dht.routing import Contact, is_ip_address
from dht.rpc import Address
from dht.server import Network, RingServer
from dht.settings import DhtSettings
from dht.standing import Standing
from dht.storage import Storage
from dht.turning import FetchRosters, Turning
from dht.wire import FetchRequest, HoldsRequest, KeepRequest, PutRequest, ReadRequest, Request

__all__ = [
    "Contact",
    "CountedVote",
    "DhtNode",
    "DhtSettings",
    "HeldRegister",
    "Reading",
    "Refusal",
    "SeenRecord",
    "Written",
]

A = TypeVar("A")
JOINED_AT_ONCE = 32
REFRESHED_ON_JOINING = 2
"""When many join at once, the first round meets tables that are still empty."""


@dataclass(frozen=True)
class HeldRegister:
    """What a member holds of one register. The record voted for comes first."""

    name: RegisterName
    records: tuple[Record, ...]
    certificate: Certificate | None
    epoch: int

    @property
    def digests(self) -> tuple[bytes, ...]:
        return tuple(record.digest for record in self.records)

    @property
    def certified(self) -> bool:
        return self.certificate is not None

    @property
    def conflict(self) -> bool:
        return len(self.records) > 1


class DhtNode:
    """`key` votes and stands for the node's place; its votes live in `storage`, beside it.

    `authority` is asked for when a roster is to be adopted: whose signature it must bear.
    `fetch_rosters(after)` adopts what the authority has, where no member of a newer epoch can help.
    """

    replica_class = Replica
    """What answers puts and reads; a cheat brings another."""
    standing_class = Standing

    def __init__(
        self,
        *,
        key: SigningKey,
        storage: Storage,
        now: Callable[[], int],
        validators: Mapping[str, Validator],
        authority: Callable[[], bytes],
        member: bool,
        settings: DhtSettings = DhtSettings(),  # noqa: B008 (frozen)
        network: Network | None = None,
        fetch_rosters: FetchRosters | None = None,
    ) -> None:
        self._key = key
        self._member = member
        self._settings = settings
        self.counters: Counter[str] = Counter()
        is_open = settings.membership == "open"
        self._rosters = Rosters(
            storage, authority, settings.cached_certificates, self._reached if is_open else None
        )
        self._standing = self.standing_class(storage, self._rosters, key.public_key)
        self._replica = self.replica_class(
            key=key,
            is_member=member,
            registers=Registers(storage, key.public_key),
            rosters=self._rosters,
            standing=self._standing,
            validators=validators,
            now=now,
            settings=settings,
            counters=self.counters,
        )
        self._client = Client(
            key=key.public_key,
            ask=self._ask,
            learn=self._learn,
            locate=self.lookup if is_open else None,
            certified=self._hand_over,
            rosters=self._rosters,
            validators=validators,
            now=now,
            settings=settings,
            counters=self.counters,
        )
        place = node_id(key.public_key)
        self._server = RingServer(self._create_protocol, place, self._replica, settings, network)
        self._puller = Puller(
            key.public_key,
            self._ask,
            self._replica,
            self._rosters,
            self._standing,
            settings,
            self.counters,
        )
        self._turning = Turning(
            key=key.public_key,
            ask=self._ask,
            rosters=self._rosters,
            standing=self._standing,
            puller=self._puller,
            refresh=self._refresh,
            fetch=fetch_rosters,
            settings=settings,
            counters=self.counters,
        )
        self._is_caught_up = False
        self._handovers = 0

    def _create_protocol(self) -> RingProtocol:
        return RingProtocol(
            self._key,
            self._rosters,
            self._replica,
            self._settings,
            self.counters,
            self._turning,
        )

    @property
    def _protocol(self) -> RingProtocol:
        if self._server.protocol is None:
            raise DhtError("the node does not listen yet")
        return self._server.protocol

    # Coming up

    async def listen(self, host: str, port: int) -> tuple[str, int]:
        """The address listened at; port 0 takes a free one."""
        await self._server.listen(port, host)
        self._turning.start(self._protocol.tasks)
        return self._server.address

    async def adopt(self, roster: Signed[Roster]) -> None:
        """Go by this roster from now on; a member then takes over what it is new to.

        Raises RosterRefused (one of its classes).
        """
        was_there = self._rosters.ring is not None
        if await self._rosters.adopt(roster) and was_there:
            self._turning.turned()

    async def join(self, contacts: Sequence[Contact]) -> None:
        """Read the votes back, meet the contacts, find the neighbours, fetch missed copies.

        Repeated, it goes on with what was not reached before. Raises NoRoster, VotesOfAnotherKey.
        """
        ring = self._rosters.current
        if self._member:
            await self._replica.registers.load()
        await self._meet(contacts)
        await self._protocol.lookup(node_id(self._key.public_key))
        for _ in range(REFRESHED_ON_JOINING):
            await self._protocol.refresh()
        if self._member and self._key.public_key in ring.members:
            await self._puller.run()
            self._is_caught_up = True
            self._turning.keep_repairing()
        if self._member:
            self._turning.go_on()

    async def repair(self) -> int:
        """Compare what is held with those who share it, and fetch what is missing here.

        How many copies were restored. It runs by itself every `repair_seconds`.
        """
        return await self._puller.repair()

    async def cut_off(self, contacts: Sequence[Contact]) -> None:
        """For experiments: as if the network to these, and to no others, were cut."""
        found = [await _resolved(contact) for contact in contacts]
        self._protocol.cut = frozenset(address for address in found if address is not None)

    async def _refresh(self) -> None:
        if self._member and not self._replica.registers.is_loaded:
            await self._replica.registers.load()
        await self._protocol.refresh()

    def _reached(self) -> frozenset[bytes]:
        """Of open membership: whom this node can reach, itself included where it votes."""
        reached = frozenset() if self._server.protocol is None else self._protocol.reached()
        return reached.union((self._key.public_key,) if self._member else ())

    async def _learn(self, member: bytes, epoch: int) -> None:
        await self._turning.learn(member, epoch)

    async def _meet(self, contacts: Sequence[Contact]) -> None:
        gate = asyncio.Semaphore(JOINED_AT_ONCE)

        async def meet(contact: Contact) -> None:
            async with gate:
                address = await _resolved(contact)
                if address is not None:
                    await self._protocol.meet(contact.id, address)

        await asyncio.gather(*(meet(contact) for contact in contacts))

    @property
    def ready(self) -> bool:
        """A roster, enough contacts for a quorum and, for a member, its votes and copies.

        Who waits for the next epoch, or has left, is a client like any other.
        """
        ring = self._rosters.ring
        if ring is None or self._server.protocol is None:
            return False
        others = len(ring.members - {self._key.public_key})
        if len(self._protocol.router) < min(ring.roster.q, others):
            return False
        if not self._member or self._key.public_key not in ring.members:
            return True
        return self._replica.is_synced and self._is_caught_up and self._standing.is_settled

    @property
    def is_released(self) -> bool:
        """This node votes no more, and those who came after it hold what it kept."""
        return self._turning.is_released

    @property
    def roster(self) -> Roster | None:
        return None if self._rosters.ring is None else self._rosters.ring.roster

    @property
    def roster_digest(self) -> bytes:
        """Raises NoRoster."""
        return self._rosters.current.digest

    def unreached(self) -> frozenset[bytes]:
        """Members of the roster, other than this node, whose address is not known now."""
        ring = self._rosters.ring
        if ring is None or self._server.protocol is None:
            return frozenset()
        others = ring.members - {self._key.public_key}
        return frozenset(key for key in others if self._protocol.contact(key) is None)

    # Registers

    async def put(self, put: Put, *, seconds: float) -> Written:
        """Until certified, in conflict, refused by more than k - q, or the time is over.

        The same put again completes what was pending. Raises NoRoster, MessageTooLarge, and
        ValueError for a record that its payer has not signed.
        """
        return await self._client.put(put, seconds)

    async def read(self, name: RegisterName, *, seconds: float) -> Reading:
        """What its k replicas hold. Raises NoRoster."""
        return await self._client.read(name, seconds)

    async def probe(self, name: RegisterName, *, seconds: float) -> bool:
        """q synced members answer and none shows a record: a courtesy, never a lock."""
        return (await self.read(name, seconds=seconds)).absent is True

    async def lookup(self, target: bytes) -> Lookup:
        """Crawl to a 20-byte id, as Kademlia finds addresses."""
        return await self._protocol.lookup(target)

    def check(self, certificate: Certificate) -> Body:
        """The certified body, by any roster this node knows. Raises InvalidCertificate.

        After RosterNotKnown the roster is looked for; a moment later it is known, or there is none.
        """
        try:
            return self._rosters.check(certificate)
        except RosterNotKnown:
            self._turning.miss(certificate.epoch)
            raise

    def registers(self) -> list[HeldRegister]:
        """Everything this member holds, in ring order."""
        return [
            HeldRegister(entry.name, entry.records, entry.certificate, entry.epoch)
            for entry in self._replica.registers.entries()
        ]

    def _hand_over(self, certificate: Certificate, members: tuple[bytes, ...]) -> None:
        """In the background: the replicas keep and serve the certificate from now on."""
        if not members:
            return
        if self._handovers >= self._settings.max_handovers:
            self.counters["handovers_given_up"] += 1
            return
        self._handovers += 1
        self._protocol.tasks.spawn(self._hand_to_all(certificate, members))

    async def _hand_to_all(self, certificate: Certificate, members: tuple[bytes, ...]) -> None:
        try:
            await asyncio.gather(*(self._client.hand_over(certificate, m) for m in members))
        finally:
            self._handovers -= 1

    async def _ask(self, member: bytes, request: Request, answer: type[A]) -> A | None:
        """Ourselves without a datagram, others through the ring."""
        if member != self._key.public_key:
            answered = await self._protocol.ask(member, request, answer)
            self._turning.hear(member, getattr(answered, "epoch", 0))
            return answered
        got = self._own_answer(request)
        return cast(A, await got if asyncio.iscoroutine(got) else got)

    def _own_answer(self, request: Request) -> object:
        match request:
            case PutRequest():
                return self._replica.put(request)
            case KeepRequest():
                return self._replica.keep(request)
            case ReadRequest():
                return self._replica.read(request)
            case HoldsRequest():
                return self._replica.holds(request)
            case FetchRequest():
                return self._replica.fetch(request)
        raise AssertionError(f"{type(request).__name__} is not asked of a replica")

    async def close(self) -> None:
        """Stop answering; background work ends here."""
        await self._server.close()


async def _resolved(contact: Contact) -> Address | None:
    """A contact's host may be a name: it comes from a signed card, not from the ring."""
    if is_ip_address(contact.host):
        return (contact.host, contact.port)
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(
            contact.host, contact.port, family=socket.AF_INET, type=socket.SOCK_DGRAM
        )
    except OSError:
        return None
    return (str(found[0][4][0]), contact.port)
