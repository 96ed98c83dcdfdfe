"""The outbox: everything saved for sending arrives, once, in order, whoever was away meanwhile."""

import asyncio
import sqlite3

import pytest

from nodes.protocols.errors import MalformedMessage, Refused
from nodes.runtime.refusals import StaleMessage
from nodes.runtime.store import Table, Transaction
from tests.greeting.messages import Greet, Note
from tests.greeting.module import Greeter, NoOneHome
from tests.runtime.relay import Relay, loses_the_answer, passes, refuses
from tests.runtime.waiting import until
from tests.runtime.world import World, wrapped

pytestmark = pytest.mark.asyncio


async def leave(sender: Greeter, to: bytes, *texts: str) -> None:
    """Notes for one party, in one transaction."""
    async with sender.party.store.transaction() as tx:
        for text in texts:
            sender.party.post(tx, to, Note(text=text), sender.party.fresh_transaction())


def port_of(greeter: Greeter) -> int:
    return int(greeter.service.url.rpartition(":")[2])


async def test_messages_arrive_in_order_and_their_answers_are_heard(world: World) -> None:
    alice, bob = await world.greeter("alice"), await world.greeter("bob")
    texts = [str(number) for number in range(20)]
    await leave(alice, bob.party.id, *texts[:10])
    await leave(alice, bob.party.id, *texts[10:])
    await until(lambda: alice.party.outbox.waiting() == 0)
    assert bob.heard() == texts
    assert alice.answers == [Note(text=text) for text in texts]
    assert alice.refusals == []


async def test_a_transaction_that_is_undone_sends_nothing(world: World) -> None:
    alice, bob = await world.greeter("alice"), await world.greeter("bob")

    async def undone() -> None:
        async with alice.party.store.transaction() as tx:
            alice.party.post(tx, bob.party.id, Note(text="undone"), bytes(16))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await undone()
    await leave(alice, bob.party.id, "done")
    await until(lambda: alice.party.outbox.waiting() == 0)
    assert bob.heard() == ["done"]


async def test_messages_outlive_a_restart_of_both_sides(world: World) -> None:
    alice, bob = await world.greeter("alice"), await world.greeter("bob")
    port = port_of(bob)
    await alice.party.directory.card(bob.party.id)
    await world.stop(bob)
    await leave(alice, bob.party.id, "one", "two", "three")
    await world.stop(alice)
    alice = await world.greeter("alice")
    assert alice.party.outbox.waiting() == 3
    bob = await world.greeter("bob", port=port)
    await leave(alice, bob.party.id, "four")
    await until(lambda: alice.party.outbox.waiting() == 0)
    assert bob.heard() == ["one", "two", "three", "four"]
    assert bob.handled["note"] == 4


async def test_one_party_that_is_away_keeps_no_message_from_the_others(world: World) -> None:
    alice, bob = await world.greeter("alice"), await world.greeter("bob")
    carol = await world.greeter("carol")
    await alice.party.directory.card(carol.party.id)
    port = port_of(carol)
    await world.stop(carol)
    await leave(alice, carol.party.id, "for carol")
    await leave(alice, bob.party.id, "for bob")
    await until(lambda: bob.heard() == ["for bob"])
    await until(lambda: alice.party.outbox.waiting() == 1)
    carol = await world.greeter("carol", port=port)
    await until(lambda: alice.party.outbox.waiting() == 0)
    assert carol.heard() == ["for carol"]


async def test_a_lost_answer_is_asked_for_again_and_the_message_handled_once(world: World) -> None:
    alice, bob = await world.greeter("alice"), await world.greeter("bob")
    await alice.party.directory.card(bob.party.id)
    async with Relay(bob, loses_the_answer, loses_the_answer, passes) as relay:
        relay.stand_before(bob, alice)
        await leave(alice, bob.party.id, "hello")
        await until(lambda: alice.party.outbox.waiting() == 0)
    assert (bob.heard(), bob.handled["note"], len(alice.answers)) == (["hello"], 1, 1)


async def test_a_busy_party_is_asked_again(world: World) -> None:
    alice = await world.greeter("alice", call_seconds=0.3)
    bob = await world.greeter("bob", work_in_hand=1)
    bob.door.clear()
    visitor = asyncio.create_task(world.post(bob, wrapped(alice, bob, Greet(words="hi")).wire))
    await until(lambda: bob.handled["greet"])
    await leave(alice, bob.party.id, "hello")
    await until(lambda: alice.party.observer.rows()[-1].outcome == "http/overloaded")
    assert bob.handled["note"] == 0
    bob.door.set()
    assert (await visitor)[0] == 200
    await until(lambda: alice.party.outbox.waiting() == 0)
    assert (bob.heard(), alice.refusals) == (["hello"], [])


