"""Writing and reading registers, over UDP and in memory with the same classes."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from crypto import codec
from crypto.documents import Signed
from dht.errors import MessageTooLarge, NoRoster
from dht.network_in_memory import MemoryNetwork
from dht.node import DhtNode
from dht.records import Put, Record, RegisterName
from dht.wire import KeepAnswer, KeepRequest, PutAnswer, PutRequest
from nodes.runtime.store import Store
from tests.dht.worlds import AUTHORITY, World, key_of, opening, payment, until

ALICE, BOB, CAROL = key_of("alice"), key_of("bob"), key_of("carol")
pytestmark = pytest.mark.asyncio


async def test_a_put_is_certified_by_all_k_and_read_back(sixteen: World) -> None:
    client = await sixteen.client()
    put = opening(1, ALICE)
    written = await client.put(put, seconds=5)
    assert written.accepted
    assert written.certificate is not None
    assert {vote.voter for vote in written.votes} == set(sixteen.closest(written.name))
    assert written.silent == ()
    assert client.check(written.certificate) == put.record.body()
    reading = await client.read(written.name, seconds=5)
    assert [seen.record for seen in reading.records] == [put.record]
    assert set(reading.records[0].holders) == set(sixteen.closest(written.name))
    assert reading.absent is False
    assert reading.answered == 8


async def test_a_chain_of_payments_by_members_and_clients(sixteen: World) -> None:
    member = next(iter(sixteen.nodes.values()))
    client = await sixteen.client()
    certificate = await sixteen.certified_opening(member, ALICE)
    for node, payer, payee in [(client, ALICE, BOB), (member, BOB, CAROL), (client, CAROL, ALICE)]:
        written = await node.put(payment(certificate, payer, payee), seconds=5)
        assert written.accepted
        assert written.certificate is not None
        certificate = written.certificate
    assert certificate.record.body().index == 3


async def test_the_closest_members_and_only_they_hold_the_record(memory: World) -> None:
    client = await memory.client()
    for serial in range(20):
        written = await client.put(opening(serial, ALICE), seconds=5)
        holders = {
            key
            for key, node in memory.nodes.items()
            if any(held.name == written.name for held in node.registers())
        }
        assert holders == set(memory.closest(written.name))


async def test_the_certificate_is_handed_to_all_k_and_kept_as_certified(sixteen: World) -> None:
    client = await sixteen.client()
    certificate = await sixteen.certified_opening(client, ALICE)
    name = certificate.record.body().name

    def certified() -> int:
        kept = [
            sixteen.nodes[key]._replica.registers.summary(name) for key in sixteen.closest(name)
        ]
        return sum(k is not None and k.certified == certificate.record.digest for k in kept)

    await until(lambda: certified() == 8)
    for member in sixteen.closest(name):
        held = next(r for r in sixteen.nodes[member].registers() if r.name == name)
        assert held.digests == (certificate.record.digest,)
        again = sixteen.nodes[member]._replica.keep(KeepRequest(member, certificate))
        assert again == KeepAnswer("kept"), "at once: it is on disk"
    reading = await client.read(name, seconds=5)
    assert reading.certificate == certificate


async def test_votes_seen_at_the_replicas_make_the_certificate_nobody_handed_over(
    memory: World,
) -> None:
    client = await memory.client()
    put = opening(1, ALICE)
    name = put.record.body().name
    for key in memory.closest(name):
        request = PutRequest(client_key(client), put)
        answer = await client._ask(key, request, PutAnswer)
        assert answer is not None
        assert answer.state == "voted"
    reading = await client.read(name, seconds=5)
    assert reading.certificate is not None
    assert client.check(reading.certificate) == put.record.body()


def client_key(node: DhtNode) -> bytes:
    return node._key.public_key


async def test_the_same_put_again_is_the_same_value(sixteen: World) -> None:
    client = await sixteen.client()
    put = opening(1, ALICE)
    first = await client.put(put, seconds=5)
    again = await client.put(put, seconds=5)
    assert first.accepted
    assert again.accepted
    assert first.certificate is not None
    assert again.certificate is not None
    votes = {v.voter: v for v in (*first.certificate.votes, *again.certificate.votes)}
    assert all(votes[v.voter] == v for v in first.certificate.votes)
    assert sum(node.counters["votes_cast"] for node in sixteen.nodes.values()) == 8


async def test_probe_tells_a_free_register_from_a_written_one(sixteen: World) -> None:
    client = await sixteen.client()
    certificate = await sixteen.certified_opening(client, ALICE)
    name = certificate.record.body().name
    assert not await client.probe(name, seconds=5)
    assert await client.probe(RegisterName(name.namespace, name.chain, 1), seconds=5)


async def test_absent_cannot_be_told_when_fewer_than_q_answer(memory: World) -> None:
    client = await memory.client()
    name = opening(1, ALICE).record.body().name
    reading = await client.read(name, seconds=5)
    assert reading.absent is True
    for key in memory.closest(name)[:3]:
        await memory.stop(key)
    reading = await client.read(name, seconds=0.5)
    assert reading.absent is None
    assert set(reading.silent) == set(memory.closest(name)[:3])
    assert not await client.probe(name, seconds=0.5)


async def test_a_record_its_namespace_refuses_is_refused_with_the_code(sixteen: World) -> None:
    client = await sixteen.client()
    genuine = opening(1, ALICE)
    written = await client.put(Put(genuine.record, None, b"forged"), seconds=5)
    assert not written.accepted
    assert written.certificate is None
    assert len(written.refusals) > 2
    assert {refusal.code for refusal in written.refusals} == {"token/not-genuine"}
    assert (await client.read(written.name, seconds=5)).absent is True


async def test_a_payer_who_does_not_hold_it_can_neither_spend_nor_block(sixteen: World) -> None:
    client = await sixteen.client()
    certificate = await sixteen.certified_opening(client, ALICE)
    stolen = await client.put(payment(certificate, BOB, CAROL), seconds=5)
    assert {refusal.code for refusal in stolen.refusals} == {"token/payer-does-not-hold-it"}
    assert (await client.put(payment(certificate, ALICE, BOB), seconds=5)).accepted


async def test_a_namespace_nobody_checks_is_refused(memory: World) -> None:
    client = await memory.client()
    body = opening(1, ALICE).record.body()
    other = replace(body, namespace="nothing")
    put = Put(Record(Signed(codec.encode(other), ())), None, b"")
    written = await client.put(put, seconds=5)
    assert {refusal.code for refusal in written.refusals} == {"dht/unknown-namespace"}


async def test_members_beyond_the_k_closest_refuse(memory: World) -> None:
    client = await memory.client()
    put = opening(1, ALICE)
    name = put.record.body().name
    beyond = set(memory.addresses) - set(memory.closest(name))
    assert len(beyond) == 8
    for key in beyond:
        answer = await client._ask(key, PutRequest(client_key(client), put), PutAnswer)
        assert answer is not None
        assert (answer.state, answer.code) == ("refused", "dht/not-among-the-closest")
        assert answer.vote is None


async def test_a_client_is_in_no_bucket_and_never_votes(sixteen: World) -> None:
    client = await sixteen.client()
    for _ in range(3):
        await sixteen.certified_opening(client, ALICE)
    for node in sixteen.nodes.values():
        assert client_key(client) not in {contact.key for contact in node._protocol.router}
    assert client.counters["votes_cast"] == 0
    assert client.registers() == []


async def test_a_put_larger_than_a_datagram_is_not_sent(memory: World) -> None:
    client = await memory.client()
    before = client.counters["datagrams_out"]
    with pytest.raises(MessageTooLarge):
        await client.put(Put(opening(1, ALICE).record, None, bytes(8000)), seconds=1)
    assert client.counters["datagrams_out"] == before


async def test_a_record_its_payer_did_not_sign_is_the_callers_error(memory: World) -> None:
    client = await memory.client()
    certificate = await memory.certified_opening(client, ALICE)
    put = payment(certificate, ALICE, BOB)
    forged = Record(Signed(put.record.signed.content, (bytes(64),)))
    with pytest.raises(ValueError, match="signature"):
        await client.put(Put(forged, certificate, put.evidence), seconds=1)


async def test_without_a_roster_nothing_can_be_asked(tmp_path: Path) -> None:
    store = Store(tmp_path / "node.db")
    node = DhtNode(
        key=key_of("lonely"),
        storage=store,
        now=lambda: 0,
        validators={},
        authority=lambda: AUTHORITY.public_key,
        member=True,
        network=MemoryNetwork(),
    )
    await node.listen("10.0.0.1", 0)
    assert not node.ready
    assert node.roster is None
    with pytest.raises(NoRoster):
        await node.join([])
    with pytest.raises(NoRoster):
        await node.put(opening(1, ALICE), seconds=1)
    await node.close()
    await store.close()


async def test_all_are_ready_and_know_each_other(sixteen: World) -> None:
    await until(lambda: all(len(n._protocol.router) == 15 for n in sixteen.nodes.values()))
    assert all(node.ready for node in sixteen.nodes.values())
    client = await sixteen.client()
    assert client.ready
    assert client.roster == next(iter(sixteen.nodes.values())).roster
