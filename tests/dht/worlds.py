"""What the DHT's tests build: rosters, a namespace with a real check, worlds of nodes."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from crypto import codec
from crypto.documents import Signed, content_digest, sign_document
from crypto.hashing import digest
from crypto.signing import SigningKey
from dht.errors import RecordRefused
from dht.network_in_memory import MemoryNetwork
from dht.node import Contact, DhtNode, DhtSettings
from dht.records import Body, Certificate, InvalidCertificate, Put, Record, RegisterName, Roster
from nodes.runtime.store import Store

AUTHORITY = SigningKey(digest("authority"))
ISSUER = SigningKey(digest("issuer"))
TEST_NAMESPACE = "token"
QUICK = DhtSettings(
    timeout_seconds=0.1,
    retries=2,
    grace_seconds=0.15,
    first_pause_seconds=0.02,
    longest_pause_seconds=0.1,
    crawl_again_seconds=0.2,
    keep_patience_seconds=0.03,
)


def key_of(label: str) -> SigningKey:
    return SigningKey(digest(label))


def keys(count: int, label: str = "member") -> list[SigningKey]:
    return [key_of(f"{label} {i}") for i in range(count)]


def epoch_of(roster: Signed[Roster]) -> int:
    return codec.decode(roster.content, Roster).epoch


def signed_roster(
    members: Sequence[SigningKey],
    k: int,
    q: int,
    *,
    epoch: int = 1,
    previous: bytes = b"",
    authority: SigningKey = AUTHORITY,
) -> Signed[Roster]:
    named = tuple(member.public_key for member in members)
    roster = Roster(epoch, authority.public_key, k, q, named, previous)
    return sign_document(roster, authority)


# A namespace: tokens whose serial number the issuer has signed, handed from payee to payee.


def token(serial: int) -> tuple[bytes, bytes]:
    """Subject (32 bytes), and the evidence that the issuer made it for `holder`."""
    subject = digest("token", serial.to_bytes(8, "big"))
    return subject, ISSUER.sign("token", subject)


def opening(serial: int, holder: SigningKey) -> Put:
    subject, evidence = token(serial)
    body = Body(
        namespace=TEST_NAMESPACE,
        chain=subject,
        index=0,
        kind="open",
        payer=ISSUER.public_key,
        payee=holder.public_key,
        previous=b"",
        subject=subject,
        terms=b"",
    )
    return Put(Record(Signed(codec.encode(body), ())), None, evidence + holder.public_key)


def payment(
    certified: Certificate, payer: SigningKey, payee: SigningKey, *, terms: bytes = b""
) -> Put:
    before = codec.decode(certified.record.signed.content, Body)
    body = Body(
        namespace=TEST_NAMESPACE,
        chain=before.chain,
        index=before.index + 1,
        kind="pay",
        payer=payer.public_key,
        payee=payee.public_key,
        previous=certified.record.digest,
        subject=before.subject,
        terms=terms,
    )
    return Put(Record(sign_document(body, payer)), certified, ISSUER.sign("token", before.subject))


def check_token(put: Put, certified: Callable[[Certificate], Body]) -> None:
    """Genuine; index 0 to the holder its evidence names; later the payee before is the payer."""
    try:
        body = put.record.body()
    except ValueError as error:
        raise RecordRefused("token/malformed", str(error)) from error
    if put.evidence[:64] != ISSUER.sign("token", body.subject) or body.chain != body.subject:
        raise RecordRefused("token/not-genuine")
    if body.index == 0:
        if put.evidence[64:] != body.payee or body.payer != ISSUER.public_key:
            raise RecordRefused("token/wrong-holder")
        return
    if put.predecessor is None:
        raise RecordRefused("token/no-predecessor")
    try:
        before = certified(put.predecessor)
    except InvalidCertificate as error:
        raise RecordRefused("token/predecessor-not-certified", str(error)) from error
    if before.name != RegisterName(body.namespace, body.chain, body.index - 1):
        raise RecordRefused("token/wrong-predecessor")
    if body.previous != put.predecessor.record.digest or body.payer != before.payee:
        raise RecordRefused("token/payer-does-not-hold-it")


@dataclass
class World:
    """Nodes of one roster, each with its own store on disk."""

    folder: Path
    roster: Signed[Roster]
    keys: list[SigningKey]
    network: MemoryNetwork | None
    settings: DhtSettings
    commit_delay: float = 0.0
    cheats: dict[bytes, type[DhtNode]] = field(default_factory=dict)
    """Who is not a `DhtNode` but a party that cheats."""
    nodes: dict[bytes, DhtNode] = field(default_factory=dict)
    stores: dict[bytes, Store] = field(default_factory=dict)
    history: list[Signed[Roster]] = field(default_factory=list)
    """The rosters before the newest one."""
    addresses: dict[bytes, tuple[str, int]] = field(default_factory=dict)
    _serial: int = 0

    def contacts(self) -> list[Contact]:
        return [Contact(key, *address) for key, address in self.addresses.items()]

    async def start(self, key: SigningKey, *, member: bool = True, join: bool = True) -> DhtNode:
        """A new node, or one that was stopped, with the store and the address it had."""
        identity = key.public_key
        store = Store(self.folder / f"{identity.hex()[:16]}.db", commit_delay=self.commit_delay)

        def check(put: Put, now: int) -> None:
            check_token(put, node.check)

        node = self.cheats.get(identity, DhtNode)(
            key=key,
            storage=store,
            now=lambda: 0,
            validators={TEST_NAMESPACE: check},
            authority=lambda: AUTHORITY.public_key,
            member=member,
            settings=self.settings,
            network=self.network,
        )
        host = "127.0.0.1" if self.network is None else f"10.0.0.{len(self.nodes) % 250 + 1}"
        address = self.addresses.get(identity, (host, 0))
        address = await node.listen(*address)
        self.nodes[identity], self.stores[identity] = node, store
        if member:
            self.addresses[identity] = address
        for roster in (*self.history, self.roster):
            if node.roster is None or node.roster.epoch < epoch_of(roster):
                await node.adopt(roster)
        if join:
            await node.join(self.contacts())
        return node

    async def stop(self, key: bytes) -> None:
        await self.nodes.pop(key).close()
        await self.stores.pop(key).close()

    def next_roster(
        self, *, leaving: Sequence[bytes] = (), joining: Sequence[SigningKey] = ()
    ) -> Signed[Roster]:
        """The newest from now on, in this world's books; nobody is told of it."""
        now = codec.decode(self.roster.content, Roster)
        gone = set(leaving)
        self.keys += joining
        members = [
            key for key in self.keys if key.public_key in now.members and key.public_key not in gone
        ] + list(joining)
        self.history.append(self.roster)
        self.roster = signed_roster(
            members,
            now.k,
            now.q,
            epoch=now.epoch + 1,
            previous=content_digest(Roster, self.roster.content),
        )
        return self.roster

    async def tell(self, *members: bytes) -> None:
        """Of the newest roster; everybody, if nobody is named."""
        for key in members or tuple(self.nodes):
            await self.nodes[key].adopt(self.roster)

    async def settled(self, seconds: float = 20) -> None:
        """Until every member is through with the turn."""
        members = codec.decode(self.roster.content, Roster).members
        up = [self.nodes[key] for key in members if key in self.nodes]
        await until(lambda: all(node.ready for node in up), seconds)

    def key(self, public: bytes) -> SigningKey:
        return next(key for key in self.keys if key.public_key == public)

    def closest(self, name: RegisterName) -> tuple[bytes, ...]:
        return codec.decode(self.roster.content, Roster).closest(name.key)

    async def client(self, label: str = "client") -> DhtNode:
        return await self.start(key_of(label), member=False)

    async def certified_opening(self, node: DhtNode, holder: SigningKey) -> Certificate:
        self._serial += 1
        written = await node.put(opening(self._serial, holder), seconds=20)
        assert written.certificate is not None, written
        return written.certificate


@asynccontextmanager
async def world(
    folder: Path,
    size: int = 16,
    k: int = 8,
    q: int = 6,
    *,
    network: MemoryNetwork | None = None,
    settings: DhtSettings = QUICK,
    commit_delay: float = 0.0,
    cheats: dict[bytes, type[DhtNode]] | None = None,
    introduced_to: int | None = None,
) -> AsyncIterator[World]:
    """All members up and joined. `introduced_to`: to so many others each; the rest they find."""
    members = keys(size)
    roster = signed_roster(members, k, q)
    made = World(folder, roster, members, network, settings, commit_delay, cheats or {})
    try:
        for key in members:
            await made.start(key, join=False)
        contacts = made.contacts()[:introduced_to]
        await asyncio.gather(*(node.join(contacts) for node in made.nodes.values()))
        yield made
    finally:
        for identity in list(made.nodes):
            await made.stop(identity)


async def until(condition: Callable[[], bool], seconds: float = 5) -> None:
    """Let the loop run until it holds. TimeoutError."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - any condition
            await asyncio.sleep(0.005)
