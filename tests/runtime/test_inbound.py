"""Messages over real HTTP: once, in time, from whom they may come; else a refusal and no trace."""

import asyncio
from typing import Any

import msgspec
import pytest

from crypto import codec
from crypto.signing import SigningKey
from nodes.protocols.envelope import (
    CannotUnseal,
    Envelope,
    SenderMissing,
    WrongProtocol,
    WrongRecipient,
    WrongSignature,
    unwrap,
    wrap,
)
from nodes.protocols.errors import MalformedMessage, ProtocolError
from nodes.protocols.message import Role
from nodes.runtime.problem import read_problem
from nodes.runtime.refusals import StaleMessage, UnexpectedFailure, UnknownSender, WrongRole
from tests.greeting.messages import Greet, Greeting, Hush, Note, Whisper
from tests.greeting.module import NoOneHome
from tests.runtime.waiting import until
from tests.runtime.world import TRANSACTION, World, greet, wrapped

pytestmark = pytest.mark.asyncio


async def refusal_of(world: World, *post: Any, **asked: Any) -> type[ProtocolError]:
    status, body, response = await world.post(*post, **asked)
    assert response.content_type == "application/problem+json"
    error = read_problem(body, status)
    assert status == error.status
    return type(error)


async def test_a_message_is_answered_and_both_sides_write_one_row_each(world: World) -> None:
    alice, bob = await world.greeter("alice"), await world.greeter("bob")
    answer = await greet(alice, bob)
    assert answer.message == Greeting(words="hello", count=1)
    assert answer.sender == bob.party.id
    rows = {
        name: [(row.direction, row.message, row.envelope) for row in greeter.party.observer.rows()
               if row.protocol == "greeting"]
        for name, greeter in (("alice", alice), ("bob", bob))
    }  # fmt: skip
    (_, asked, first), (_, answered, second) = rows["alice"]
    assert (asked, answered) == ("Greet", "Greeting")
    assert rows["alice"] == [("out", "Greet", first), ("in", "Greeting", second)]
    assert rows["bob"] == [("in", "Greet", first), ("out", "Greeting", second)]


async def test_a_sealed_message_is_read_by_its_receiver_and_answered_under_seal(
    world: World,
) -> None:
    alice, bob = await world.greeter("alice"), await world.greeter("bob")
    answer = await alice.party.send(bob.party.id, Whisper(secret=b"abc"), TRANSACTION, Hush)
    assert answer.message.secret == b"cba"
    status, body, _ = await world.post(
        bob, wrapped(alice, bob, Whisper(secret=b"abc")).wire, "/greeting/whisper"
    )
    assert status == 200
    with pytest.raises(MalformedMessage):
        unwrap(body, Hush, alice.party.id)
    plain = wrapped(alice, bob, Whisper(secret=b"abc")).opened.wire
    assert await refusal_of(world, bob, plain, "/greeting/whisper") is CannotUnseal


async def test_a_repeat_gets_the_same_bytes_and_changes_nothing(world: World) -> None:
    alice, bob = await world.greeter("alice"), await world.greeter("bob")
    made = wrapped(alice, bob, Greet(words="hi"))
    answers = {(await world.post(bob, made.wire))[1] for _ in range(3)}
    again = wrapped(alice, bob, Greet(words="hi"))
    assert again.wire != made.wire
    answers.add((await world.post(bob, again.wire))[1])
    assert len(answers) == 1
    assert (bob.handled["greet"], bob.total) == (1, 1)


async def test_a_repeat_is_answered_after_a_restart_and_whatever_its_age(world: World) -> None:
    alice, bob = await world.greeter("alice"), await world.greeter("bob")
    made = wrapped(alice, bob, Greet(words="hi"))
    first = await world.post(bob, made.wire)
    await world.stop(bob)
    bob = await world.greeter("bob")
    bob.party.clock.advance(10_000)
    assert (await world.post(bob, made.wire))[:2] == first[:2]
    assert (bob.handled["greet"], bob.total) == (0, 1)


async def test_copies_at_the_same_time_are_handled_once_and_answered_alike(world: World) -> None:
    alice, bob = await world.greeter("alice"), await world.greeter("bob")
    bob.door.clear()
    made = wrapped(alice, bob, Greet(words="hi"))
    posts = [asyncio.create_task(world.post(bob, made.wire)) for _ in range(20)]
    await until(lambda: bob.handled["greet"])
    bob.door.set()
    answers = await asyncio.gather(*posts)
    assert len({body for _, body, _ in answers}) == 1
    assert (bob.handled["greet"], bob.total) == (1, 1)


async def test_a_copy_that_waited_for_its_senders_card_is_not_handled_again(world: World) -> None:
    """Both copies are new when they come; one is answered while the other's sender is looked up."""
    alice, bob = await world.greeter("alice"), await world.greeter("bob")
    slow, looked_up = asyncio.Event(), 0
    role_of = bob.party.directory.role_of

    async def slow_for_the_first(id_: bytes) -> Role:
        nonlocal looked_up
        looked_up += 1
        if looked_up == 1:
            await slow.wait()
        return await role_of(id_)

    bob.party.directory.role_of = slow_for_the_first  # type: ignore[method-assign]
    made = wrapped(alice, bob, Greet(words="hi"))
    waiting = asyncio.create_task(world.post(bob, made.wire))
    await until(lambda: looked_up == 1)
    answered = await world.post(bob, made.wire)
    slow.set()
    assert (await waiting)[:2] == answered[:2]
    assert (bob.handled["greet"], bob.total) == (1, 1)


