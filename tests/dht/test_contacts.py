"""Who may stand in a routing table: members that have shown their key, where they showed it."""

import asyncio
from typing import Any

import pytest

from crypto import codec
from crypto.hashing import digest
from dht.records import node_id
from dht.routing import RingNode
from dht.rpc import REQUEST, Address
from dht.wire import FindNode, Neighbour, Neighbours, Ping
from tests.dht.worlds import World, key_of, until

pytestmark = pytest.mark.asyncio
ATTACKER = ("10.66.6.6", 666)


def ping_as(key: bytes, number: int = 0) -> bytes:
    call_id = digest("call", number.to_bytes(8, "big"))[:20]
    return REQUEST + call_id + codec.encode(("ping", Ping(key, bytes(16))))


def asks_as(key: bytes) -> bytes:
    return REQUEST + bytes(20) + codec.encode(("find_node", FindNode(key, bytes(20))))


def address_in_buckets(world: World, at: bytes, key: bytes) -> Address | None:
    contact = world.nodes[at]._protocol.router.contact(node_id(key))
    return None if contact is None else contact.address


async def quiet(world: World, at: bytes) -> None:
    await until(lambda: not world.nodes[at]._protocol._proving)


async def test_whoever_claims_a_members_key_without_it_enters_no_bucket(memory: World) -> None:
    victim, target, *_ = memory.nodes
    protocol = memory.nodes[target]._protocol
    known = protocol.router.contact(node_id(victim))
    assert known is not None
    protocol._drop(known)
    protocol.datagram_received(ping_as(victim), ATTACKER)
    assert protocol._proving == {(victim, ATTACKER)}
    await quiet(memory, target)
    assert address_in_buckets(memory, target, victim) is None


async def test_a_member_that_is_at_home_is_not_moved(memory: World) -> None:
    victim, target, *_ = memory.nodes
    home = memory.addresses[victim]
    await impersonate(memory, victim)
    protocol = memory.nodes[target]._protocol
    assert await protocol.who_is(ATTACKER) == victim
    protocol.datagram_received(ping_as(victim), ATTACKER)
    await quiet(memory, target)
    assert address_in_buckets(memory, target, victim) == home


async def impersonate(memory: World, victim: bytes) -> None:
    """A second party with the victim's very key (its own copy of the disk) elsewhere."""
    assert memory.network is not None
    protocol = memory.nodes[victim]._create_protocol()
    await memory.network.create_datagram_endpoint(lambda: protocol, ATTACKER)


class Relay(asyncio.DatagramProtocol):
    """Passes on what it gets to a member, and the member's answers back."""

    def __init__(self, member: Address) -> None:
        self.member = member
        self.askers: dict[bytes, Address] = {}
        self.passed_back = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Address) -> None:
        if data[:1] == REQUEST:
            self.askers[data[1:21]] = addr
            self.transport.sendto(data, self.member)
        else:
            self.passed_back += 1
            self.transport.sendto(data, self.askers[data[1:21]])


async def test_whoever_relays_a_members_answers_does_not_pass_as_that_member(
    memory: World,
) -> None:
    victim, target, *_ = memory.nodes
    assert memory.network is not None
    relay = Relay(memory.addresses[victim])
    await memory.network.create_datagram_endpoint(lambda: relay, ATTACKER)
    protocol = memory.nodes[target]._protocol
    assert await protocol.who_is(memory.addresses[victim]) == victim
    assert await protocol.who_is(ATTACKER) is None
    assert relay.passed_back > 0


async def test_a_stranger_with_a_key_of_his_own_enters_no_bucket(memory: World) -> None:
    stranger = await memory.client("stranger")
    target = next(iter(memory.addresses))
    address = stranger._server.address
    protocol = memory.nodes[target]._protocol
    protocol.datagram_received(ping_as(key_of("stranger").public_key), address)
    assert not protocol._proving
    assert not await protocol.meet(key_of("stranger").public_key, address)
    assert address_in_buckets(memory, target, key_of("stranger").public_key) is None


async def test_a_flood_of_claims_is_bounded(memory: World) -> None:
    target, *others = memory.addresses
    protocol = memory.nodes[target]._protocol
    for number in range(2000):
        claimed = others[number % len(others)]
        protocol.datagram_received(ping_as(claimed, number), ("10.66.0.1", number + 1))
    assert len(protocol._proving) == protocol.settings.max_proofs
    await quiet(memory, target)
    assert all(address_in_buckets(memory, target, key) for key in others)


