"""The routing half of a node: who is where, and how a member is reached.

Kademlia finds addresses here and decides nothing else: who may vote is computed in the roster.
A contact enters a bucket only when its key is a member's and it has signed a fresh nonce with it
from that address; a party that is no member (a client) never does.
"""

import asyncio
import ipaddress
from collections import Counter, OrderedDict
from typing import Protocol, TypeVar

from crypto import codec, randomness
from crypto.documents import Signed
from crypto.signing import InvalidSignature, SigningKey, verify
from dht.crawling import Candidate, Crawl, Lookup
from dht.records import Roster, node_id
from dht.rosters import Rosters, fits_a_datagram
from dht.routing import Buckets, RingNode, is_ip_address, oldest_of, place
from dht.rpc import Address, Rpc
from dht.settings import DhtSettings
from dht.wire import (
    MAX_CONTACTS,
    NONCE_BYTES,
    PRESENCE_LABEL,
    FetchRequest,
    FindNode,
    HoldsRequest,
    KeepRequest,
    Neighbours,
    OfferRoster,
    Ping,
    Pong,
    PutRequest,
    ReadRequest,
    Request,
    RosterReply,
    RosterRequest,
)

A = TypeVar("A")


class Answering(Protocol):
    """The storage half, as remote calls reach it. Each returns an answer or a coroutine for it."""

    def put(self, put: PutRequest) -> object: ...
    def keep(self, keep: KeepRequest) -> object: ...
    def read(self, read: ReadRequest) -> object: ...
    def holds(self, holds: HoldsRequest) -> object: ...
    def fetch(self, fetch: FetchRequest) -> object: ...


class Following(Protocol):
    """Who follows the epochs."""

    def hear(self, member: bytes, epoch: int) -> None:
        """A member speaks of an epoch."""

    def be_asked(self, member: bytes, turn: int) -> None:
        """A member asks what is held here to make a turn."""

    def take(self, roster: Signed[Roster]) -> object:
        """Somebody offers a roster: an answer, or a coroutine for it."""