async def test_a_party_that_fails_is_asked_again(world: World) -> None:
    alice, bob = await world.greeter("alice"), await world.greeter("bob")
    bob.failures = 2
    await leave(alice, bob.party.id, "hello", "again")
    await until(lambda: alice.party.outbox.waiting() == 0)
    assert (bob.heard(), bob.handled["note"]) == (["hello", "again"], 4)


async def test_a_refusal_is_reported_once_and_the_next_message_goes_out(world: World) -> None:
    alice, bob = await world.greeter("alice"), await world.greeter("bob")
    await leave(alice, bob.party.id, "refuse me", "hello")
    await until(lambda: alice.party.outbox.waiting() == 0)
    assert [type(error) for error in alice.refusals] == [NoOneHome]
    assert bob.heard() == ["hello"]
    await world.stop(alice)
    alice = await world.greeter("alice")
    await leave(alice, bob.party.id, "third")
    await until(lambda: alice.party.outbox.waiting() == 0)
    assert (alice.refusals, bob.heard()) == ([], ["hello", "third"])


async def test_a_message_that_came_too_late_is_sent_again_with_a_fresh_time(world: World) -> None:
    alice, bob = await world.greeter("alice"), await world.greeter("bob")
    await alice.party.directory.card(bob.party.id)
    async with Relay(bob, refuses(StaleMessage()), passes) as relay:
        relay.stand_before(bob, alice)
        await leave(alice, bob.party.id, "hello")
        await until(lambda: alice.party.outbox.waiting() == 0)
    assert (bob.heard(), alice.refusals, relay.requests) == (["hello"], [], 2)


async def test_a_message_the_other_cannot_read_is_reported_and_not_sent_for_ever(
    world: World,
) -> None:
    alice, bob = await world.greeter("alice"), await world.greeter("bob")
    await alice.party.directory.card(bob.party.id)
    async with Relay(bob, refuses(MalformedMessage("no note")), passes) as relay:
        relay.stand_before(bob, alice)
        await leave(alice, bob.party.id, "unreadable", "hello")
        await until(lambda: alice.party.outbox.waiting() == 0)
    assert [type(error) for error in alice.refusals] == [Refused]
    assert "message/malformed" in alice.refusals[0].detail
    assert bob.heard() == ["hello"]


async def test_a_message_waits_while_another_node_sits_in_its_recipients_place(
    world: World,
) -> None:
    alice, bob = await world.greeter("alice"), await world.greeter("bob")
    await alice.party.directory.card(bob.party.id)
    port = port_of(bob)
    await world.stop(bob)
    carol = await world.greeter("carol", port=port)
    await leave(alice, bob.party.id, "for bob alone")
    await until(lambda: alice.party.observer.rows()[-1].outcome == "message/wrong-recipient")
    bob = await world.greeter("bob")
    await until(lambda: alice.party.outbox.waiting() == 0)
    assert (bob.heard(), carol.heard(), alice.refusals) == (["for bob alone"], [], [])


async def test_a_node_that_stops_leaves_what_it_could_not_send(world: World) -> None:
    alice, bob = await world.greeter("alice"), await world.greeter("bob")
    await alice.party.directory.card(bob.party.id)
    await world.stop(bob)
    await leave(alice, bob.party.id, "later")
    await world.stop(alice)
    alice = await world.greeter("alice")
    assert alice.party.outbox.waiting() == 1


async def test_where_a_deletion_fails_the_message_is_sent_again_and_the_rest_after_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = await world.greeter("alice"), await world.greeter("bob")
    await alice.party.directory.card(bob.party.id)
    delete, failures = Table.delete, [sqlite3.OperationalError("database or disk is full")] * 2

    def unwell(self: Table[object], tx: Transaction, key: bytes) -> None:
        if self.name == "outbox" and failures:
            raise failures.pop()
        delete(self, tx, key)

    monkeypatch.setattr(Table, "delete", unwell)
    await leave(alice, bob.party.id, "one", "two")
    await until(lambda: alice.party.outbox.waiting() == 0)
    assert failures == []
    assert (bob.heard(), bob.handled["note"]) == (["one", "two"], 2)