async def test_who_would_find_no_room_proves_nothing_and_the_oldest_may_be_gone(
    memory: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, oldest, newcomer, *_ = memory.nodes
    protocol = memory.nodes[target]._protocol
    home = memory.addresses[newcomer]
    head, known = protocol.contact(oldest), protocol.contact(newcomer)
    assert head is not None
    assert known is not None
    protocol._drop(known)
    monkeypatch.setattr(protocol.router, "in_the_way_of", lambda key: head)
    protocol._keep(head)
    protocol.datagram_received(asks_as(newcomer), home)
    assert not protocol._proving, "the oldest was heard a moment ago"
    head.heard_at -= protocol.settings.doubt_after_seconds
    await memory.nodes[oldest].close()
    protocol.datagram_received(ping_as(newcomer, 1), home)
    assert not protocol._proving, "a ping may be a doubt, and would go on and on"
    protocol.datagram_received(asks_as(newcomer), home)
    await quiet(memory, target)
    assert protocol.contact(oldest) is None
    assert protocol.contact(newcomer) is None
    monkeypatch.undo()
    protocol.datagram_received(ping_as(newcomer, 2), home)
    await quiet(memory, target)
    assert address_in_buckets(memory, target, newcomer) == home


async def test_who_was_met_doubts_nobody_either(
    memory: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, oldest, newcomer, *_ = memory.nodes
    protocol = memory.nodes[target]._protocol
    head = protocol.contact(oldest)
    assert head is not None
    head.heard_at -= protocol.settings.doubt_after_seconds
    monkeypatch.setattr(protocol.router, "add_contact", lambda contact: head)
    assert await protocol.meet(newcomer, memory.addresses[newcomer])
    assert not protocol._proving


async def test_who_is_no_member_any_more_makes_room_though_it_answers(memory: World) -> None:
    target, *_ = memory.nodes
    protocol = memory.nodes[target]._protocol
    former = key_of("former member")
    node = await memory.start(former, member=False, join=False)
    there = RingNode(former.public_key, node._server.address)
    protocol.router.add_contact(there)
    there.heard_at -= protocol.settings.doubt_after_seconds
    protocol._doubt(there)
    await quiet(memory, target)
    assert address_in_buckets(memory, target, former.public_key) is None


async def test_who_is_no_member_any_more_stands_in_no_lookup(memory: World) -> None:
    target, *_ = memory.nodes
    protocol = memory.nodes[target]._protocol
    former = key_of("former member")
    node = await memory.start(former, member=False, join=False)
    protocol.router.add_contact(RingNode(former.public_key, node._server.address))
    found = await protocol.lookup(node_id(former.public_key))
    assert former.public_key not in {candidate.key for candidate in found.nearest}
    assert address_in_buckets(memory, target, former.public_key) is None


async def test_a_bucket_that_was_silent_for_long_is_looked_into(memory: World) -> None:
    target, *others = memory.nodes
    protocol = memory.nodes[target]._protocol
    assert protocol._refresh_targets() == []
    gone = protocol.contact(others[0])
    assert gone is not None
    for contact in protocol.router:
        contact.heard_at -= 2 * protocol.settings.refresh_seconds
    await memory.nodes[gone.key].close()
    await protocol.refresh()
    assert address_in_buckets(memory, target, gone.key) is None


async def test_addresses_told_by_others_are_members_at_numeric_hosts_only(
    memory: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, liar, *others = memory.nodes
    told = (
        Neighbour(others[0], "somewhere.example", 7),
        Neighbour(key_of("stranger").public_key, "10.0.0.9", 7),
        Neighbour(others[1], "10.0.0.9", 7),
    )
    lie: Any = memory.nodes[liar]._protocol
    lie.rpc_find_node = lambda address, request: Neighbours(told)
    protocol = memory.nodes[target]._protocol
    asked: list[Address] = []
    begin = protocol.begin

    def watched(address: Address, request: Any, answer: Any) -> Any:
        asked.append(address)
        return begin(address, request, answer)

    monkeypatch.setattr(protocol, "begin", watched)
    await protocol.lookup(bytes(20))
    assert asked.count(("10.0.0.9", 7)) == 1, "the member, not the stranger"
    assert not any(host == "somewhere.example" for host, _ in asked)


async def test_a_lie_about_a_members_address_does_not_hide_it(memory: World) -> None:
    """The crawl keeps both addresses and stops where the key is shown."""
    target, wanted, *others = memory.nodes
    protocol = memory.nodes[target]._protocol
    for liar in others[:5]:
        honest = memory.nodes[liar]._protocol.rpc_find_node
        lie: Any = memory.nodes[liar]._protocol

        def twisted(address: Address, request: FindNode, honest: Any = honest) -> Neighbours:
            false = tuple(Neighbour(c.key, *ATTACKER) for c in honest(address, request).contacts)
            return Neighbours(false)

        lie.rpc_find_node = twisted
    contact = protocol.router.contact(node_id(wanted))
    assert contact is not None
    protocol._drop(contact)
    protocol._last_address.pop(wanted, None)
    lookup = await protocol.find(wanted)
    assert lookup.found is not None
    assert address_in_buckets(memory, target, wanted) == memory.addresses[wanted]