async def test_copies_of_a_refused_message_are_all_refused(world: World) -> None:
    alice, bob = await world.greeter("alice"), await world.greeter("bob")
    bob.door.clear()
    made = wrapped(alice, bob, Note(text="refuse me"))
    posts = [
        asyncio.create_task(refusal_of(world, bob, made.wire, "/greeting/note")) for _ in range(5)
    ]
    await until(lambda: bob.handled["note"])
    bob.door.set()
    assert await asyncio.gather(*posts) == [NoOneHome] * 5
    assert bob.heard() == []


async def test_a_refusal_reaches_the_caller_as_its_class_with_its_evidence(world: World) -> None:
    alice, bob = await world.greeter("alice"), await world.greeter("bob")
    made = wrapped(alice, bob, Note(text="refuse me"))
    status, body, _ = await world.post(bob, made.wire, "/greeting/note")
    error = read_problem(body, status)
    assert (type(error), status) == (NoOneHome, 423)
    assert (error.detail, error.evidence) == ("not today", b"the door")


async def test_an_exception_in_a_handler_is_an_unknown_outcome_and_shows_nothing(
    world: World,
) -> None:
    alice, bob = await world.greeter("alice"), await world.greeter("bob")
    made = wrapped(alice, bob, Greet(words="divide"))
    status, body, _ = await world.post(bob, made.wire)
    assert (status, type(read_problem(body, status))) == (500, UnexpectedFailure)
    assert b"ZeroDivision" not in body
    assert (await greet(alice, bob)).message.count == 1


# what is refused before any handler


@pytest.mark.parametrize("seconds", [-61.0, 3.0])
async def test_stale_and_future_messages_are_refused(world: World, seconds: float) -> None:
    alice, bob = await world.greeter("alice"), await world.greeter("bob")
    wire, _ = wrap(
        Greet(words="hi"), key=alice.party.key, to=bob.party.id, transaction=TRANSACTION,
        nonce=bytes(16), now=bob.party.now() + int(1000 * seconds),
    )  # fmt: skip
    assert await refusal_of(world, bob, wire) is StaleMessage
    assert (bob.handled["greet"], bob.total) == (0, 0)


@pytest.mark.parametrize("seconds", [-58.0, 1.0])
async def test_messages_within_their_time_are_taken(world: World, seconds: float) -> None:
    alice, bob = await world.greeter("alice"), await world.greeter("bob")
    wire, _ = wrap(
        Greet(words="hi"), key=alice.party.key, to=bob.party.id, transaction=TRANSACTION,
        nonce=bytes(16), now=bob.party.now() + int(1000 * seconds),
    )  # fmt: skip
    assert (await world.post(bob, wire))[0] == 200


async def test_an_unknown_sender_is_refused(world: World) -> None:
    bob = await world.greeter("bob")
    wire, _ = wrap(
        Greet(words="hi"), key=SigningKey.generate(), to=bob.party.id, transaction=TRANSACTION,
        nonce=bytes(16), now=bob.party.now(),
    )  # fmt: skip
    assert [await refusal_of(world, bob, wire) for _ in range(2)] == [UnknownSender] * 2
    assert bob.handled["greet"] == 0


async def test_a_sender_in_another_role_is_refused(world: World) -> None:
    bob, server = await world.greeter("bob"), await world.greeter("shop", Role.CENTRAL_SERVER)
    broker = await world.greeter("bank", Role.BROKER)
    assert await refusal_of(world, bob, wrapped(server, bob, Greet(words="hi")).wire) is WrongRole
    assert (await greet(broker, bob)).message.count == 1


async def test_an_anonymous_message_is_refused(world: World) -> None:
    bob = await world.greeter("bob")
    wire, _ = wrap(
        Greet(words="hi"), key=None, to=bob.party.id, transaction=TRANSACTION, nonce=bytes(16),
        now=bob.party.now(),
    )  # fmt: skip
    assert await refusal_of(world, bob, wire) is SenderMissing


async def test_misaddressed_misdirected_and_altered_messages_are_refused(world: World) -> None:
    alice, bob = await world.greeter("alice"), await world.greeter("bob")
    carol = await world.greeter("carol")
    wire = wrapped(alice, bob, Greet(words="hi")).wire
    content, signature = codec.decode(wire, tuple[bytes, bytes])
    envelope = codec.decode(content, Envelope)
    altered = codec.encode(msgspec.structs.replace(envelope, body=codec.encode(Greet(words="ho"))))
    cases = [
        (carol, wire, "/greeting/greet", WrongRecipient),
        (bob, wire, "/greeting/note", WrongProtocol),
        (bob, wire, "/greeting/whisper", CannotUnseal),
        (bob, codec.encode([altered, signature]), "/greeting/greet", WrongSignature),
        (bob, wire[:-1], "/greeting/greet", MalformedMessage),
        (bob, b"", "/greeting/greet", MalformedMessage),
        (bob, b'{"words": "hi"}', "/greeting/greet", MalformedMessage),
        (bob, b"\x91" * 100_000, "/greeting/greet", MalformedMessage),
    ]
    for greeter, body, path, expected in cases:
        assert await refusal_of(world, greeter, body, path) is expected
    assert bob.handled + carol.handled == {}
    assert (await world.post(bob, wire))[0] == 200


async def test_refusals_are_counted_and_leave_no_row(world: World) -> None:
    bob = await world.greeter("bob")
    before = len(bob.party.observer.rows())
    await refusal_of(world, bob, b"nonsense")
    counted = bob.party.observer.counters[("greeting", "1")]
    assert (counted["refused"], counted["messages"], counted["bytes_in"]) == (1, 1, 8)
    assert len(bob.party.observer.rows()) == before