class RingProtocol(Rpc):
    """One node on one socket."""

    def __init__(
        self,
        key: SigningKey,
        rosters: Rosters,
        storage: Answering,
        settings: DhtSettings,
        counters: Counter[str],
        epochs: Following,
    ) -> None:
        super().__init__(settings, counters)
        self._epochs = epochs
        self._key = key
        self._rosters = rosters
        self.storage = storage
        own = place(node_id(key.public_key))
        self.router = Buckets(own, settings.bucket_size, self._is_neighbour, settings.bits_per_hop)
        self._proving: set[tuple[bytes, Address]] = set()
        self._proven: OrderedDict[bytes, RingNode] = OrderedDict()
        self._resolving: dict[bytes, asyncio.Task[None]] = {}
        self._last_address: dict[bytes, Address] = {}
        self._crawl_not_before: dict[bytes, float] = {}

    # What others ask

    def rpc_ping(self, address: Address, ping: Ping) -> Pong:
        """Nobody is doubted for it: whom one doubts is pinged, and would doubt another in turn."""
        self._saw(ping.sender, address, doubts=False)
        host, port = address
        text = codec.encode((ping.nonce, host, port))
        return Pong(self._key.public_key, host, port, self._key.sign(PRESENCE_LABEL, text))

    def rpc_find_node(self, address: Address, request: FindNode) -> Neighbours:
        self._saw(request.sender, address)
        asker = place(node_id(request.sender))
        nearest = self.router.find_neighbors(place(request.target), self._width, asker)
        return Neighbours(tuple([contact.told for contact in nearest]))

    def rpc_put(self, address: Address, request: PutRequest) -> object:
        self._saw(request.sender, address, request.epoch)
        return self.storage.put(request)

    def rpc_keep(self, address: Address, request: KeepRequest) -> object:
        self._saw(request.sender, address)
        return self.storage.keep(request)

    def rpc_read(self, address: Address, request: ReadRequest) -> object:
        self._saw(request.sender, address, request.epoch)
        return self.storage.read(request)

    def rpc_holds(self, address: Address, request: HoldsRequest) -> object:
        self._saw(request.sender, address, request.turn)
        if request.turn:
            self._epochs.be_asked(request.sender, request.turn)
        return self.storage.holds(request)

    def rpc_fetch(self, address: Address, request: FetchRequest) -> object:
        self._saw(request.sender, address)
        return self.storage.fetch(request)

    def rpc_roster(self, address: Address, request: RosterRequest) -> RosterReply:
        self._saw(request.sender, address)
        signed = self._rosters.signed(request.epoch)
        fits = signed is not None and fits_a_datagram(signed)
        return RosterReply(signed if fits else None)

    def rpc_offer(self, address: Address, request: OfferRoster) -> object:
        self._saw(request.sender, address)
        return self._epochs.take(request.roster)

    @property
    def _width(self) -> int:
        """As many as a bucket holds, and at least as many as a register has replicas."""
        ring = self._rosters.ring
        replicas = 0 if ring is None else ring.roster.k
        return min(MAX_CONTACTS, max(self.settings.bucket_size, replicas))

    # Who is who

    def _is_neighbour(self, key: bytes) -> bool:
        ring = self._rosters.ring
        return ring is not None and key in ring.sharing(self._key.public_key)

    def _is_other_member(self, key: bytes) -> bool:
        """Of this epoch or one just before: who left is still asked for what it holds."""
        return key in self._rosters.around and key != self._key.public_key

    def _saw(self, key: bytes, address: Address, epoch: int = 0, *, doubts: bool = True) -> None:
        """Somebody who says he holds `key` spoke from `address`, in an epoch.

        Who would find no room has nothing to prove until he is needed; but whoever stands in his
        way is asked whether he is still there, if this message `doubts`.
        """
        if not self._is_other_member(key):
            return
        if epoch > self._rosters.epoch:
            self._epochs.hear(key, epoch)
        known = self.contact(key)
        if known is not None and known.address == address:
            self._keep(known, doubts=doubts)
        elif known is None and (oldest := self._in_the_way_of(key)) is not None:
            if doubts:
                self._doubt(oldest)
        else:
            self._meet_later(key, address)

    def _in_the_way_of(self, key: bytes) -> RingNode | None:
        """Nobody in open membership: who has shown its key is who there is."""
        return None if self.settings.membership == "open" else self.router.in_the_way_of(key)

    def _keep(self, contact: RingNode, *, doubts: bool = True) -> None:
        contact.heard_at = asyncio.get_running_loop().time()
        oldest = self.router.add_contact(contact)
        if oldest is not None and doubts:
            self._doubt(oldest)

    def _meet_later(self, key: bytes, address: Address) -> None:
        if len(self._proving) >= self.settings.max_proofs:
            return
        if (key, address) not in self._proving:
            self._proving.add((key, address))
            self.tasks.spawn(self._meet(key, address))

    async def _meet(self, key: bytes, address: Address) -> None:
        try:
            await self.meet(key, address)
        finally:
            self._proving.discard((key, address))

    async def meet(self, key: bytes, address: Address) -> bool:
        """Let a member who shows its key at this address into the buckets.

        One that still answers at an address known before stays there.
        """
        if not self._is_other_member(key) or await self.who_is(address) != key:
            return False
        known = self.contact(key)
        if known is not None and known.address != address and await self._is_at_home(known):
            return True
        self._remember(RingNode(key, address))
        return True

    def contact(self, member: bytes) -> RingNode | None:
        """Where a member has shown its key and has not been silent since."""
        return self._proven.get(member) or self.router.contact(node_id(member))

    def reached(self) -> frozenset[bytes]:
        """Everybody who has shown its key and has not been silent since."""
        return frozenset(self._proven).union(contact.key for contact in self.router)

    def _remember(self, contact: RingNode) -> None:
        self._keep(contact, doubts=False)
        self._last_address[contact.key] = contact.address
        self._proven[contact.key] = contact
        if len(self._proven) > self.settings.remembered_addresses:
            self._proven.popitem(last=False)

    async def _is_at_home(self, contact: RingNode) -> bool:
        return await self.who_is(contact.address) == contact.key

    async def who_is(self, address: Address) -> bytes | None:
        """The public key that is shown at an address; None if it is silent or shows none."""
        if not is_ip_address(address[0]) or not 0 < address[1] < 1 << 16:
            return None
        nonce = randomness.octets(NONCE_BYTES)
        pong = await self.call(address, Ping(self._key.public_key, nonce), Pong)
        if pong is None or not self._is_own_address(pong.host, pong.port):
            return None
        text = codec.encode((nonce, pong.host, pong.port))
        try:
            verify(pong.key, PRESENCE_LABEL, text, pong.signature)
        except InvalidSignature:
            self.counters["false_proofs"] += 1
            return None
        return pong.key

    def _is_own_address(self, host: str, port: int) -> bool:
        """A node bound to every address of its machine does not know which one others see."""
        own = None if self.transport is None else self.transport.get_extra_info("sockname")
        if own is None:
            return False
        return ipaddress.ip_address(own[0]).is_unspecified or (host, port) == (own[0], own[1])

    def _doubt(self, contact: RingNode) -> None:
        """A full bucket's oldest contact makes room if it is gone (Kademlia 4.1).

        One that was heard a moment ago is not: asking it would cost two signatures.
        """
        now = asyncio.get_running_loop().time()
        if now < contact.heard_at + self.settings.doubt_after_seconds:
            return
        task = (b"doubt" + contact.key, contact.address)
        if task not in self._proving and len(self._proving) < self.settings.max_proofs:
            self._proving.add(task)
            self.tasks.spawn(self._check_alive(contact, task))

    async def _check_alive(self, contact: RingNode, task: tuple[bytes, Address]) -> None:
        try:
            if self._is_other_member(contact.key) and await self._is_at_home(contact):
                self._saw(contact.key, contact.address, doubts=False)
            else:
                self._drop(contact)
        finally:
            self._proving.discard(task)

    def _drop(self, contact: RingNode) -> None:
        known = self.contact(contact.key)
        if known is not None and known.address == contact.address:
            self.counters["contacts_dropped"] += 1
            self.router.remove_contact(contact)
            self._proven.pop(contact.key, None)

    # Reaching a member

    async def ask(self, member: bytes, request: Request, answer: type[A]) -> A | None:
        """A member's answer; None if it cannot be reached now. It is never replaced."""
        contact = await self._resolve(member)
        if contact is None:
            return None
        got = await self.call(contact.address, request, answer)
        if got is None and not self.is_closed:
            self._drop(contact)
        return got

    async def _resolve(self, member: bytes) -> RingNode | None:
        known = self.contact(member)
        if known is not None or self.is_closed:
            return known
        searching = self._resolving.get(member)
        if searching is None:
            searching = self.tasks.spawn(self._search(member))
            self._resolving[member] = searching
            searching.add_done_callback(lambda _: self._resolving.pop(member, None))
        await asyncio.wait((searching,))
        return self.contact(member)

    async def _search(self, member: bytes) -> None:
        """Where it was last; otherwise, not too often, ask the ring."""
        last = self._last_address.get(member)
        if last is not None and await self.meet(member, last):
            return
        now = asyncio.get_running_loop().time()
        if now < self._crawl_not_before.get(member, now):
            return
        self._crawl_not_before[member] = now + self.settings.crawl_again_seconds
        await self.find(member)

    async def find(self, member: bytes) -> Lookup:
        """Crawl to a member's id; if it is found, it has shown its key."""
        return await self._crawl(node_id(member), wanted=member)

    async def lookup(self, target: bytes) -> Lookup:
        """Crawl to a 20-byte id: the nearest members that answer."""
        return await self._crawl(target)

    async def _crawl(self, target: bytes, wanted: bytes | None = None) -> Lookup:
        crawl = Crawl(
            target,
            lambda candidate: self.begin(
                candidate.address, FindNode(self._key.public_key, target), Neighbours
            ),
            self._referrals,
            lambda key, address: self._leads_on(key, target) and is_ip_address(address[0]),
            width=self._width,
            alpha=self.settings.alpha,
        )
        for contact in self.router.find_neighbors(place(target), self._width):
            crawl.add(contact.key, contact.address)
        self.counters["lookups"] += 1
        return await crawl.run(wanted, lambda c: self.meet(c.key, c.address))

    def _referrals(
        self, candidate: Candidate, answer: Neighbours | None
    ) -> list[tuple[bytes, Address]] | None:
        """Whom somebody names who was asked: claims, not checked yet. Who is silent is dropped, and
        who was a member when it came into a bucket and is none any more."""
        if answer is None or not self._is_other_member(candidate.key):
            self._drop(RingNode(candidate.key, candidate.address))
            return None
        self._saw(candidate.key, candidate.address)
        return [(found.key, (found.host, found.port)) for found in answer.contacts]

    def _leads_on(self, key: bytes, target: bytes) -> bool:
        """Members now; of those who left only the one that is looked for."""
        is_member = key in self._rosters.current.members or node_id(key) == target
        return is_member and self._is_other_member(key)

    async def refresh(self) -> None:
        """Look for a member in each bucket that has room for one, or whose contacts have been
        silent for long (Kademlia 2.3).

        The paper looks for a random id; the roster says where somebody is to be found.
        """
        for target in self._refresh_targets():
            await self.lookup(target)

    def _refresh_targets(self) -> list[bytes]:
        ring = self._rosters.ring
        if ring is None:
            return []
        targets: dict[int, bytes] = {}
        for member in ring.roster.members:
            if member == self._key.public_key or self.contact(member) is not None:
                continue
            index = self.router.get_bucket_for(place(node_id(member)))
            if len(self.router.buckets[index]) < self.settings.bucket_size:
                targets.setdefault(index, node_id(member))
        long_ago = asyncio.get_running_loop().time() - self.settings.refresh_seconds
        for index, bucket in enumerate(self.router.buckets):
            if (oldest := oldest_of(bucket)) is not None and oldest.heard_at < long_ago:
                targets.setdefault(index, oldest.id)
        return list(targets.values())
